"""One route in a stock site: routed by all routes, and the rest is the application's."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Site

from gateway.memory.backend import ok
from gateway.serving.gateway_tree import GatewayTree
from gateway.serving.one_route import OneRouteHost
from gateway.testing import Harness

ROUTES: list[dict[str, Any]] = [
    {"name": "shop", "path": "/shop/*", "upstream": "orders"},
    {
        "name": "admin",
        "path": "/shop/admin/*",
        "upstream": "orders",
        "ip_allow": ["10.0.0.0/8"],
    },
    {"name": "other", "path": "/other/*", "upstream": "orders", "methods": ["GET"]},
]


class Application:
    """A site of an application's own with the route `shop` in it, and one client."""

    def __init__(self, routes: Any = ROUTES, **settings: Any) -> None:
        self.gateway = Harness("orders", routes=routes, **settings)
        parts = self.gateway.gateway
        shop = OneRouteHost(parts.site, "shop", lambda: parts.root.tree.around("shop"))
        root = Resource()
        root.putChild(b"shop", GatewayTree(shop))
        root.putChild(b"other", GatewayTree(shop))
        root.putChild(b"health", GatewayTree(shop))
        self.transport = StringTransport()
        self.channel = Site(root, reactor=self.gateway.clock).buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def get(self, path: str) -> bytes:
        self.transport.clear()
        self.channel.dataReceived(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        self.gateway.network.pump()
        return self.received

    @property
    def received(self) -> bytes:
        data: bytes = self.transport.value()
        return data


def test_the_route_answers_and_streams() -> None:
    """Part by part, with back-pressure, a line in the log and a clean end."""
    application = Application()
    backend = application.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    assert application.get("/shop/7").endswith(b"\r\n\r\nab")
    producer: Any = application.transport.producer
    producer.pauseProducing()
    backend.connection.send(b"cd")
    application.gateway.network.pump()
    assert application.received.endswith(b"ab")
    producer.resumeProducing()
    backend.connection.send(b"ef")
    application.gateway.network.pump()

    assert application.received.endswith(b"abcdef")
    assert [(record["route"], record["status_code"]) for record in application.gateway.logs] == [("shop", 200)]
    application.gateway.check_quiet()


@pytest.mark.parametrize("path", ["/shop/admin/users", "/other/7", "/health"])
def test_what_is_not_the_routes_is_not_found(path: str) -> None:
    """Above all the path of a more specific route: its rules are not passed by. Own paths are the own ports'."""
    application = Application()

    assert application.get(path).startswith(b"HTTP/1.1 404 ")
    assert application.gateway.backend("orders").requests == []
    assert [record["status_code"] for record in application.gateway.logs] == [404]
    application.gateway.check_quiet()


def test_a_path_that_could_be_read_as_another_routes_is_refused() -> None:
    """As on the gateway's own ports."""
    application = Application()

    assert application.get("/shop/x/../admin/users").startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 "))
    assert application.gateway.backend("orders").requests == []


def test_limits_hold() -> None:
    """Of the route, and the one on all exchanges at once."""
    limited = [{**ROUTES[0], "rate_limit": {"rate": "1/min", "scope": "ip"}}]
    application = Application(routes=limited, limits={"in_flight": 1})
    assert application.get("/shop/7").startswith(b"HTTP/1.1 200 ")
    assert application.get("/shop/7").startswith(b"HTTP/1.1 429 ")
    application.gateway.check_quiet()

    application = Application(limits={"in_flight": 1})
    application.gateway.backend("orders").stall()
    client = application.gateway.client()
    application.gateway.send(b"GET /other/1 HTTP/1.1\r\nHost: h\r\n\r\n", client)

    assert application.get("/shop/7").startswith(b"HTTP/1.1 503 ")


def test_a_client_that_goes_ends_the_attempt() -> None:
    """The backend's connection is let go, and the log says who left."""
    application = Application()
    application.gateway.backend("orders").stall()
    application.get("/shop/7")
    application.channel.connectionLost(Failure(ConnectionLost()))
    application.gateway.network.pump()

    assert application.gateway.backend("orders").connection.closed is not None
    assert application.gateway.last_log["status_code"] == 499
    application.gateway.check_quiet()


def test_it_follows_the_configuration() -> None:
    """A route that changes is served as it is now; one that has gone is not found."""
    application = Application()
    application.gateway.backend("orders").answers(ok(b"seven"))
    assert application.get("/shop/7").endswith(b"seven")
    application.gateway.apply(routes=[{"name": "shop", "path": "/other/*", "upstream": "orders"}])
    assert application.get("/shop/7").startswith(b"HTTP/1.1 404 ")
    assert application.get("/other/7").endswith(b"seven")
    application.gateway.apply(routes=[{"name": "else", "path": "/*", "upstream": "orders"}])

    assert application.get("/other/7").startswith(b"HTTP/1.1 404 ")


def test_a_route_that_is_on_one_listener_is_found_among_its_routes() -> None:
    """The application has named it; where other routes of that listener go before it, they do here too."""
    routes: list[dict[str, Any]] = [
        {"name": "shop", "path": "/shop/*", "upstream": "orders", "listeners": "inner"},
        {"name": "admin", "path": "/shop/admin/*", "upstream": "orders", "listeners": ["inner"]},
        {"name": "page", "path": "/shop/page", "upstream": "orders", "listeners": ["outer"]},
    ]
    listeners = [{"name": "outer", "endpoint": "tcp:1"}, {"name": "inner", "endpoint": "tcp:2"}]
    application = Application(routes, listeners=listeners)
    paths = ("/shop/7", "/shop/admin/7", "/shop/page")

    assert [application.get(path)[9:12] for path in paths] == [b"200", b"404", b"200"]
    application.gateway.apply(routes=[routes[0] | {"listeners": ["outer"]}, *routes[1:]])
    assert [application.get(path)[9:12] for path in paths] == [b"200", b"200", b"404"]
