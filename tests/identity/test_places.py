"""Places of tokens: what is read there, in which order, and what is taken out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.errors import CredentialInvalid, OriginRefused
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.identity.bearer import may_be_jwt
from gateway.identity.places import AuthorizationPlace, CookiePlace, FieldPlace, Hidden, ParameterPlace, Place, Shown
from gateway.message import Request
from tests.middleware.conftest import exchange_for as make

PLACES: list[Place] = [AuthorizationPlace(), CookiePlace(b"t"), FieldPlace(b"x-token"), ParameterPlace(b"t")]


def request(*fields: tuple[bytes, bytes], target: bytes = b"/") -> Request:
    """A request with these fields."""
    return Request(b"GET", target, Headers(fields), b"h")


@pytest.mark.parametrize(
    ("place", "shown", "token"),
    [
        (PLACES[0], request((b"Authorization", b"Bearer a")), b"a"),
        (PLACES[0], request((b"Authorization", b"Basic a")), None),
        (PLACES[1], request((b"Cookie", b"a=1; t=b")), b"b"),
        (PLACES[1], request((b"Cookie", b't="b"')), b"b"),
        (PLACES[1], request((b"Cookie", b't="')), b'"'),
        (PLACES[1], request((b"Cookie", b't="Bearer b"; t=b')), b"b"),
        (PLACES[1], request((b"Cookie", b"t="), (b"Cookie", b"t=b")), b"b"),
        (PLACES[1], request((b"Cookie", b"T=b")), None),
        (PLACES[2], request((b"X-Token", b"c")), b"c"),
        (PLACES[2], request((b"X-Token", b"Bearer c")), b"c"),
        (PLACES[2], request((b"X-Token", b"Basic c")), b"Basic c"),
        (PLACES[2], request((b"X-Token", b"")), None),
        (PLACES[2], request((b"X_Token", b"c")), None),
        (PLACES[3], request(target=b"/?a=1&t=d"), b"d"),
        (PLACES[3], request(target=b"/?t=%64&%74=d"), b"d"),
        (PLACES[3], request(target=b"/?t="), None),
        (PLACES[3], request(target=b"/?t=bearer+d"), b"d"),
        (PLACES[3], request(target=b"/?t[]=d&T=d"), None),
        *((place, request(), None) for place in PLACES),
    ],
)
def test_what_is_read(place: Place, shown: Request, token: bytes | None) -> None:
    """The token without what stands around it; nothing under other names."""
    assert place.read(shown) == token


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (PLACES[0], request((b"Authorization", b"Bearer a"), (b"Authorization", b"Basic b"))),
        (PLACES[0], request((b"Authorization", b"Bearer"))),
        (PLACES[1], request((b"Cookie", b"t=a; t=b"))),
        (PLACES[1], request((b"Cookie", b"t=a"), (b"Cookie", b"t=b"))),
        (PLACES[2], request((b"X-Token", b"a"), (b"X-Token", b"a"))),
        (PLACES[2], request((b"X-Token", b"Bearer "))),
        (PLACES[3], request(target=b"/?t=a&t=b")),
    ],
)
def test_two_tokens_are_none(place: Place, shown: Request) -> None:
    """Whoever added the second must not choose."""
    with pytest.raises(CredentialInvalid):
        place.read(shown)


def shown_in(may_be: Callable[[bytes], bool] | None = None, refuses: bool = False) -> Shown:
    """All places; the cookie needs a page that may use it."""

    def check(exchange: Exchange) -> None:
        if refuses:
            raise OriginRefused

    return Shown(PLACES, [[], [check], [], []], may_be)


def test_the_first_place_decides_and_is_part_of_the_credential() -> None:
    """What is good from one place is looked at anew from another."""
    everywhere = [(b"X-Token", b"same"), (b"Cookie", b"t=same"), (b"Authorization", b"Bearer same")]

    found = [shown_in().find(make(everywhere[:count])) for count in range(4)]

    assert found == [None, b"\x02same", b"\x01same", b"\x00same"]


def test_a_page_is_asked_about_for_a_place_that_needs_it() -> None:
    """And not where the token is in another one before it."""
    shown = shown_in(refuses=True)

    with pytest.raises(OriginRefused):
        shown.find(make([(b"Cookie", b"t=a")]))
    assert shown.find(make([(b"Cookie", b"t=a"), (b"Authorization", b"Bearer b")])) == b"\x00b"


def test_tokens_of_another_kind_are_left() -> None:
    """An opaque token in one place, a JWT in the next."""
    exchange = make([(b"Authorization", b"Bearer opaque"), (b"Cookie", b"t=eyJ.b.c")])

    assert shown_in(may_be_jwt).find(exchange) == b"\x01eyJ.b.c"
    assert shown_in().find(exchange) == b"\x00opaque"


def test_all_but_the_one_that_was_read_may_be_taken_out() -> None:
    """Another scheme in `Authorization` is no token, and stays; two of them are taken for tokens."""
    fields = [(b"Cookie", b"t=a; T=b; c=1"), (b"X-Token", b"c"), (b"Authorization", b"Basic d")]
    exchange = make(fields)

    shown_in().withhold_others(exchange)

    assert list(exchange.request.headers) == [(b"Cookie", b"t=a; c=1"), (b"Authorization", b"Basic d")]

    exchange = make([(b"Cookie", b"t=a"), (b"X-Token", b"c"), (b"X-Token", b"d")])
    shown_in().withhold_others(exchange)
    assert list(exchange.request.headers) == [(b"Cookie", b"t=a")]


def test_what_is_hidden_is_gone() -> None:
    """From cookies and the query; fields of their own are dropped by the filter of what is forwarded."""
    asked = request((b"Cookie", b"t=a; b=1"), (b"X-Token", b"c"), target=b"/x?t=d&b=1")

    Hidden(PLACES).take_out(asked)

    assert list(asked.headers) == [(b"Cookie", b"b=1"), (b"X-Token", b"c")]
    assert asked.target == b"/x?b=1"
    assert not Hidden([PLACES[0], PLACES[2]])
