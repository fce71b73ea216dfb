"""Routes that are on some listeners only: elsewhere they are as if there were none."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from gateway.memory.backend import ok
from gateway.memory.client import FakeClient
from gateway.testing import Harness

Make = Callable[..., Harness]

LISTENERS = [
    {"name": "public", "endpoint": "tcp:8080"},
    {"name": "internal", "endpoint": "tcp:8081:interface=127.0.0.1"},
]
ROUTES: list[dict[str, Any]] = [
    {"name": "site", "path": "/*", "upstream": "orders", "methods": ["GET"], "listeners": "public"},
    {"name": "admin", "path": "/admin/*", "upstream": "tools", "listeners": ["internal"]},
    {"name": "both", "path": "/both", "upstream": "orders"},
    {"name": "inside", "path": "/same", "upstream": "tools", "listeners": ["internal"]},
    {"name": "outside", "path": "/same", "upstream": "orders", "listeners": ["public"]},
]


class Ports:
    """A gateway with two listeners, and a client at each."""

    def __init__(self, make: Make, routes: Any = ROUTES, **settings: Any) -> None:
        self.made = make("orders", "tools", listeners=LISTENERS, routes=routes, **settings)
        self.clients = {name: self.made.client(listener=name) for name in ("public", "internal")}

    def ask(self, listener: str, path: str, method: str = "GET", *fields: str) -> int:
        """Send a request on the connection to a listener; return its status and keep the answer."""
        client = self.clients[listener]
        lines = "".join(f"{field}\r\n" for field in fields)
        before = len(answers(client))
        self.made.send(f"{method} {path} HTTP/1.1\r\nHost: gateway.test\r\n{lines}\r\n".encode(), client)
        self.answer = answers(client)[before]
        return int(self.answer.status)

    @property
    def route(self) -> object:
        """The route in the last record."""
        return self.made.last_log["route"]


def answers(client: FakeClient) -> list[Any]:
    """Return what a client has got so far."""
    return list(client.responses())


def test_a_route_is_on_its_listeners_only(make: Make) -> None:
    """One without `listeners` is on all; the same path may be one route here and another there."""
    ports = Ports(make)
    asked = [(name, path) for name in ("public", "internal") for path in ("/admin/x", "/both", "/same", "/other")]

    assert [(ports.ask(*each), ports.route) for each in asked] == [
        (200, "site"),
        (200, "both"),
        (200, "outside"),
        (200, "site"),
        (200, "admin"),
        (200, "both"),
        (200, "inside"),
        (404, None),
    ]


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("GET", "/admin/x", ()),
        ("HEAD", "/admin/x", ()),
        ("POST", "/admin/x", ()),
        ("OPTIONS", "/admin/x", ()),
        ("OPTIONS", "/admin/x", ("Max-Forwards: 0",)),
        ("OPTIONS", "/admin/x", ("Origin: https://a.example", "Access-Control-Request-Method: GET")),
        ("TRACE", "/admin/x", ()),
        ("GET", "/old", ()),
        ("GET", "/admin%2fx", ()),
        ("GET", "/x/..%2fadmin/x", ()),
        ("GET", "/admin/../admin/x", ()),
        ("GET", "/none", ()),
    ],
)
def test_nothing_shows_of_a_route_that_is_elsewhere(
    make: Make, method: str, path: str, fields: tuple[str, ...]
) -> None:
    """Its path, its methods, its redirect and its host are answered as what was never configured."""
    routes = [
        {"path": "/admin/*", "upstream": "tools", "methods": ["GET"], "listeners": "internal"},
        {"path": "/old", "redirect": {"host": "new.example"}, "listeners": "internal"},
        {"path": "/only", "host": "tools.example", "upstream": "tools", "listeners": "internal"},
    ]
    with_routes, without = Ports(make, routes), Ports(make, [{"path": "/else", "upstream": "orders"}])
    for ports in (with_routes, without):
        ports.ask("public", path, method, *fields)
    seen, never = with_routes.answer, without.answer

    assert seen.status == never.status == 404
    assert seen.headers.get(b"allow") is None
    assert seen.headers.get(b"location") is None
    lengths = [len(answer.body) for answer in (seen, never)]
    assert lengths[0] == lengths[1]
    assert [name for name, _ in seen.headers] == [name for name, _ in never.headers]
    found_inside = path not in ("/none", "/admin%2fx", "/x/..%2fadmin/x")
    assert (with_routes.ask("internal", path, method, *fields) != 404) is found_inside


def test_readings_of_a_path_are_those_of_the_listener(make: Make) -> None:
    """A path that a server could read as a route's that is elsewhere is nobody else's here."""
    routes = [
        {"name": "files", "path": "/files/*", "upstream": "orders"},
        {"name": "admin", "path": "/files/admin/*", "upstream": "tools", "listeners": "internal"},
    ]
    ports = Ports(make, routes)

    assert (ports.ask("public", "/files/x%2f..%2fadmin/y"), ports.route) == (200, "files")
    assert ports.ask("internal", "/files/x%2f..%2fadmin/y") == 400


def test_a_name_that_no_dns_has_is_ambiguous_only_where_there_are_hosts(make: Make) -> None:
    """Hosts of routes that are elsewhere are not among those that it could be taken for."""
    routes = [
        {"path": "/*", "upstream": "orders"},
        {"path": "/*", "host": "tools.example", "upstream": "tools", "listeners": "internal"},
    ]
    made = Ports(make, routes).made
    request = b"GET / HTTP/1.1\r\nHost: %74ools.example\r\n\r\n"
    statuses = [answers(made.send(request, made.client(listener=name)))[0].status for name in ("public", "internal")]

    assert statuses == [200, 400]


def test_a_route_claims_a_path_of_the_gateway_s_own_where_it_is(make: Make) -> None:
    """On the other listeners the gateway answers there itself, as on all."""
    ports = Ports(make, [{"name": "own", "path": "/health", "upstream": "orders", "listeners": "internal"}])

    assert ports.ask("internal", "/health") == 200
    assert ports.route == "own"
    assert ports.ask("public", "/health") == 200
    assert b'"status"' in ports.answer.body
    assert len(ports.made.backend("orders").requests) == 1


def test_a_connection_that_is_kept_alive_sees_its_route_move(make: Make) -> None:
    """With the next request; an exchange that is under way ends as it began."""
    moving = {"name": "tools", "path": "/tools", "upstream": "tools"}
    ports = Ports(make, [moving])
    assert [ports.ask(listener, "/tools") for listener in ("public", "internal")] == [200, 200]

    backend = ports.made.backend("tools")
    backend.stall()
    client = ports.clients["public"]
    ports.made.send(b"GET /tools HTTP/1.1\r\nHost: g\r\n\r\n", client)
    ports.made.apply(routes=[moving | {"listeners": ["internal"]}])
    backend.connection.send(ok(b"late"))
    ports.made.network.pump()
    assert answers(client)[-1].body == b"late"
    backend.answers(ok(b""))

    assert [ports.ask(listener, "/tools") for listener in ("public", "internal")] == [404, 200]
    ports.made.apply(routes=[moving | {"listeners": ["public"]}])
    assert [ports.ask(listener, "/tools") for listener in ("public", "internal")] == [200, 404]
    ports.made.apply(routes=[moving])
    assert [ports.ask(listener, "/tools") for listener in ("public", "internal")] == [200, 200]


def test_a_connection_is_of_the_listener_at_its_address(make: Make) -> None:
    """By whatever name, and with whichever certificate; without its listener it has the routes that are on all."""
    routes = [
        {"name": "all", "path": "/all", "upstream": "orders"},
        {"name": "tools", "path": "/tools", "upstream": "tools", "listeners": "internal"},
    ]
    ports = Ports(make, routes)
    assert ports.ask("internal", "/tools") == 200

    public, internal = LISTENERS
    renamed = [{"name": "internal", "endpoint": public["endpoint"]}, {"name": "x", "endpoint": internal["endpoint"]}]
    ports.made.apply(listeners=renamed)
    assert [ports.ask(listener, "/tools") for listener in ("public", "internal")] == [200, 404]

    moved = [public, {"name": "internal", "endpoint": "tcp:9999"}]
    ports.made.apply(listeners=moved)
    assert [ports.ask(listener, "/tools") for listener in ("public", "internal")] == [404, 404]
    assert ports.ask("internal", "/all") == 200

    again = [public, {"name": "internal", "endpoint": "ssl:8081:privateKey=k.pem:interface=127.0.0.1"}]
    ports.made.apply(listeners=again)
    assert ports.ask("internal", "/tools") == 200


def test_a_drain_closes_the_connections_of_every_listener(make: Make) -> None:
    """What is in force at the site is at its doors."""
    ports = Ports(make)
    ports.made.gateway.site.part()

    for listener in ("public", "internal"):
        assert ports.ask(listener, "/both") == 200
        assert ports.answer.headers.get(b"connection") == b"close"


def test_a_door_is_gone_with_its_last_connection(make: Make) -> None:
    """A gateway that changes its listeners for years keeps none of the old ones."""
    ports = Ports(make, [{"path": "/", "upstream": "orders"}])
    doors = ports.made.gateway.site.doors
    assert set(doors) == {":8080", "127.0.0.1:8081"}

    ports.clients.clear()
    ports.made.hang_up()
    ports.made.advance(46)
    gc.collect()

    assert set(doors) == set()


def test_a_developer_is_told_that_a_route_is_elsewhere(make: Make) -> None:
    """In the log, where text is read; the client is told nothing."""
    ports = Ports(make, ROUTES[1:2], log={"format": "text"})
    with capturedLogs() as events:
        assert [ports.ask(name, "/admin") for name in ("public", "internal")] == [404, 200]

    (line,) = [formatEvent(event) for event in events if event["log_namespace"] == "gateway.serving.explaining"]
    assert line == (
        "404 GET /admin: no route has this path (nearest: admin, any host, path /admin/*, on other listeners)"
    )
