"""What the gateway writes to backends, looked at octet by octet in the moment in which it does.

What backends get is less: what was written to one that resets, or is cut off,
never arrives, and still it has left.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from gateway.forwarding.attempt import Attempt
from gateway.memory.backend import BackendConnection
from gateway.memory.transport import QUEUE, WIRE, MemoryTransport
from gateway.resilience.breaker import Breaker, State
from gateway.resilience.retry import IDEMPOTENT
from gateway.testing import FakeClient
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.http1_connection import Http1Connection
from tests.simulation import rules, shared

if TYPE_CHECKING:
    from tests.simulation.world import World

REQUEST = re.compile(rb"[A-Z]+ ((?:/changed)?/(?:[ab]|part[12])/\d+(?:\?id=[^ ]+)?) HTTP/1\.1\r\n")
KEPT = 64 * 1024
"""Octets of one message that are kept to be sent again, or held until it is whole, at most (`retry.buffer`)."""


class Wire:
    """The gateway's ends of all connections.

    Attributes:
        wrong: What was seen that must not be; told after the step, since the gateway would take it for its own failure.
        confused: Targets that were sent while octets were under way that nobody had asked for: HTTP/1.1 has no way of
            telling them from the answer.
    """

    def __init__(self, world: World) -> None:
        self.wrong: list[str] = []
        self.confused: set[bytes] = set()
        self._world = world
        self._left: Counter[bytes] = Counter()
        self._ends: list[MemoryTransport] = []
        self._confused: set[BackendConnection] = set()
        self._probes: dict[tuple[Breaker, float | None, bool], list[Attempt]] = {}
        network = world.harness.network
        connect = network.connect

        def watched(client: Any, server: Any, *place: Any, **at: Any) -> None:
            connect(client, server, *place, **at)
            if isinstance(client, Http1Connection):
                self._connected(client)
            elif isinstance(client, FakeClient):
                self._ends.append(server.transport)

        network.connect = watched  # type: ignore[method-assign]

    @property
    def most_queued(self) -> int:
        """Most octets that ever waited for one connection to take them."""
        return max((end.most_queued for end in self._ends), default=0)

    def check(self) -> None:
        """Raise what was seen."""
        assert not self.wrong, "; ".join(self.wrong)
        # A content that rules have changed is there as a whole, and is written in one piece.
        most = QUEUE + KEPT + 2 * WIRE + (rules.MOST if self._world.changes_contents else 0)
        if self._world.shares:  # what is kept is there as a whole too
            most += shared.MOST
        assert self.most_queued <= most, f"{self.most_queued} octets waited for a connection to take them"

    def _connected(self, connection: Http1Connection) -> None:
        pool, transport = connection.keeper, connection.transport
        assert isinstance(pool, BackendPool)
        assert isinstance(transport, MemoryTransport)
        ends = self._world.harness.network.transports
        # Those that wait for their clients, or did, do not keep others from being opened.
        found = sum(1 for one in ends if _is_open(one, pool) and not one.protocol.has_lent)
        if found > pool.max_connections:
            self.wrong.append(f"{found} connections are open, of which there may be {pool.max_connections}")
        self._ends.append(transport)
        write = transport.write

        def watched(data: bytes) -> None:
            if transport.connected and not transport._aborting and not transport._write_closed:
                self._leaves(connection, data)
            write(data)

        transport.write = watched  # type: ignore[method-assign]

    def _leaves(self, connection: Http1Connection, data: bytes) -> None:
        begun, attempt = REQUEST.match(data), connection._hearer
        if begun is None or not isinstance(attempt, Attempt):
            return
        target, request = rules.asked_for(begun[1]), attempt.exchange.request
        self._world.trace.append(f"           {target.decode()} to {attempt.backend.name}, {attempt.exchange.attempts}")
        if request.target != begun[1]:
            self.wrong.append(f"{begun[1]!r} is sent for {request.target!r}")
        self._follows_surplus(connection, target)
        self._left[target] += 1
        if self._left[target] > 1:
            keyed = b"idempotency-key" in request.headers.index and self._world.honours_keys
            if request.upgrade is not None or (request.method not in IDEMPOTENT and not keyed):
                self.wrong.append(f"{request.method!r} {target!r} left {self._left[target]} times")
        for breaker in (attempt.backend.breaker, attempt.upstream.breaker):
            if breaker is not None and breaker.state is State.OPEN:
                self.wrong.append(f"{target!r} is sent through an open breaker")
        if attempt.backend.breaker is not None:
            self._is_probe(attempt.backend.breaker, attempt)

    def _follows_surplus(self, connection: Http1Connection, target: bytes) -> None:
        transport: Any = connection.transport
        there = transport.other.protocol
        if there in self._world.backends.said_too_much and there not in self._confused:
            if not transport.other.unread:
                self.wrong.append(f"{target!r} is sent after octets that nobody had asked for")
            self._confused.add(there)
        if there in self._confused:
            self.confused.add(target)

    def _is_probe(self, breaker: Breaker, attempt: Attempt) -> None:
        if breaker.state is not State.HALF_OPEN:
            return
        streams = attempt.ticket < 0  # those whose content is still to come have slots of their own
        probes = self._probes.setdefault((breaker, breaker.since, streams), [])
        # A probe is one until the head of its answer is there.
        probes[:] = [one for one in probes if not one.done and not one.status]
        probes.append(attempt)
        # Each has a slot: one that has none was let in before the breaker opened.
        most = min(breaker._streaming if streams else breaker.probes, breaker.rules.half_open_requests)
        if len(probes) > most:
            self.wrong.append(f"{len(probes)} probes are under way at a half-open backend, {most} may be")


def _is_open(transport: MemoryTransport, pool: object) -> bool:
    protocol = transport.protocol
    if not isinstance(protocol, Http1Connection) or protocol.keeper is not pool:
        return False
    return transport.connected and not transport.disconnecting and not transport._aborting
