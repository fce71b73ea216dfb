"""Backends by name: the name changes its address while connections are kept alive and busy."""

# mypy: allow-untyped-calls

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory, Protocol

from gateway.composition.lifecycle import GatewayService
from gateway.dialling.dialer import STAGGER
from tests.system.ports import free_port
from tests.system.private_reactor import PrivateReactor, private_reactor

NAME = "orders.test"


class Names:
    """A name server for one name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.others: list[str] = []

    def resolveHostName(self, receiver: Any, host: str, *args: Any, **kwargs: Any) -> None:
        receiver.resolutionBegan(None)
        if host == NAME:
            for address in (self.address, *self.others):
                receiver.addressResolved(IPv4Address("TCP", address, 0))
        receiver.resolutionComplete()


class Says(Protocol):
    """A backend that answers every request with its address, and keeps the connection."""

    def dataReceived(self, data: bytes) -> None:
        address = self.transport.getHost().host.encode()  # type: ignore[union-attr]
        for _ in range(data.count(b"\r\n\r\n")):
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(address), address))  # type: ignore[union-attr]


class World:
    """A gateway in front of one name, two addresses that it may stand for, and a client that keeps asking."""

    def __init__(self, reactor: PrivateReactor, cleanup: ExitStack) -> None:
        self.reactor = reactor
        self.skew = 0.0
        real = reactor.seconds
        reactor.seconds = lambda: real() + self.skew
        self.names = Names("127.0.0.1")
        reactor.installNameResolver(self.names)  # type: ignore[arg-type]  # it needs no more
        self.port, front = free_port(), free_port()
        port = self.port
        for address in ("127.0.0.1", "127.0.0.2"):
            reactor.listenTCP(port, Factory.forProtocol(Says), interface=address)
        self.service = GatewayService(
            {
                "listeners": [{"endpoint": f"tcp:{front}:interface=127.0.0.1"}],
                "admin": {"endpoint": f"tcp:{free_port()}:interface=127.0.0.1"},
                "access_log": False,
                "timeouts": {"shutdown": 0},
                "upstreams": [{"name": "orders", "backends": [{"url": f"http://{NAME}:{port}"}]}],
                "routes": [{"path": "/*", "upstream": "orders"}],
            },
            reactor,
            now=reactor.seconds,
        )
        self.service.privilegedStartService()
        self.service.startService()
        self.client = socket.create_connection(("127.0.0.1", front))
        cleanup.callback(self.client.close)

    def ask(self) -> str:
        """Make a request on the one connection; gives the address that answered."""
        self.client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        received: list[bytes] = []
        reader = threading.Thread(target=lambda: received.append(self.client.recv(4096)))
        reader.start()
        self.reactor.until(lambda: received)
        reader.join()
        return received[0].partition(b"\r\n\r\n")[2].decode()


@pytest.fixture
def world() -> Iterator[World]:
    """The name stands for 127.0.0.1."""
    with private_reactor() as reactor, ExitStack() as cleanup:
        world = World(reactor, cleanup)
        yield world
        reactor.result(world.service.stopService())


def test_a_name_that_changes_under_busy_connections_is_followed(world: World) -> None:
    """Nobody dials while a kept-alive connection serves; the next request follows the change."""
    assert world.ask() == "127.0.0.1"
    world.names.address = "127.0.0.2"
    assert world.ask() == "127.0.0.1"

    world.skew += 5.1
    world.reactor.turns()

    assert world.ask() == "127.0.0.2"


def test_a_name_that_stays_keeps_its_connections(world: World) -> None:
    """Asking again about what has not changed closes nothing."""
    world.ask()
    [pool] = world.service.gateway.foundation.pool.pools()
    [before] = pool._open

    for _ in range(3):
        world.skew += 5.1
        world.reactor.turns()
        world.ask()

    assert list(pool._open) == [before]


@contextmanager
def black_hole(address: str, port: int) -> Iterator[None]:
    """Have a port take no connection and refuse none: its queue is full, so that the kernel drops what else comes."""
    with ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hole.bind((address, port))
        hole.listen(0)
        for _ in range(4):
            filling = stack.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex((address, port))
        yield


def test_an_address_that_swallows_connections_costs_a_quarter_of_a_second(world: World) -> None:
    """RFC 8305: the next address is tried beside it; by the time limit of connecting, half of it would pass."""
    world.names.address, world.names.others = "127.0.0.3", ["127.0.0.2"]
    with black_hole("127.0.0.3", world.port):
        begun = world.reactor.seconds()
        assert world.ask() == "127.0.0.2"
        took = world.reactor.seconds() - begun

    assert STAGGER * 0.9 <= took < STAGGER + 1.5
