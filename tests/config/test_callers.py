"""Which fields say who is calling, and which show keys of the gateway's own."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.callers import (
    all_show_authorization,
    all_show_keys,
    fields_of_callers,
    fields_of_tokens,
    places_of_keys,
    places_of_tokens,
    takes_authorization,
)
from gateway.config.schema.auth import ApiKeys, Auth, RouteAuth


def test_who_is_calling_is_said_by_all_authorities_together() -> None:
    """An `Authorization` that one of them sets is not among it: on other routes it is a credential like any."""
    said = {
        "url": "http://127.0.0.1:1/",
        "response_headers": ["X-Tenant", "Authorization"],
        "user_header": "X-Name",
    }
    auth = Auth.model_validate({"forward": {"a": said}})

    names = {b"x-tenant", b"x-name", b"remote-groups", b"x-user-id", b"x-user-roles", b"x-user-scopes"}
    assert fields_of_callers(auth) == names


def test_a_field_for_keys_is_the_gateways_own_unless_backends_use_it_too() -> None:
    """`Authorization` is theirs as well."""
    assert places_of_keys(Auth(api_keys=ApiKeys())) == {b"x-api-key"}
    assert places_of_keys(Auth(api_keys=ApiKeys(header="Authorization"))) == frozenset()
    assert places_of_keys(Auth()) == frozenset()


@pytest.mark.parametrize(
    ("auth", "all_show"),
    [
        (None, False),
        ({"type": "none"}, False),
        ({"type": "api_key"}, True),
        ({"type": "jwt"}, False),
        ({"any_of": ["api_key"]}, True),
        ({"any_of": ["api_key", "jwt"]}, False),
        ({"all_of": ["api_key", "jwt"]}, True),
        ({"type": "api_key", "dry_run": True}, False),
    ],
)
def test_a_key_is_there_where_nobody_is_let_in_without(auth: dict[str, Any] | None, all_show: bool) -> None:
    """Another way that is enough leaves the place of the key to the client."""
    assert all_show_keys(None if auth is None else RouteAuth.model_validate(auth)) is all_show


def verifiers(**places: Any) -> Auth:
    """Settings with verifiers that look in these places."""
    said = {"algorithms": ["HS256"], "secret": "x" * 32}
    return Auth.model_validate({"jwt": {name: {**said, "from": written} for name, written in places.items()}})


def test_places_of_tokens_are_those_of_all_verifiers() -> None:
    """`Authorization` and `Cookie` are any backend's: of a cookie only the one is the gateway's."""
    auth = verifiers(one=["header:Authorization", "cookie:a"], two=["header:X-Token", "query:t", "cookie:b"])

    assert fields_of_tokens(auth) == {b"x-token"}
    assert places_of_tokens(auth, "cookie") == {"a", "b"}
    assert places_of_tokens(auth, "query") == {"t"}


@pytest.mark.parametrize(
    ("places", "takes", "shows"),
    [
        ("header:Authorization", True, True),
        (["cookie:a", "header:authorization"], True, False),
        ("cookie:a", False, False),
    ],
)
def test_authorization_is_read_where_a_verifier_says_so(places: Any, takes: bool, shows: bool) -> None:
    """Where tokens may be elsewhere, not everybody who is let in has shown it."""
    auth, route = verifiers(default=places), RouteAuth.model_validate({"type": "jwt"})

    assert (takes_authorization(route, auth), all_show_authorization(route, auth)) == (takes, shows)


def test_our_own_tokens_are_in_authorization() -> None:
    """Their verifier is not in the configuration."""
    route = RouteAuth.model_validate({"type": "jwt", "verifier": "oauth"})

    assert takes_authorization(route, verifiers(default="cookie:a"))
