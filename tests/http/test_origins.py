"""Origins that a configuration lists."""

from __future__ import annotations

import pytest

from gateway.http.origins import Origins

LISTED = Origins(["https://app.example.com", "https://*.example.org", "http://*.example.net:8080", "null"])


@pytest.mark.parametrize(
    ("origin", "is_listed"),
    [
        (b"https://app.example.com", True),
        (b"http://app.example.com", False),
        (b"https://app.example.com:8443", False),
        (b"https://app.example.com.evil.test", False),
        (b"https://evil-app.example.com", False),
        (b"https://a.example.org", True),
        (b"https://a.b.example.org", True),
        (b"https://example.org", False),
        (b"https://.example.org", False),
        (b"https://evilexample.org", False),
        (b"https://evil.test/.example.org", False),
        (b"https://evil.test#.example.org", False),
        (b"https://a@b.example.org", False),
        (b"https://a.example.org:8443", False),
        (b"http://a.example.net:8080", True),
        (b"http://a.example.net", False),
        (b"null", True),
        (b"", False),
        (b"*", False),
        (b"https://*.example.org", False),
    ],
)
def test_what_is_listed(origin: bytes, is_listed: bool) -> None:
    """Scheme, host and port, each whole; a star stands for names below."""
    assert (origin in LISTED) is is_listed
