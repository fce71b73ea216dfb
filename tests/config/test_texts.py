from __future__ import annotations

import pytest

from gateway.config.texts import without_credentials


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://me:secret@host/a", "https://**********@host/a"),
        ("https://me:sec/r@t@host/a", "https://**********@host/a"),  # not encoded, as people write them
        ("https://host/a?key=secret&b", "https://host/a?**********"),
        ("https://host/a?secret", "https://host/a?**********"),
        ("redis+sentinel://:secret@a,b/main/0", "redis+sentinel://**********@a,b/main/0"),
        ("/health?key=secret", "/health?**********"),
        ("health?key=secret word", "health?**********"),
        ("https://host/a", "https://host/a"),
        ("https://host/a?", "https://host/a?"),
        ("~^(?:a|b)?c$", "~^(?:a|b)?c$"),
        ("someone@example.com", "someone@example.com"),
        ("really?", "really?"),
    ],
)
def test_what_is_shown_of_a_url(written: str, shown: str) -> None:
    """Where it leads, and nothing that lets anybody in."""
    assert without_credentials(written) == shown
