"""Which requests show a bearer token."""

from __future__ import annotations

import pytest

from gateway.errors import CredentialInvalid
from gateway.headers import Headers
from gateway.identity.bearer import bearer_token
from gateway.message import Request


def shown(*values: bytes) -> bytes | None:
    """Return the token of a request with these Authorization fields."""
    fields = [(b"Host", b"x"), *((b"Authorization", value) for value in values), (b"A", b"1"), (b"A", b"2")]
    return bearer_token(Request(b"GET", b"/", Headers(fields)))


@pytest.mark.parametrize("value", [b"Bearer abc", b"bearer abc", b"BEARER abc", b"Bearer   abc"])
def test_the_scheme_is_in_any_case(value: bytes) -> None:
    """With one space after it, or more."""
    assert shown(value) == b"abc"


@pytest.mark.parametrize("value", [b"Basic abc", b"Bearers abc", b"abc", b"", b"Bearer\tabc"])
def test_another_scheme_shows_no_token(value: bytes) -> None:
    """It may be a credential of another kind."""
    assert shown(value) is None


def test_no_field_shows_no_token() -> None:
    """A request without the field is not refused here."""
    assert shown() is None


@pytest.mark.parametrize("value", [b"Bearer", b"Bearer ", b"bearer  "])
def test_a_scheme_without_a_token_is_bad(value: bytes) -> None:
    """The request means to show a token, and shows none."""
    with pytest.raises(CredentialInvalid):
        shown(value)


@pytest.mark.parametrize("second", [b"Bearer abc", b"Basic x", b""])
def test_two_fields_are_bad(second: bytes) -> None:
    """A backend could read the one that was not verified."""
    with pytest.raises(CredentialInvalid):
        shown(b"Bearer abc", second)
