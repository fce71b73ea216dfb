"""What goes by addresses where clients have none."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.config.doubts.sockets import sockets

API = {"name": "api", "backends": [{"url": "http://127.0.0.1:9001"}]}


def doubts(
    route: dict[str, Any] | None = None, endpoint: str = "unix:/run/g.sock:mode=660", **settings: Any
) -> list[tuple[tuple[object, ...], str]]:
    """What is doubtful of two listeners, the second at a socket."""
    listeners = [{"endpoint": "tcp:8080"}, {"endpoint": endpoint}]
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


@pytest.mark.parametrize("endpoint", ["unix:/run/g", "unix:/run/g:666", "unix:/run/g:backlog=9:mode=0777"])
def test_a_socket_of_everybody_s_at_which_everybody_is_believed(endpoint: str) -> None:
    """Twisted's default is 666."""
    ((place, words),) = doubts(endpoint=endpoint, trusted_proxies=["unix:"])

    assert place == ("listeners", 1, "endpoint")
    assert words.endswith("write `mode=660`")
    assert doubts(endpoint=endpoint) == []


@pytest.mark.parametrize("endpoint", ["unix:/run/g.sock:660", "unix:/run/g.sock:mode=600:backlog=9", "tcp:9"])
def test_a_socket_of_a_group_s(endpoint: str) -> None:
    """Who may connect there was chosen."""
    assert doubts(endpoint=endpoint, trusted_proxies=["unix:"]) == []
