"""Which fields something is decided by, and which say who is calling.

What comes of it at a backend is in `tests/flow/test_spoofing.py`.
"""

from __future__ import annotations

from gateway.composition.builders.decisive import decisive_fields, fields_of_callers, places_of_keys
from gateway.config.schema.auth import ApiKeys, Auth
from gateway.testing import Harness


def test_every_place_that_names_a_field_counts() -> None:
    """Routes, limits of routes and of all, hashing, authorities, keys."""
    gateway = Harness("orders")
    settings = gateway.settings(
        routes=[
            {"path": "/a", "upstream": "orders", "headers": {"X-Version": "2"}},
            {"path": "/b", "upstream": "orders", "rate_limit": {"limit": 1, "scope": ["ip", "header:X-Customer"]}},
        ],
        rate_limits=[{"endpoint": "/*", "scope": "header:X-Plan", "limit": 1}],
        upstreams=[gateway.upstream("orders", strategy="consistent_hash", hash_on="header:X-Shard")],
        auth={"forward": {"a": {"url": "http://127.0.0.1:1/", "request_headers": ["*"]}}, "api_keys": {}},
    )

    names = {b"x-version", b"x-customer", b"x-plan", b"x-shard", b"*", b"x-api-key", b"authorization", b"cookie"}
    assert decisive_fields(settings) == names
    assert decisive_fields(gateway.settings(routes=[], rate_limits=[], upstreams=[], auth={})) >= {b"authorization"}


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
