"""Which listener and which route take a request of a log."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.rehearsal.replaying.destinations import Destinations
from gateway.rehearsal.stage import Stage
from tests.rehearsal.logs import request, settings

ROUTE = {"name": "a", "path": "/a/*", "upstream": "a"}
BOTH = [{"name": "open", "endpoint": "tcp:80"}, {"name": "internal", "endpoint": "tcp:8081"}]


def destinations(*routes: dict[str, Any], host: str = "localhost", **more: Any) -> Destinations:
    """Make one."""
    configuration = settings(routes, **more)
    return Destinations(configuration, Stage(configuration).memory.parts.root.tree.at, host)


def test_the_route_is_the_one_that_requests_meet() -> None:
    """By host, path, fields and query."""
    found = destinations(
        ROUTE, ROUTE | {"name": "phones", "headers": {"User-Agent": "~Phone"}}, ROUTE | {"name": "h", "host": "h"}
    )

    for asked, name in (
        (request(), "a"),
        (request(host="h"), "h"),
        (request(headers=(("User-Agent", "a Phone"),)), "phones"),
    ):
        route = found.route(asked)
        assert route is not None
        assert route.name == name
    assert found.route(request(target="/b")) is None


def test_the_listener_is_that_of_the_port() -> None:
    """Of the host in the log."""
    found = destinations(ROUTE | {"listeners": ["internal"]}, listeners=BOTH)

    assert [found.listener(request(host=host)) for host in ("x", "x:8081", "x:9")] == ["open", "internal", "open"]
    assert found.route(request(host="x")) is None
    assert found.route(request(host="x:8081")) is not None


def test_something_stands_for_what_the_log_does_not_say() -> None:
    """A host that was said, and the scheme of the listeners."""
    found = destinations(ROUTE | {"host": "api.example.com"}, host="api.example.com")

    assert found.route(request(host="")) is not None
    assert found.scheme(request()) == "http"
    assert found.scheme(request(scheme="https")) == "https"


def test_a_host_that_is_none_is_refused() -> None:
    """Nothing can be asked of it."""
    with pytest.raises(ValueError, match="host name"):
        destinations(ROUTE).route(request(host="a b"))
