"""Places of tokens cost what they are used for: where all tokens are in `Authorization` nothing is there for others."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.composition.builders.identity import Identity
from gateway.composition.builders.token_places import HiddenPlaces, place_of, shown
from gateway.config.schema.auth import Auth, RouteAuth
from gateway.config.schema.tokens import JwtVerifier
from gateway.limiting.store import MemoryLimits
from gateway.middleware.authentication import Authentication
from gateway.middleware.jwt import JwtAuthenticator, SharingJwtAuthenticator
from gateway.middleware.placed import HiddenTokens, PlacedJwtAuthenticator
from gateway.testing import Harness
from tests.tokens import SECRET, protected

HS = {"algorithms": ["HS256"], "secret": SECRET}
ROUTE = RouteAuth(type="jwt")


@pytest.fixture
def gateway() -> Harness:
    """To build on."""
    return protected()


def identity(gateway: Harness, **auth: Any) -> Identity:
    """Build with these settings."""
    return Identity(gateway.settings(auth=auth), gateway.gateway.foundation, frozenset(), MemoryLimits)


def authenticator(made: Identity, auth: RouteAuth) -> object:
    """The first authenticator of a route."""
    step = made.step(auth)
    assert isinstance(step, Authentication)
    return step._ways[0].authenticator


@pytest.mark.parametrize("said", [{}, {"from": "header:authorization"}, {"from": ["header:Authorization"]}])
def test_for_authorization_alone_there_is_what_there_was(gateway: Harness, said: dict[str, Any]) -> None:
    """The same authenticator, and no step."""
    asked = {"default": {"url": "http://127.0.0.1:1/"}}
    made = identity(gateway, jwt={"default": {**HS, **said}}, introspection=asked)

    assert type(authenticator(made, ROUTE)) is JwtAuthenticator
    both = RouteAuth.model_validate({"any_of": ["jwt", "introspection"]})
    assert type(authenticator(made, both)) is SharingJwtAuthenticator
    assert [made.withheld(auth) for auth in (None, ROUTE, both)] == [[None, None]] * 3


def test_a_route_hides_what_it_does_not_read(gateway: Harness) -> None:
    """Its own authenticator takes out what it has read; a field needs no step."""
    places = {"one": "cookie:a", "two": ["header:X-Token", "query:b"], "three": "header:X-Token"}
    made = identity(gateway, jwt={"default": HS} | {name: {**HS, "from": at} for name, at in places.items()})

    def hides(auth: RouteAuth | None) -> list[Any]:
        (_, step) = made.withheld(auth)
        assert step is None or isinstance(step, HiddenTokens)
        return [] if step is None else [step._hidden._cookies, step._hidden._parameters]

    none: frozenset[bytes] = frozenset()
    assert hides(None) == [{b"a"}, {b"b"}]
    assert hides(RouteAuth(type="jwt", verifier=("one",))) == [none, {b"b"}]
    assert hides(RouteAuth(type="jwt", verifier=("two",))) == [{b"a"}, none]
    assert hides(RouteAuth(type="jwt", verifier=("one", "two"))) == []
    assert hides(RouteAuth(type="none")) == [{b"a"}, {b"b"}]
    assert hides(RouteAuth(type="none", forward_credentials=True)) == []
    assert type(authenticator(made, RouteAuth(type="jwt", verifier=("three",)))) is PlacedJwtAuthenticator


def test_places_of_fields_alone_need_no_step() -> None:
    """The filter of what is forwarded drops them."""
    auth = Auth.model_validate({"jwt": {"default": {**HS, "from": ["header:X-Token", "header:Authorization"]}}})

    assert HiddenPlaces(auth).step(()) is None


def test_places_are_looked_at_in_the_order_in_which_they_are_first_named() -> None:
    """Of several verifiers, each takes tokens from its own."""
    said = [
        JwtVerifier.model_validate({**HS, "from": places})
        for places in (["cookie:a", "header:X-Token"], ["header:x-token", "query:b", "cookie:a"])
    ]

    looked_for, takers = shown(said)

    assert list(looked_for.places) == [place_of(one) for one in ("cookie:a", "header:X-Token", "query:b")]
    assert takers == [[0, 1], [0, 1], [1]]
    assert looked_for.fields == {b"x-token"}
