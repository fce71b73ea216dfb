"""Backends that authenticate connections (NTLM, Negotiate): what one client proved serves no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import Asked, ok
from gateway.memory.client import FakeClient
from gateway.testing import Harness

Make = Callable[..., Harness]

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n"
PROVES = GET + b"Authorization: %b dGhpcmQ=\r\n\r\n"


def challenge(scheme: bytes) -> bytes:
    """An answer that asks for a proof."""
    return ok(b"who?", (b"WWW-Authenticate", scheme), status=b"401 Unauthorized")


def authenticating(gateway: Harness, scheme: bytes = b"NTLM", *fields: tuple[bytes, bytes]) -> dict[Any, bytes]:
    """A backend that takes what comes on a connection for the user's who proved it first."""
    users: dict[Any, bytes] = {}

    def answer(asked: Asked) -> bytes:
        if asked.headers.get(b"authorization") is not None:
            users[asked.connection] = b"alice"
        user = users.get(asked.connection)
        return challenge(scheme) if user is None else ok(b"for " + user, *fields)

    gateway.backend("orders").answer = answer
    return users


def bodies(client: FakeClient) -> list[bytes]:
    """What it was answered."""
    return [response.body for response in client.responses()]


@pytest.mark.parametrize("scheme", [b"NTLM", b"Negotiate", b"negotiate", b"ntlm"])
def test_a_stranger_is_not_served_as_the_user(gateway: Harness, scheme: bytes) -> None:
    """The user goes on, on the same connection to the backend; nobody else ever gets that."""
    authenticating(gateway, scheme)
    alice = gateway.send(PROVES % scheme)
    stranger = gateway.send(GET + b"\r\n")
    gateway.send(GET + b"\r\n", alice)

    assert bodies(alice) == [b"for alice", b"for alice"]
    assert bodies(stranger) == [b"who?"]
    alice.close()
    gateway.network.pump()
    assert [bodies(gateway.send(GET + b"\r\n")) for _ in range(3)] == [[b"who?"]] * 3


def test_what_was_set_aside_goes_with_its_client(gateway: Harness) -> None:
    """Nobody else may ever have that connection: it is closed, and takes no place."""
    authenticating(gateway, b"NTLM")
    alice = gateway.send(PROVES % b"NTLM")
    (connection,) = gateway.backend("orders").connections
    assert connection.closed is None
    alice.close()
    gateway.network.pump()

    assert connection.closed is not None
    assert gateway.gateway.foundation.pool.pins == {}
    gateway.check_quiet()


def test_all_legs_of_a_handshake_take_one_connection(gateway: Harness) -> None:
    """The challenge belongs to the connection that it came on, whatever the others do meanwhile."""
    legs: dict[Any, list[bytes]] = {}

    def answer(asked: Asked) -> bytes:
        said = asked.headers.get(b"authorization") or b""
        seen = legs.setdefault(asked.connection, [])
        seen.append(said)
        if said == b"NTLM one":
            return challenge(b"NTLM two")
        return ok(b"in") if seen[-2:] == [b"NTLM one", b"NTLM three"] else challenge(b"NTLM")

    gateway.backend("orders").answer = answer
    client = gateway.send(GET + b"\r\n")
    for leg in (b"NTLM one", b"NTLM three"):
        gateway.send(GET + b"\r\n")
        gateway.send(GET + b"Authorization: " + leg + b"\r\n\r\n", client)
    assert bodies(client) == [b"who?", b"who?", b"in"]


@pytest.mark.parametrize(
    "field", [(b"Persistent-Auth", b"true"), (b"WWW-Authenticate", b"Basic realm=a, Negotiate oYG=")]
)
def test_an_answer_that_says_so_is_enough(gateway: Harness, field: tuple[bytes, bytes]) -> None:
    """Whatever the request said; also where the same head comes again and again."""
    gateway.backend("orders").answers(ok(b"x", field))
    one, other = gateway.client(), gateway.client()
    for _ in range(4):
        gateway.send(GET + b"\r\n", one)
        gateway.send(GET + b"\r\n", other)
    connections = gateway.backend("orders").connections
    assert [connection.received.count(b"GET ") for connection in connections] == [4, 4]


@pytest.mark.parametrize("said", [b"Bearer ntlm", b"Basic TlRMTQ==", b"NTLMx y"])
def test_other_credentials_are_of_one_request(gateway: Harness, said: bytes) -> None:
    """Their connections are shared as all are."""
    gateway.send(GET + b"Authorization: " + said + b"\r\n\r\n")
    gateway.send(GET + b"\r\n")
    assert len(gateway.backend("orders").connections) == 1


def test_credentials_that_the_gateway_adds_are_of_those_it_adds_them_for(make: Make) -> None:
    """A route that adds none gets no connection that was authenticated for another route."""
    gateway = make("orders")
    authenticating(gateway)

    class Adds:
        name = "adds"

        def on_request(self, exchange: Any) -> None:
            exchange.headers_out.append((b"Authorization", b"Negotiate YII="))

    gateway.apply(
        routes=[{"name": name, "path": f"/{name}/*", "upstream": "orders"} for name in ("orders", "internal")]
    )
    gateway.insert("/internal/7", Adds())
    assert gateway.get("/internal/7").body == b"for alice"
    assert gateway.get("/orders/7").body == b"who?"


def test_a_client_keeps_to_the_backend_that_it_proved_itself_to(make: Make) -> None:
    """Balancing would ask it for a proof at each of them."""
    gateway = make("a", "b")
    upstream = {"name": "both", "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)]}
    gateway.apply(upstreams=[upstream], routes=[{"path": "/*", "upstream": "both"}])
    for name in ("a", "b"):
        gateway.backend(name).answers(ok(name.encode(), (b"Persistent-Auth", b"true")))
    client = gateway.client()
    for _ in range(4):
        gateway.send(GET + b"\r\n", client)
    assert len(set(bodies(client))) == 1


def test_what_is_set_aside_takes_nobodys_place(make: Make) -> None:
    """Where the pool is full, the one that was set aside first is closed; the others are served."""
    gateway = make("orders")
    gateway.apply(upstreams=[gateway.upstream("orders", pool={"max_connections": 2})])
    authenticating(gateway)
    clients = [gateway.send(PROVES % b"NTLM") for _ in range(5)]
    assert [bodies(client) for client in clients] == [[b"for alice"]] * 5
    gateway.send(GET + b"\r\n", clients[4])
    gateway.send(GET + b"\r\n", clients[0])
    assert (bodies(clients[4])[1:], bodies(clients[0])[1:]) == ([b"for alice"], [b"who?"])
    gateway.advance(61)
    (pool,) = gateway.gateway.foundation.pool.pools()
    assert (pool.idle, pool.busy, len(pool.aside.pins)) == (0, 0, 0)


def test_what_is_set_aside_goes_with_its_client(gateway: Harness) -> None:
    """Nobody else may have it, so the backend need not keep it; a client that stays keeps its own."""
    authenticating(gateway)
    stays, goes = gateway.send(PROVES % b"NTLM"), gateway.send(PROVES % b"NTLM")
    (pool,) = gateway.gateway.foundation.pool.pools()
    assert (pool.idle, len(pool.aside.pins)) == (2, 2)
    goes.reset()
    gateway.network.pump()
    assert (pool.idle, len(pool.aside.pins)) == (1, 1)
    gateway.send(GET + b"\r\n", stays)

    assert bodies(stays) == [b"for alice"] * 2
    assert len(gateway.backend("orders").connections) == 2
