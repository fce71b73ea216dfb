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
        ("https://me:sec ret@host/a", "https://**********@host/a"),
        ("//me:secret@host", "//**********@host"),
        ("//me@host", "//**********@host"),
        ("me:secret@host", "**********@host"),
        ("me:sec ret@host", "**********@host"),
        ("http:me:secret@host", "http:**********@host"),
        ("http:/me:secret@host", "http:/**********@host"),
        ("http:/secret@host", "http:/**********@host"),
        ("someone@example.com", "someone@example.com"),
        ("/users/:id@home", "/users/:id@home"),
        ("~^(?:a|b)@", "~^(?:a|b)@"),
        ("really?", "really?"),
    ],
)
def test_what_is_shown_of_a_url(written: str, shown: str) -> None:
    """Where it leads, and nothing that lets anybody in."""
    assert without_credentials(written) == shown
