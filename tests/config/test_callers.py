"""Which fields say who is calling, and which show keys of the gateway's own."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.callers import all_show_keys, fields_of_callers, places_of_keys
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
