"""Pools of the clients of each address: nobody gets another one's connection, and together they keep to one cap."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from gateway.errors import PoolExhausted
from gateway.exchange import Exchange
from gateway.peer import Ends, Peer, Readers
from gateway.transport.deadlines import NEVER
from gateway.upstream.client_pools import ClientPools, ends_of
from gateway.upstream.contract import Connect, Connection, Keeper
from gateway.upstream.http1_connection import Http1Connection
from gateway.upstream.http1_opening import speaking_http1
from gateway.upstream.pool_limits import SURPLUS
from gateway.upstream.request_head import Heading
from tests.upstream.conftest import Bench, Limits, Waiter

T = TypeVar("T")

ADDRESSES = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


class Caller(Waiter):
    """Waits for a connection of a client."""

    def __init__(self, address: str, fresh: bool = False) -> None:
        super().__init__(fresh)
        self.exchange = cast("Exchange", SimpleNamespace(client_address=address))


class Pools(Bench):
    """Pools whose dials are answered by the test."""

    def __init__(self, **limits: Any) -> None:
        super().__init__(**limits)
        self.of: dict[object, str] = {}
        self.pools = self.pool = ClientPools(
            "orders",
            "http://orders:80",
            "orders",
            self._connect_for,
            Limits(**limits),
            10,
            self.deadlines,
            lambda: self.seconds,
            random.Random(1).random,
        )

    def _connect_for(self, exchange: Exchange) -> Connect:
        connect = speaking_http1(self._dial, Heading(b"orders:80"), 65536)

        def note(connection: Connection) -> Connection:
            self.of[connection] = exchange.client_address
            return connection

        def connect_and_note(keeper: Keeper) -> Deferred[Connection]:
            return connect(keeper).addCallback(note)

        return connect_and_note

    def ask(self, address: str, fresh: bool = False) -> Caller:
        """Ask for a connection of a client."""
        caller = Caller(address, fresh)
        stream = self.pools.acquire(caller)
        if stream is not None:
            caller.connected(stream)
        return caller


class Schedule:
    """Anything in any order, drawn from a seed; who waits and who has what is kept beside the pools."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.cap = self.chance.choice((1, 2, 5))
        self.max_idle = self.chance.choice((1, 100))
        pending = self.chance.choice((0, 1, 4, 100))
        self.bench = Pools(max_connections=self.cap, max_pending=pending, max_idle=self.max_idle)
        self.waiting: list[Caller] = []
        self.busy: list[Http1Connection] = []
        self.lent: list[Http1Connection] = []

    def acquire(self) -> None:
        address, fresh = self.chance.choice(ADDRESSES), self.chance.random() < 0.2
        try:
            self.waiting.append(self.bench.ask(address, fresh))
        except PoolExhausted:
            assert self.bench.pools.size >= self.cap

    def dial(self) -> None:
        if self.bench.dials:
            self.chance.choice((self.bench.connect, self.bench.connect, self.bench.refuse))()

    def release(self) -> None:
        if self.busy:
            self.drawn(self.busy).unused()

    def lose(self) -> None:
        if self.busy:
            self.drawn(self.busy).connectionLost()

    def lend(self) -> None:
        if self.busy and len(self.lent) < 5:
            self.lent.append(self.drawn(self.busy))
            self.lent[-1].keeper.lend(self.lent[-1])

    def reclaim(self) -> None:
        if self.lent:
            self.busy.append(self.drawn(self.lent))
            self.busy[-1].keeper.reclaim(self.busy[-1])

    def withdraw(self) -> None:
        if self.waiting:
            self.bench.pools.withdraw(self.drawn(self.waiting))

    def wait(self) -> None:
        self.bench.pass_time(self.chance.choice((0.1, 3, 30)))

    def drawn(self, things: list[T]) -> T:
        return things.pop(self.chance.randrange(len(things)))

    def step(self) -> None:
        acts = (
            *[self.acquire] * 3,
            self.dial,
            self.dial,
            self.release,
            self.release,
            self.lose,
            self.lend,
            self.reclaim,
            self.withdraw,
            self.wait,
        )
        self.chance.choice(acts)()
        self.settle()
        self.check()

    def settle(self) -> None:
        """See who has been served, and who refused."""
        for caller in list(self.waiting):
            if caller.got is not None:
                assert self.bench.of[caller.got] == caller.exchange.client_address
                caller.got.uses += 1
                caller.got.deadline = NEVER  # as sending a request does
                self.busy.append(caller.got)
            if caller.got is not None or caller.error is not None:
                self.waiting.remove(caller)

    def check(self) -> None:
        """See whether the figures are true, and nobody waits in vain."""
        pools = self.bench.pools
        idle, busy, pending, connecting = self.bench.figures()
        assert (busy, pending) == (len(self.busy) + len(self.lent), len(self.waiting))
        assert (connecting, pools.lent) == (len(self.bench.dials), len(self.lent))
        assert pools.size == idle + busy + connecting - len(self.lent)
        # Those that were lent may come back all at once; then nothing that is unused is kept.
        assert pools.size <= self.cap or (pools.size <= self.cap + 5 and not idle)
        parts = pools._pools.values()
        assert idle == sum(part.idle for part in parts)
        assert pools.unprovided == sum(max(0, part.pending - part.connecting) for part in parts)
        assert not any(part.empty for part in parts)
        assert not (pools.unprovided and (pools.size < self.cap or idle))
        assert len(self.staying()) <= self.max_idle

    def staying(self) -> list[Connection]:
        """Unused connections that do not go soon."""
        soon = self.bench.seconds + SURPLUS
        parts = self.bench.pools._pools.values()
        unused = [each for part in parts for each in (*part._idle, *part.aside)]
        return [connection for connection in unused if connection.deadline > soon]

    def finish(self) -> None:
        """Serve everyone, and look for what stays."""
        pools = self.bench.pools
        pools.retire()
        while self.bench.dials or self.busy or self.lent or self.waiting:
            if self.bench.dials:
                self.bench.connect()
            elif self.lent:
                self.reclaim()
            elif self.busy:
                self.busy.pop().unused()
            else:
                pools.withdraw(self.waiting.pop())
            self.settle()
        assert pools.drained().called
        assert not pools._pools
        assert (pools.size, pools.unprovided, pools.idle) == (0, 0, 0)
        self.bench.pass_time(100)
        closing = [watched for watched in self.bench.deadlines._watched if isinstance(watched, Http1Connection)]
        assert len(closing) == len(self.bench.deadlines)


@given(st.integers(0, 2**32))
def test_whatever_happens_everyone_gets_their_own(seed: int) -> None:
    """Never over the cap, nobody forgotten, nobody served twice, nothing left."""
    schedule = Schedule(seed)
    for _ in range(80):
        schedule.step()
    schedule.finish()


def test_clients_that_come_back_soon_find_their_connections() -> None:
    """More of them than `max_idle`: what is over it goes when it was not used for a while, the oldest first."""
    bench = Pools(max_connections=100, max_idle=2)
    addresses = [f"192.0.2.{last}" for last in range(10)]

    def burst() -> dict[str, Any]:
        callers = {address: bench.ask(address) for address in addresses}
        while bench.dials:
            bench.connect()
        found = {address: caller.got for address, caller in callers.items()}
        for connection in found.values():
            assert connection is not None
            connection.uses += 1
            connection.deadline = NEVER
        for connection in found.values():
            assert connection is not None
            connection.unused()
        return found

    first = burst()
    for _ in range(4):
        bench.pass_time(SURPLUS - 1)
        assert burst() == first
    bench.pass_time(SURPLUS + 0.5)

    assert bench.figures() == (2, 0, 0, 0)


def test_each_address_has_its_turn() -> None:
    """Whoever asks for many waits behind who asks for one."""
    bench = Pools(max_connections=1, max_pending=100)
    first = bench.ask("192.0.2.1")
    connection = bench.connect()
    connection.uses += 1
    order = [bench.ask(address) for address in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3")]
    served: list[Caller] = [first]
    while len(served) < 6:
        got = served[-1].got
        assert got is not None
        got.unused()
        if bench.dials:
            bench.connect().uses += 1
        (now,) = [caller for caller in order if caller.got is not None and caller not in served]
        assert now.got is not None
        now.got.uses += 1
        served.append(now)

    assert [caller.exchange.client_address[-1] for caller in served] == ["1", "1", "2", "3", "1", "1"]


def test_aborting_closes_and_cancels() -> None:
    """The connections of all, and those that are being opened."""
    bench = Pools(max_connections=3)
    bench.ask("192.0.2.1")
    connection = bench.connect()
    bench.ask("192.0.2.2")
    drained = bench.pools.drained()
    assert not drained.called
    bench.pools.abort()

    assert connection.lost
    assert drained.called


def test_addresses_that_are_gone_are_left_by_all() -> None:
    """The backend's name has others now."""
    bench = Pools(max_connections=3)
    callers = [bench.ask(address) for address in ADDRESSES[:2]]
    for caller, address in zip(callers, ("10.0.0.1", "10.0.0.2"), strict=True):
        bench.connect(address)
        assert caller.got is not None
        caller.got.unused()
    bench.pools.retire_addresses(iter(["10.0.0.2"]))

    assert [caller.got.lost for caller in callers if caller.got is not None] == [True, False]


@pytest.mark.parametrize(
    ("address", "ends", "said"),
    [
        ("192.0.2.1", Ends("192.0.2.1", 40000, "10.0.0.1", 80), Ends("192.0.2.1", 40000, "10.0.0.1", 80)),
        ("192.0.2.1", Ends("::ffff:192.0.2.1", 4, "::ffff:10.0.0.1", 80), Ends("192.0.2.1", 4, "10.0.0.1", 80)),
        ("203.0.113.9", Ends("192.0.2.1", 40000, "10.0.0.1", 80), Ends("203.0.113.9", 0, "", 0)),
        ("203.0.113.9", None, Ends("203.0.113.9", 0, "", 0)),
        ("", None, Ends("", 0, "", 0)),
    ],
)
def test_whose_connection_it_is(address: str, ends: Ends | None, said: Ends) -> None:
    """Of who is named by a field, only the address is known."""
    readers = Readers(lambda _: None, lambda _: (), lambda _: ends)
    peer = Peer("192.0.2.1", cast("Any", None), readers=readers)
    exchange = cast("Exchange", SimpleNamespace(client_address=address, peer=peer))

    assert ends_of(exchange) == said
