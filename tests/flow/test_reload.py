"""Another snapshot comes into force: what is under way keeps its own."""

from __future__ import annotations

from typing import Any

from gateway.memory.backend import ok
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


def routes(*names: str) -> list[dict[str, Any]]:
    """A route for each upstream."""
    return [{"name": name, "path": f"/{name}/*", "upstream": name} for name in names]


def replace(gateway: Harness, *names: str) -> None:
    """Let the configuration have these upstreams, and no others."""
    for name in names:
        gateway.backend(name)
    gateway.apply(upstreams=[gateway.upstream(name) for name in names], routes=routes(*names))


def test_an_exchange_finishes_on_the_snapshot_it_began_with(gateway: Harness) -> None:
    """Its route and its backend are gone; it gets its answer and its record."""
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(GET)
    replace(gateway, "users")
    assert gateway.get("/orders/7").status == 404
    assert gateway.get("/users/7").status == 200
    backend.connection.send(ok(b"old"))
    gateway.network.pump()

    assert client.responses()[0].body == b"old"
    assert gateway.last_log["route"] == "orders"
    assert backend.connection.closed is not None  # it leaves with its last exchange


def test_an_unchanged_backend_keeps_its_connections(gateway: Harness) -> None:
    """A route more, another timeout, another upstream beside it."""
    gateway.get("/orders/7")
    (pool,) = gateway.gateway.foundation.pool.pools()
    gateway.backend("users")
    gateway.apply(
        upstreams=[gateway.upstream("orders"), gateway.upstream("users")],
        routes=routes("orders", "users"),
        timeouts={"client_idle": 10},
    )
    gateway.get("/orders/7")

    assert pool in gateway.gateway.foundation.pool.pools()
    assert len(gateway.backend("orders").connections) == 1


def test_a_backend_whose_pool_changed_has_another(gateway: Harness) -> None:
    """Its figures are part of what it is."""
    gateway.get("/orders/7")
    gateway.apply(upstreams=[gateway.upstream("orders", pool={"max_connections": 7})])

    assert gateway.backend("orders").connection.closed is not None
    assert gateway.get("/orders/7").status == 200
    (pool,) = gateway.gateway.foundation.pool.pools()
    assert pool.max_connections == 7


def test_who_waits_for_a_removed_backend_is_served(gateway: Harness) -> None:
    """In the queue, dialling, and those whose keep-alive race is run again after the reload."""
    backend = gateway.backend("orders")
    gateway.apply(upstreams=[gateway.upstream("orders", pool={"max_connections": 1})])
    backend.stall()
    clients = [gateway.send(GET) for _ in range(3)]
    replace(gateway, "users")
    for _ in range(3):
        backend.requests[-1].connection.send(ok())
        gateway.network.pump()

    assert [client.responses()[0].status for client in clients] == [200] * 3
    assert all(connection.closed is not None for connection in backend.connections)
    assert not gateway.gateway.foundation.pool._leaving


def test_a_backend_that_comes_back_starts_anew(gateway: Harness) -> None:
    """Removed and added again while its old pool still drains."""
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(GET)
    replace(gateway, "users")
    replace(gateway, "orders")
    backend.answer = lambda asked: ok(b"new")
    assert gateway.get("/orders/7").body == b"new"
    backend.connections[0].send(ok(b"old"))
    gateway.network.pump()

    assert client.responses()[0].body == b"old"
    assert [connection.closed is None for connection in backend.connections] == [False, True]


def test_options_change_for_what_begins(gateway: Harness) -> None:
    """A connection that was open before follows the new timeouts with its next exchange."""
    client = gateway.send(GET)
    gateway.apply(timeouts={"client_idle": 3})
    gateway.send(GET, client)
    gateway.advance(3.2)

    assert client.closed is not None


def test_hundreds_of_reloads_leave_nothing(gateway: Harness) -> None:
    """Upstreams come and go under traffic: no exchange fails, no pool and no watch stays behind."""
    for number in range(200):
        replace(gateway, *(["orders", "users"] if number % 2 else ["orders"]))
        assert gateway.get("/orders/7").status == 200
        assert gateway.get("/users/7").status == (200 if number % 2 else 404)

    pool = gateway.gateway.foundation.pool
    assert len(pool.pools()) == 2
    assert not pool._leaving
    assert len(gateway.backend("orders").connections) == 1
    gateway.check_quiet()


def test_labels_of_the_operators_own_change_with_it() -> None:
    """On every series, and on those of a route."""
    gateway = Harness("orders", metrics={"labels": {"env": "test"}})
    gateway.get("/orders/1")
    assert gateway.metric("gateway_requests_total", route="orders", env="test") == 1
    assert gateway.metric("gateway_build_info", env="test") == 1

    (route,) = gateway.configuration["routes"]
    gateway.apply(metrics={"labels": {}}, routes=[{**route, "labels": {"team": "payments"}}])
    gateway.get("/orders/1")

    assert gateway.metric("gateway_requests_total", route="orders", team="payments") == 2
    assert gateway.metric("gateway_requests_total", env="test") == 0
    assert gateway.metric("gateway_upstream_attempts_total", team="payments") == 0
