"""A principal as request fields: no text of it can end its field."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.fields import describer, encode
from gateway.principal import Principal

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_any_text_is_visible_ascii_without_commas(text: str) -> None:
    """And decodes to the same text."""
    written = encode(text)

    assert re.fullmatch(rb"[!-+\--~]*", written)
    assert unquote(written.decode(), errors="strict") == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("alice@example.com", b"alice@example.com"),
        ("auth0|5f7c", b"auth0|5f7c"),
        ("https://example.com/u?x=1&y#z", b"https://example.com/u?x=1&y#z"),
        ("a\r\nX-Admin: 1", b"a%0D%0AX-Admin:%201"),
        ("J\u00f6rg", b"J%C3%B6rg"),
        ("a,b", b"a%2Cb"),
        ("100%", b"100%25"),
        ("\0", b"%00"),
    ],
)
def test_what_it_looks_like(text: str, written: bytes) -> None:
    """Ordinary names stay as they are."""
    assert encode(text) == written


def test_half_a_character_cannot_be_written() -> None:
    """The verification refuses the credential then."""
    with pytest.raises(UnicodeEncodeError):
        encode("\ud800")


def test_a_principal_is_three_fields() -> None:
    """Roles and scopes are sorted; the configuration names the fields."""
    describe = describer("X-Who", "X-Roles", "X-Scopes")

    assert describe(Principal("alice", frozenset(["b", "a,c"]), frozenset(["read"]))) == (
        (b"X-Who", b"alice"),
        (b"X-Roles", b"a%2Cc,b"),
        (b"X-Scopes", b"read"),
    )


def test_what_is_empty_is_left_out() -> None:
    """To a backend no field means none."""
    assert describer("X-User-ID", "X-User-Roles", "X-User-Scopes")(Principal("alice")) == ((b"X-User-ID", b"alice"),)
