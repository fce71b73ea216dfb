"""A pool whose dials are answered by the test."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError  # noqa: A004  # Twisted's name for it
from twisted.internet.interfaces import IProtocol
from twisted.internet.testing import StringTransport

from gateway.errors import GatewayError
from gateway.transport.deadlines import Deadlines
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.contract import Hearer, Stream
from gateway.upstream.http1_connection import Http1Connection
from gateway.upstream.http1_opening import speaking_http1
from gateway.upstream.request_head import Heading


class Wire(StringTransport):
    """The transport of a backend connection; its own half can be closed."""

    half_closed = False

    def loseWriteConnection(self) -> None:
        """Send no more."""
        self.half_closed = True


@dataclass(frozen=True)
class Limits:
    """How large the pool is."""

    max_idle: int = 100
    max_connections: int = 2
    idle_timeout: float = 60.0
    max_age: float = 0.0
    max_pending: int = 3
    queue_timeout: float = 5.0


class Waiter(Hearer):
    """Keeps what the pool says; `then` is done as soon as it has a connection."""

    owner: object = None

    def __init__(self, fresh: bool = False, then: Callable[[Stream], object] | None = None) -> None:
        self.fresh = fresh
        self.got: Http1Connection | None = None
        self.error: GatewayError | None = None
        self._then = then

    def connected(self, stream: Stream) -> None:
        assert self.got is None
        assert self.error is None
        assert isinstance(stream, Http1Connection)
        self.got = stream
        if self._then is not None:
            self._then(stream)

    def refused(self, error: GatewayError) -> None:
        assert self.got is None
        assert self.error is None
        self.error = error


class Bench:
    """A pool, its clock, and the dials that it waits for."""

    def __init__(self, most_lent: int = 10, **limits: Any) -> None:
        self.seconds = 0.0
        self.dials: list[tuple[Deferred[IProtocol], Callable[[], IProtocol]]] = []
        self.deadlines = Deadlines(lambda: self.seconds)
        self.pool = BackendPool(
            "orders",
            "http://orders:80",
            "orders",
            speaking_http1(self._dial, Heading(b"orders:80"), 65536),
            Limits(**limits),
            most_lent,
            self.deadlines,
            lambda: self.seconds,
            random.Random(1).random,
        )

    def _dial(self, make: Callable[[], IProtocol]) -> Deferred[IProtocol]:
        dialled: Deferred[IProtocol] = Deferred()
        self.dials.append((dialled, make))
        return dialled

    def connect(self, address: str = "10.0.0.1") -> Http1Connection:
        """Let the oldest dial succeed."""
        dialled, make = self.dials.pop(0)
        connection = make()
        assert isinstance(connection, Http1Connection)
        connection.makeConnection(Wire(peerAddress=IPv4Address("TCP", address, 80)))
        dialled.callback(connection)
        return connection

    def refuse(self) -> None:
        """Let the oldest dial fail."""
        self.dials.pop(0)[0].errback(ConnectionRefusedError())

    def wait(self, **waiter: Any) -> Waiter:
        """Ask for a connection."""
        made = Waiter(**waiter)
        stream = self.pool.acquire(made)
        if stream is not None:
            made.connected(stream)
        return made

    def used(self, count: int = 1) -> list[Http1Connection]:
        """Return connections that have carried a request, in use."""
        waiters = [self.wait() for _ in range(count)]
        for waiter in waiters:
            if waiter.got is None:
                self.connect()
        connections = [waiter.got for waiter in waiters]
        for connection in connections:
            assert connection is not None
            connection.uses += 1
        return [connection for connection in connections if connection is not None]

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and look at the deadlines."""
        self.seconds += seconds
        self.deadlines.sweep()

    def figures(self) -> tuple[int, int, int, int]:
        """Return idle, busy, pending, connecting."""
        pool = self.pool
        return pool.idle, pool.busy, pool.pending, pool.connecting


@pytest.fixture
def bench() -> Bench:
    """Two connections at most, three may wait."""
    return Bench()
