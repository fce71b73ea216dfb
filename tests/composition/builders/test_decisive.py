"""Which fields something is decided by.

What comes of it at a backend is in `tests/flow/test_spoofing.py`.
"""

from __future__ import annotations

from gateway.composition.builders.decisive import decisive_fields
from gateway.testing import Harness


def test_every_place_that_names_a_field_counts() -> None:
    """Routes, limits of routes and of all, hashing, authorities, keys."""
    gateway = Harness("orders")
    settings = gateway.settings(
        routes=[
            {"path": "/a", "upstream": "orders", "headers": {"X-Version": "2"}},
            {"path": "/b", "upstream": "orders", "rate_limit": {"limit": 1, "scope": ["ip", "header:X-Customer"]}},
        ],
        rate_limits=[
            {"endpoint": "/*", "scope": "header:X-Plan", "limit": 1, "tiers": {"header.X-Tier=a": 2, "user=b": 2}}
        ],
        upstreams=[gateway.upstream("orders", strategy="consistent_hash", hash_on="header:X-Shard")],
        auth={"forward": {"a": {"url": "http://127.0.0.1:1/", "request_headers": ["*"]}}, "api_keys": {}},
    )

    names = {
        b"x-version",
        b"x-customer",
        b"x-plan",
        b"x-tier",
        b"x-shard",
        b"*",
        b"x-api-key",
        b"authorization",
        b"cookie",
    }
    assert decisive_fields(settings) == names
    assert decisive_fields(gateway.settings(routes=[], rate_limits=[], upstreams=[], auth={})) >= {b"authorization"}
