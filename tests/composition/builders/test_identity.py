"""What the routes of one configuration ask of their callers, and what they share."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.composition.builders.identity import Identity, results, revocations
from gateway.config.schema.auth import AuthCache, RouteAuth
from gateway.limiting.store import MemoryLimits
from gateway.middleware.authentication import Authentication, FullAuthentication
from gateway.testing import Harness
from tests.tokens import SECRET, protected

JWT = {"default": {"algorithms": ["HS256"], "secret": SECRET}}


def identity(gateway: Harness, **auth: Any) -> Identity:
    """Build on a gateway, with these settings."""
    settings = gateway.settings(auth={"jwt": JWT, **auth})
    return Identity(settings, gateway.gateway.foundation, frozenset([b"x-request-id"]), MemoryLimits)


@pytest.fixture
def gateway() -> Harness:
    """With a verifier."""
    return protected()


def test_a_route_that_asks_nothing_has_no_step(gateway: Harness) -> None:
    """Nor has one that says so."""
    made = identity(gateway)

    assert made.step(None) is None
    assert made.step(RouteAuth(type="none")) is None


def test_any_or_all(gateway: Harness) -> None:
    """Two kinds of step."""
    made = identity(gateway)

    assert type(made.step(RouteAuth(type="jwt"))) is Authentication
    assert type(made.step(RouteAuth.model_validate({"any_of": ["jwt"]}))) is Authentication
    assert type(made.step(RouteAuth.model_validate({"all_of": ["jwt"]}))) is FullAuthentication


def test_routes_that_ask_the_same_share_it(gateway: Harness) -> None:
    """Ten thousand routes make one authenticator, and one filter for what is forwarded."""
    made = identity(gateway)
    first, second = made.step(RouteAuth(type="jwt")), made.step(RouteAuth(type="jwt", scopes=("read",)))
    other = made.step(RouteAuth(type="jwt", audience=("x",)))
    assert isinstance(first, Authentication)
    assert isinstance(second, Authentication)
    assert isinstance(other, Authentication)

    assert first._ways[0] is second._ways[0]
    assert first._ways[0] is not other._ways[0]
    assert made.passes(RouteAuth(type="jwt")) is made.passes(RouteAuth(type="jwt", scopes=("read",)))
    assert made.passes(None) is made.passes(RouteAuth(type="none"))


def test_what_passes_to_a_backend(gateway: Harness) -> None:
    """Credentials where the route says so, and never what only we may say."""
    made = identity(gateway, identity_fields={"user": "Remote-User", "roles": "X_Groups"})
    asks, forwards = RouteAuth(type="jwt"), RouteAuth(type="jwt", forward_credentials=True)

    for name, passed in {
        b"authorization": [True, False, True],
        b"accept": [True, True, True],
        b"remote-user": [False, False, False],
        b"remote_user": [False, False, False],
        b"x-groups": [False, False, False],
        b"x.user.scopes": [False, False, False],
        b"x-request-id": [False, False, False],
    }.items():
        assert [made.passes(auth)[name] for auth in (None, asks, forwards)] == passed


def test_what_is_said_beside_any_of_holds_for_its_ways() -> None:
    """Unless a way says it itself."""
    ways = ["jwt", {"type": "jwt", "verifier": "b", "issuer": "https://b"}]
    auth = RouteAuth.model_validate({"any_of": ways, "issuer": "https://a", "audience": "api"})

    assert [(way.verifier, way.issuer, way.audience) for way in auth.ways] == [
        (("default",), ("https://a",), ("api",)),
        (("b",), ("https://b",), ("api",)),
    ]


def test_results_are_carried_and_the_deny_list_is_for_ever(gateway: Harness) -> None:
    """A reload that changes their bounds forgets the results, never who is refused."""
    foundation = gateway.gateway.foundation
    same, other = AuthCache(), AuthCache(ttl=5)

    assert results(same, foundation) is results(AuthCache(), foundation)
    assert results(same, foundation) is not results(other, foundation)
    assert revocations(foundation) is revocations(foundation)
