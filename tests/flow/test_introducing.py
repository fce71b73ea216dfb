"""PROXY headers for backends: each connection is one client address's, and whose it is stands first on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.peer import Ends
from gateway.testing import Harness
from gateway.transport.proxy_greeting import OF_ITSELF, Version, greeting

Make = Callable[..., Harness]

BALANCER = "10.0.0.2"
ASK = b"GET /orders HTTP/1.1\r\nHost: gateway.test\r\n%b\r\n"


def introducing(make: Make, version: Version = "v2", **settings: Any) -> Harness:
    """A gateway whose backend reads PROXY headers."""
    upstream = {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "proxy_protocol": version}
    upstream |= settings.pop("upstream", {})
    gateway = make("orders", upstreams=[upstream], **settings)
    gateway.backend("orders").introduced = True
    return gateway


def introduced(gateway: Harness) -> list[Ends | None]:
    """Whom the connections to the backend were said to be of, in order."""
    headers = [connection.introduction for connection in gateway.backend("orders").connections]
    return [header.ends for header in headers if header is not None]


def sources(gateway: Harness) -> list[str]:
    """Their addresses."""
    return ["" if ends is None else ends.source for ends in introduced(gateway)]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_backend_is_told_whose_connection_it_is(make: Make, version: Version) -> None:
    """Both ends of the client's connection, before anything else."""
    gateway = introducing(make, version)
    client = gateway.send(ASK % b"")

    assert client.responses()[0].status == 200
    (ends,) = introduced(gateway)
    assert ends is not None
    assert (ends.source, ends.source_port > 40000, ends.destination, ends.destination_port) == (
        "192.0.2.1",
        True,
        "127.0.0.1",
        80,
    )
    assert gateway.backend("orders").connection.received.startswith(greeting(version, ends))


def test_connections_are_shared_by_clients_of_one_address_only(make: Make) -> None:
    """Whoever comes by another address gets another one."""
    gateway = introducing(make)
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2", "192.0.2.1"):
        assert gateway.send(ASK % b"", gateway.client(address)).responses()[0].status == 200

    assert sources(gateway) == ["192.0.2.1", "192.0.2.2"]
    asked = [
        (request.connection.introduction.ends.source, request.headers.get(b"x-forwarded-for"))  # type: ignore[union-attr]
        for request in gateway.backend("orders").requests
    ]
    assert all(source.encode() == said for source, said in asked)
    assert gateway.metric("gateway_pool_connections", state="idle") == 2
    assert gateway.metric("gateway_backend_picks_total") == 5


def test_two_exchanges_of_one_client_have_two_connections(make: Make) -> None:
    """Both say the same."""
    gateway = introducing(make)
    gateway.backend("orders").stall()
    clients = [gateway.send(ASK % b"") for _ in range(2)]
    assert sources(gateway) == ["192.0.2.1"] * 2
    assert gateway.metric("gateway_pool_connections", state="busy") == 2
    for connection in gateway.backend("orders").connections:
        connection.send(ok())
    gateway.network.pump()

    assert [client.responses()[0].status for client in clients] == [200, 200]


def test_whom_a_trusted_proxy_names_is_the_client(make: Make) -> None:
    """By a field, of which the port is not known; or by a PROXY header, whose ends go on as they came."""
    listeners: list[dict[str, Any]] = [
        {"name": "plain", "endpoint": "tcp:8080"},
        {"name": "balanced", "endpoint": "tcp:8081", "proxy_protocol": True},
    ]
    gateway = introducing(make, listeners=listeners, trusted_proxies=[BALANCER])
    ends = Ends("203.0.113.7", 40000, "198.51.100.1", 443)
    gateway.send(ASK % b"X-Forwarded-For: 203.0.113.9\r\n", gateway.client(BALANCER, "plain"))
    gateway.send(greeting("v1", ends) + ASK % b"", gateway.client(BALANCER, "balanced"))

    assert introduced(gateway) == [Ends("203.0.113.9", 0, "0.0.0.0", 0), ends]  # not known


def test_many_clients_by_one_connection_have_a_connection_each(make: Make) -> None:
    """What counts is whom the exchange is for, not by whom it came."""
    gateway = introducing(make, trusted_proxies=[BALANCER])
    client = gateway.client(BALANCER)
    for last in (1, 2, 1, 2):
        gateway.send(ASK % b"X-Forwarded-For: 203.0.113.%d\r\n" % last, client)

    assert sources(gateway) == ["203.0.113.1", "203.0.113.2"]


def test_an_unused_connection_makes_room_for_another_client(make: Make) -> None:
    """Within one cap for all."""
    gateway = introducing(make, upstream={"pool": {"max_connections": 2}})
    for last in (1, 2, 3, 2):
        gateway.send(ASK % b"", gateway.client(f"192.0.2.{last}"))

    assert sources(gateway) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert gateway.metric("gateway_pool_connections", state="idle") == 2
    assert [connection.closed is None for connection in gateway.backend("orders").connections] == [False, True, True]


def test_no_more_unused_ones_are_kept_than_max_idle(make: Make) -> None:
    """Of all clients together; those over it go when they were not used for a while."""
    gateway = introducing(make, upstream={"pool": {"max_idle": 2}})
    for last in range(5):
        gateway.send(ASK % b"", gateway.client(f"192.0.2.{last}"))
    assert all(connection.closed is None for connection in gateway.backend("orders").connections)
    gateway.advance(6)

    left = [connection.closed is None for connection in gateway.backend("orders").connections]
    assert left.count(True) == 2
    assert not left[0]  # whose client has been away for longest


def test_who_waits_longest_is_next_whatever_its_address(make: Make) -> None:
    """A client that always has another request does not keep the connection to itself."""
    gateway = introducing(make, upstream={"pool": {"max_connections": 1}})
    gateway.backend("orders").stall()
    greedy = [gateway.send(ASK % b"") for _ in range(3)]
    other = gateway.send(ASK % b"", gateway.client("192.0.2.2"))
    assert sources(gateway) == ["192.0.2.1"]
    for _ in range(4):
        gateway.backend("orders").connection.send(ok())
        gateway.network.pump()

    assert sources(gateway) == ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
    assert [client.responses()[0].status for client in [*greedy, other]] == [200] * 4


def test_the_queue_has_one_end_for_all(make: Make) -> None:
    """`max_pending` is the backend's, not the client's."""
    gateway = introducing(make, upstream={"pool": {"max_connections": 1, "max_pending": 2}})
    gateway.backend("orders").stall()
    clients = [gateway.send(ASK % b"", gateway.client(f"192.0.2.{last}")) for last in range(4)]
    assert [len(client.responses()) for client in clients] == [0, 0, 0, 1]
    assert gateway.metric("gateway_pool_pending") == 2
    gateway.advance(6)

    assert [client.responses()[0].status for client in clients[1:]] == [503, 503, 503]


def test_a_retry_is_introduced_too(make: Make) -> None:
    """On the fresh connection that the keep-alive race is repeated on."""
    gateway = introducing(make)
    client = gateway.send(ASK % b"")
    backend = gateway.backend("orders")
    backend.connection.stop_reading()
    backend.connection.close()
    gateway.send(ASK % b"", client)
    gateway.network.pump()

    assert [answer.status for answer in client.responses()] == [200, 200]
    assert sources(gateway) == ["192.0.2.1"] * 2


def test_a_hedge_is_introduced_as_the_same_client(make: Make) -> None:
    """To the other backend, and not on the connection that another client has left there."""
    upstream = {
        "name": "orders",
        "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)],
        "proxy_protocol": "v1",
    }
    route = {"name": "orders", "path": "/orders", "upstream": "orders", "hedge": {"min_delay": 0.1, "budget": 1}}
    gateway = make("a", "b", upstreams=[upstream], routes=[route])
    backends = gateway.backend("a"), gateway.backend("b")
    for backend in backends:
        backend.introduced = True
    for _ in range(32):  # so that it is known what is usual
        gateway.send(ASK % b"", gateway.client("192.0.2.2"))
    gateway.backend("a").stall()
    client = gateway.send(ASK % b"")
    gateway.advance(0.5)

    assert client.responses()[0].status == 200
    assert gateway.last_log["attempts"] == 2
    told = [[connection.received.split(b" ")[2] for connection in backend.connections] for backend in backends]
    assert told == [[b"192.0.2.2", b"192.0.2.1"]] * 2


def test_a_client_without_an_address_is_unknown(make: Make) -> None:
    """As those of UNIX sockets are."""
    gateway = introducing(make)
    gateway.send(ASK % b"", gateway.client(""))

    (header,) = [connection.introduction for connection in gateway.backend("orders").connections]
    assert header is not None
    assert (header.ends, header.local) == (None, False)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("check", [{"path": "/health"}, {"type": "tcp"}])
def test_health_checks_are_the_gateway_s_own(make: Make, version: Version, check: dict[str, Any]) -> None:
    """They begin as the backend wants it, and name no client."""
    gateway = introducing(make, version, upstream={"health_check": {**check, "interval": "2s"}})
    backend = gateway.backend("orders")
    backend.introduced = True
    gateway.advance(5)

    assert len(backend.connections) > 1
    for connection in backend.connections:
        assert connection.received[: len(OF_ITSELF[version])] == OF_ITSELF[version]
    assert gateway.metric("gateway_backend_healthy") == 1


def test_a_reload_with_another_version_opens_other_connections(make: Make) -> None:
    """Those that are there have been introduced, or have not."""
    gateway = introducing(make, "v1")
    client = gateway.send(ASK % b"")
    (upstream,) = gateway.configuration["upstreams"]
    gateway.apply(upstreams=[{**upstream, "proxy_protocol": "v2"}])
    gateway.send(ASK % b"", client)
    gateway.backend("orders").introduced = False
    gateway.apply(upstreams=[{key: value for key, value in upstream.items() if key != "proxy_protocol"}])
    gateway.send(ASK % b"", client)

    beginnings = [connection.received[:6] for connection in gateway.backend("orders").connections]
    assert beginnings == [b"PROXY ", b"\r\n\r\n\0\r", b"GET /o"]
    assert [connection.closed is None for connection in gateway.backend("orders").connections] == [False, False, True]


def test_a_client_s_own_connection_stays_its_own(make: Make) -> None:
    """NTLM authenticates a connection: other clients of the address do not get it."""
    gateway = introducing(make)
    client = gateway.client()
    for _ in range(2):
        gateway.send(ASK % b"Authorization: NTLM abcd\r\n", client)
    other = gateway.send(ASK % b"")
    gateway.send(ASK % b"", client)

    assert [answer.status for answer in client.responses() + other.responses()] == [200] * 4
    assert sources(gateway) == ["192.0.2.1"] * 2
    took = [request.connection for request in gateway.backend("orders").requests]
    assert [took[0] is each for each in took] == [True, True, False, True]
    client.close()
    gateway.network.pump()
    assert took[0].closed is not None


def test_refused_connections_are_told_of_once(make: Make) -> None:
    """And each exchange gets its answer."""
    gateway = introducing(make)
    gateway.backend("orders").refuse_connections()
    clients = [gateway.send(ASK % b"", gateway.client(f"192.0.2.{last}")) for last in range(3)]

    assert [client.responses()[0].status for client in clients] == [502] * 3
