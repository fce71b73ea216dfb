"""What goes by addresses where clients have none."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.config.doubts.sockets import sockets

API = {"name": "api", "backends": [{"url": "http://127.0.0.1:9001"}]}


def doubts(route: dict[str, Any] | None = None, **settings: Any) -> list[tuple[tuple[object, ...], str]]:
    """What is doubtful of two listeners, the second at a socket."""
    listeners = [{"endpoint": "tcp:8080"}, {"endpoint": "unix:/run/g.sock:mode=660"}]
    routes = [{"path": "/", "upstream": "api", **(route or {})}]
    return list(sockets(from_mapping({"listeners": listeners, "upstreams": [API], "routes": routes, **settings})))


@pytest.mark.parametrize(
    ("route", "settings", "said"),
    [
        ({"ip_allow": ["10.0.0.0/8"]}, {}, "address rules refuse all"),
        ({}, {"ip_deny": ["10.0.0.0/8"]}, "address rules refuse all"),
        ({"rate_limit": {"rate": "1/s"}}, {}, "limits by address count all"),
        ({}, {"rate_limits": [{"limit": 1}]}, "limits by address count all"),
    ],
)
def test_what_goes_by_addresses_is_doubted(route: dict[str, Any], settings: dict[str, Any], said: str) -> None:
    """At the listener, unless a proxy there says who its clients are."""
    ((place, words),) = doubts(route, **settings)

    assert place == ("listeners", 1, "endpoint")
    assert words.startswith(said)
    assert doubts(route, **settings, trusted_proxies=["unix:"]) == []


def test_nothing_else_is() -> None:
    """Limits by other things, and sockets without either."""
    assert doubts() == []
    assert doubts({"rate_limit": {"rate": "1/s", "scope": "route"}}) == []
