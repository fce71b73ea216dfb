"""Pools: how many connections there are, who gets which, and how long anyone waits."""

from __future__ import annotations

import random
from collections.abc import Callable
from errno import EMFILE
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import succeed
from twisted.internet.error import ConnectBindError
from twisted.internet.testing import StringTransport

from gateway.errors import BackendRefused, PoolExhausted
from gateway.transport.deadlines import NEVER
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.contract import Stream
from gateway.upstream.http1_connection import Http1Connection
from gateway.upstream.pool import ConnectionPool
from gateway.upstream.pool_limits import SURPLUS
from tests.upstream.conftest import Bench, Waiter

T = TypeVar("T")


def test_the_first_one_is_dialled_for(bench: Bench) -> None:
    """Once, and handed over when it is there."""
    waiter = bench.wait()
    assert bench.figures() == (0, 0, 1, 1)
    connection = bench.connect()

    assert waiter.got is connection
    assert bench.figures() == (0, 1, 0, 0)


def test_a_released_one_is_used_again(bench: Bench) -> None:
    """At once, without a dial; the last one released first."""
    first, second = bench.used(2)
    second.unused()
    first.unused()

    assert bench.wait().got is first
    assert bench.wait().got is second
    assert bench.dials == []


def test_no_more_are_dialled_than_the_cap(bench: Bench) -> None:
    """Those that are being opened count."""
    for _ in range(5):
        bench.wait()

    assert len(bench.dials) == 2
    assert bench.figures() == (0, 0, 5, 2)


def test_who_waits_is_served_in_order(bench: Bench) -> None:
    """By whatever becomes free first."""
    first, second = bench.used(2)
    waiters = [bench.wait() for _ in range(3)]
    second.unused()
    first.unused()

    assert [waiter.got for waiter in waiters] == [second, first, None]


def test_a_full_queue_refuses(bench: Bench) -> None:
    """Without taking note of who asked."""
    bench.used(2)
    for _ in range(3):
        bench.wait()

    with pytest.raises(PoolExhausted):
        bench.wait()
    assert bench.figures() == (0, 2, 3, 0)


def test_waiting_has_an_end(bench: Bench) -> None:
    """Each at its own time; what became free meanwhile is not taken from those who wait on."""
    first, _ = bench.used(2)
    early = bench.wait()
    bench.pass_time(3)
    late = bench.wait()
    bench.pass_time(2)
    assert isinstance(early.error, PoolExhausted)
    assert late.error is None
    first.unused()
    assert late.got is first
    bench.pass_time(100)

    assert len(bench.deadlines) == 2  # the connections; the pool itself is not looked at any more


def test_who_waits_for_its_own_dial_is_not_in_the_queue(bench: Bench) -> None:
    """The dial has a timeout of its own."""
    waiter = bench.wait()
    bench.pass_time(100)

    assert waiter.error is None


def test_who_withdraws_is_forgotten(bench: Bench) -> None:
    """The dial goes on, and makes an idle connection; withdrawing twice is no error."""
    waiter = bench.wait()
    bench.pool.withdraw(waiter)
    bench.pool.withdraw(waiter)
    bench.connect()

    assert waiter.got is None
    assert bench.figures() == (1, 0, 0, 0)


def test_a_failed_dial_refuses_one(bench: Bench) -> None:
    """The oldest; for the others others are dialled."""
    waiters = [bench.wait() for _ in range(3)]
    bench.refuse()

    assert [type(waiter.error) for waiter in waiters] == [BackendRefused, type(None), type(None)]
    assert len(bench.dials) == 2


def test_a_failed_dial_that_nobody_waits_for(bench: Bench) -> None:
    """Is nobody's."""
    bench.pool.withdraw(bench.wait())
    bench.refuse()

    assert bench.figures() == (0, 0, 0, 0)


def test_a_lost_one_makes_room(bench: Bench) -> None:
    """Another is dialled for who waits; losing it twice is losing it once."""
    first, _ = bench.used(2)
    bench.wait()
    bench.pool.lost(first)
    bench.pool.lost(first)

    assert bench.figures() == (0, 1, 1, 1)


def test_an_idle_one_that_is_lost_is_not_lent(bench: Bench) -> None:
    """The backend closed it."""
    (connection,) = bench.used()
    connection.unused()
    connection.connectionLost()

    assert bench.wait().got is None


def test_an_idle_one_is_closed_in_time(bench: Bench) -> None:
    """After `idle_timeout` since it was released."""
    (connection,) = bench.used()
    bench.pass_time(100)
    connection.unused()
    bench.pass_time(59)
    assert bench.pool.idle == 1
    bench.pass_time(1)

    assert bench.figures() == (0, 0, 0, 0)
    assert connection.transport.disconnecting


@pytest.mark.parametrize("end", [Http1Connection.connectionLost, Http1Connection.readConnectionLost])
def test_a_connection_that_died_before_it_was_lent(bench: Bench, end: Callable[[Http1Connection], None]) -> None:
    """Another one is dialled."""
    waiter = bench.wait()
    dialled, make = bench.dials.pop()
    connection = make()
    assert isinstance(connection, Http1Connection)
    connection.makeConnection(StringTransport())
    end(connection)
    dialled.callback(connection)

    assert waiter.got is None
    assert bench.figures() == (0, 0, 1, 1)


class TestFresh:
    """One that has not been used is asked for: the one before died in the keep-alive race."""

    def test_idle_ones_are_passed_over(self, bench: Bench) -> None:
        """They may be as dead."""
        (connection,) = bench.used()
        connection.unused()
        waiter = bench.wait(fresh=True)
        assert waiter.got is None
        fresh = bench.connect()

        assert waiter.got is fresh
        assert bench.pool.idle == 1

    def test_the_oldest_idle_one_makes_room(self, bench: Bench) -> None:
        """At the cap."""
        first, second = bench.used(2)
        first.unused()
        second.unused()
        bench.wait(fresh=True)

        assert first.transport.disconnecting
        assert bench.figures() == (1, 0, 1, 1)

    def test_a_used_one_goes_to_the_next_in_the_queue(self, bench: Bench) -> None:
        """Who does not mind."""
        first, second = bench.used(2)
        fresh, other = bench.wait(fresh=True), bench.wait()
        first.unused()
        assert (fresh.got, other.got) == (None, first)
        second.unused()  # nobody else waits: it makes room

        assert bench.figures() == (0, 1, 1, 1)
        assert fresh.got is None
        assert bench.connect() is fresh.got

    def test_a_used_one_is_kept_where_there_is_room(self, bench: Bench) -> None:
        """The dial is under way already."""
        (connection,) = bench.used()
        bench.wait(fresh=True)
        connection.unused()

        assert bench.figures() == (1, 0, 1, 1)


class TestRetired:
    """The backend is in no configuration any more."""

    def test_idle_ones_are_closed(self, bench: Bench) -> None:
        """At once."""
        (connection,) = bench.used()
        connection.unused()
        bench.pool.retire()

        assert bench.figures() == (0, 0, 0, 0)
        assert bench.pool.drained().called

    def test_busy_ones_when_they_are_given_back(self, bench: Bench) -> None:
        """And then it is drained, for everyone who asked."""
        (connection,) = bench.used()
        bench.pool.retire()
        drained = bench.pool.drained()
        assert not drained.called
        connection.unused()

        assert drained.called
        assert bench.pool.drained().called

    def test_who_waits_is_served(self, bench: Bench) -> None:
        """It began before."""
        first, _ = bench.used(2)
        waiter = bench.wait()
        bench.pool.retire()
        first.unused()

        assert waiter.got is first

    def test_a_dial_under_way_is_waited_for(self, bench: Bench) -> None:
        """Whether it succeeds or fails; nobody wants what it opens."""
        for end in (bench.connect, bench.refuse):
            bench.pool.withdraw(bench.wait())
            bench.pool.retire()
            drained = bench.pool.drained()
            bench.pool._empty = None
            end()
            assert bench.figures() == (0, 0, 0, 0)
            assert bench.pool.drained().called
            del drained

    def test_one_that_died_in_the_dial_is_not_waited_for(self, bench: Bench) -> None:
        """It was never open."""
        bench.pool.withdraw(bench.wait())
        bench.pool.retire()
        drained = bench.pool.drained()
        dialled, make = bench.dials.pop()
        connection = make()
        assert isinstance(connection, Http1Connection)
        connection.makeConnection(StringTransport())
        connection.connectionLost()
        dialled.callback(connection)

        assert drained.called

    def test_aborting_closes_everything(self, bench: Bench) -> None:
        """Busy and idle; what is dialled is cancelled."""
        first, second = bench.used(2)
        second.unused()
        bench.pool.abort()

        assert first.transport.disconnected
        assert bench.figures() == (0, 0, 0, 0)

    def test_aborting_cancels_dials(self, bench: Bench) -> None:
        """Who waits hears it."""
        waiter = bench.wait()
        bench.pool.abort()

        assert waiter.error is not None
        assert bench.figures() == (0, 0, 0, 0)


def test_addresses_that_are_gone(bench: Bench) -> None:
    """Idle connections to them are closed, busy ones marked, those to others kept."""
    waiters = [bench.wait() for _ in range(2)]
    old, current = bench.connect("10.0.0.1"), bench.connect("10.0.0.2")
    current.unused()
    bench.pool.retire_addresses(["10.0.0.2", "10.0.0.3"])
    assert old.retired
    assert bench.figures() == (1, 1, 0, 0)
    bench.pool.retire_addresses(["10.0.0.3"])

    assert bench.figures() == (0, 1, 0, 0)
    assert [waiter.got for waiter in waiters] == [old, current]


def test_releasing_may_call_back_into_the_pool(bench: Bench) -> None:
    """Who gets a connection may give it back at once, and so on down the queue."""
    first, _ = bench.used(2)
    waiters = [bench.wait(then=lambda stream: stream.unused()) for _ in range(3)]
    first.unused()

    assert [waiter.got for waiter in waiters] == [first] * 3
    assert bench.figures() == (1, 1, 0, 0)


def test_who_gets_a_connection_may_close_it_at_once(bench: Bench) -> None:
    """The next one in the queue is not given what is closing."""
    first, _ = bench.used(2)
    waiters = [bench.wait(then=lambda stream: stream.abort()), bench.wait()]
    first.unused()

    assert [waiter.got for waiter in waiters] == [first, None]
    assert bench.connect() is waiters[1].got


def test_what_was_set_aside_by_who_got_it_is_given_to_nobody_else() -> None:
    """Note [Connections of one client]: also where the next one waits already."""
    bench = Bench(max_connections=3)

    def prove(stream: Stream) -> None:
        assert isinstance(stream, Http1Connection)
        stream.owner = "alice"
        stream.unused()

    (first,) = bench.used()
    waiters = [bench.wait(then=prove), bench.wait()]
    first.unused()

    assert [waiter.got for waiter in waiters] == [first, None]
    assert first in bench.pool.aside


class Schedule:
    """Anything in any order, drawn from a seed; who waits and who has what is kept beside the pool."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.cap = self.chance.choice((1, 2, 5))
        self.bench = Bench(max_connections=self.cap, max_pending=self.chance.choice((0, 1, 4)))
        self.waiting: list[Waiter] = []
        self.busy: list[Http1Connection] = []

    def acquire(self) -> None:
        waiter = Waiter(fresh=self.chance.random() < 0.2)
        try:
            stream = self.bench.pool.acquire(waiter)
        except PoolExhausted:
            assert self.bench.pool._size == self.cap
            return
        if stream is not None:
            assert not waiter.fresh
            waiter.connected(stream)
        self.waiting.append(waiter)

    def dial(self) -> None:
        if self.bench.dials:
            self.chance.choice((self.bench.connect, self.bench.connect, self.bench.refuse))()

    def release(self) -> None:
        if self.busy:
            self.drawn(self.busy).unused()

    def lose(self) -> None:
        if self.busy:
            self.drawn(self.busy).connectionLost()

    def withdraw(self) -> None:
        if self.waiting:
            self.bench.pool.withdraw(self.drawn(self.waiting))

    def wait(self) -> None:
        self.bench.pass_time(self.chance.choice((0.1, 3, 30)))

    def drawn(self, things: list[T]) -> T:
        return things.pop(self.chance.randrange(len(things)))

    def step(self) -> None:
        acts = (self.acquire, self.acquire, self.dial, self.release, self.lose, self.withdraw, self.wait)
        self.chance.choice(acts)()
        self.settle()
        idle, lent, pending, connecting = self.bench.figures()
        assert idle + lent + connecting <= self.cap
        assert (lent, pending, connecting) == (len(self.busy), len(self.waiting), len(self.bench.dials))
        assert not idle or all(waiter.fresh for waiter in self.waiting)

    def settle(self) -> None:
        """See who has been served, and who refused."""
        for waiter in list(self.waiting):
            if waiter.got is not None:
                waiter.got.uses += 1
                waiter.got.deadline = NEVER  # as sending a request does
                self.busy.append(waiter.got)
            if waiter.got is not None or waiter.error is not None:
                self.waiting.remove(waiter)

    def finish(self) -> None:
        """Serve everyone, and look for what stays."""
        pool = self.bench.pool
        pool.retire()
        while self.bench.dials or self.busy or self.waiting:
            if self.bench.dials:
                self.bench.connect()
            elif self.busy:
                self.busy.pop().unused()
            else:
                pool.withdraw(self.waiting.pop())
            self.settle()
        assert pool.drained().called
        self.bench.pass_time(100)
        closing = [watched for watched in self.bench.deadlines._watched if isinstance(watched, Http1Connection)]
        assert len(closing) == len(self.bench.deadlines)
        assert all(connection.transport.disconnecting for connection in closing)


@given(st.integers(0, 2**32))
def test_whatever_happens_the_figures_hold(seed: int) -> None:
    """Never over the cap, nobody forgotten, nobody served twice, nothing left."""
    schedule = Schedule(seed)
    for _ in range(80):
        schedule.step()
    schedule.finish()


class TestConnectionPool:
    """The pools of all backends, by what they are."""

    @pytest.fixture
    def shared(self) -> ConnectionPool:
        """Without any."""
        return ConnectionPool(None)

    def make(self) -> BackendPool:
        """A pool."""
        return Bench().pool

    def test_one_for_each_key(self, shared: ConnectionPool) -> None:
        """Made when it is new."""
        one = shared.backend("a", self.make)

        assert shared.backend("a", self.make) is one
        assert shared.backend("b", self.make) is not one
        assert len(shared.pools()) == 2

    def test_retain(self, shared: ConnectionPool) -> None:
        """The others are retired; one that is asked for again is another."""
        one, two = shared.backend("a", self.make), shared.backend("b", self.make)
        shared.retain(["b"])

        assert shared.pools() == [two]
        assert one.drained().called
        assert shared.backend("a", self.make) is not one

    def test_closing_waits_for_all(self, shared: ConnectionPool) -> None:
        """Those that left before, too."""
        benches = [Bench(), Bench()]
        for number, bench in enumerate(benches):
            shared.backend(number, lambda pool=bench.pool: pool)  # type: ignore[misc]
        connections = [bench.used()[0] for bench in benches]
        shared.retain([1])
        closed = shared.closeCachedConnections()
        for connection in connections:
            assert not closed.called
            connection.unused()

        assert closed.called
        assert shared.closeCachedConnections().called

    def test_addresses_go_to_the_pools_of_the_host(self, shared: ConnectionPool) -> None:
        """Not to others."""
        bench = Bench()
        shared.backend("a", lambda: bench.pool)
        (connection,) = bench.used()
        shared.addresses_changed("elsewhere", [])
        assert not connection.retired
        shared.addresses_changed("orders", [])

        assert connection.retired

    def test_abort_reaches_those_that_leave(self, shared: ConnectionPool) -> None:
        """As well as those in use."""
        bench = Bench()
        shared.backend("a", lambda: bench.pool)
        (connection,) = bench.used()
        shared.retain([])
        shared.abort()

        assert connection.transport.disconnected

    def test_it_never_retries_by_itself(self, shared: ConnectionPool) -> None:
        """Twisted's would: what was sent is known only here."""
        assert shared.retryAutomatically is False
        assert succeed(shared).result is shared


def test_no_more_unused_connections_are_kept_than_max_idle() -> None:
    """For long, that is: Note [Surplus connections]."""
    bench = Bench(max_connections=3, max_idle=1)
    for connection in bench.used(3):
        connection.unused()
    bench.pass_time(SURPLUS - 1)
    assert bench.figures() == (3, 0, 0, 0)
    bench.pass_time(1.5)
    assert bench.figures() == (1, 0, 0, 0)


def test_bursts_larger_than_max_idle_dial_once() -> None:
    """What the one before has opened is used again, and goes when there are none any more."""
    bench = Bench(max_connections=100, max_idle=10)
    first = bench.used(50)
    for connection in first:
        connection.unused()
    for _ in range(5):
        bench.pass_time(SURPLUS - 1)
        burst = [bench.wait().got for _ in range(50)]
        assert set(burst) == set(first)
        for connection in first:
            connection.unused()
    bench.pass_time(SURPLUS + 0.5)

    assert bench.figures() == (10, 0, 0, 0)


def test_with_no_idle_ones_wanted_none_is_kept() -> None:
    """It is closed as it becomes free."""
    bench = Bench(max_connections=3, max_idle=0)
    for connection in bench.used(3):
        connection.unused()
    assert bench.figures() == (0, 0, 0, 0)


def test_a_connection_that_waits_for_its_client_does_not_count() -> None:
    """Note [Lent places]: who waits in the queue gets another at once; when it goes on, it counts again."""
    bench = Bench(max_connections=1)
    (slow,) = bench.used()
    waiting = bench.wait()
    assert bench.figures() == (0, 1, 1, 0)
    bench.pool.lend(slow)
    assert bench.figures() == (0, 1, 1, 1)
    assert waiting.got is None
    assert bench.connect() is waiting.got
    bench.pool.reclaim(slow)
    bench.wait()
    assert bench.figures() == (0, 2, 1, 0)


def test_with_no_descriptor_left_who_waits_for_a_client_has_to_go() -> None:
    """Who has waited longest, and the dial is made again; with nobody to go, the dial has failed."""
    bench = Bench(max_connections=1)
    (slow,) = bench.used()
    bench.pool.lend(slow)
    waiting = bench.wait()
    bench.dials.pop(0)[0].errback(ConnectBindError(EMFILE, "Too many open files"))
    assert waiting.error is None
    assert bench.figures() == (0, 0, 1, 1)
    bench.dials.pop(0)[0].errback(ConnectBindError(EMFILE, "Too many open files"))
    assert waiting.error is not None


def test_a_connection_is_set_aside_though_another_is_being_dialled() -> None:
    """Only where its place is needed it is closed: a handshake under load would never end otherwise."""
    bench = Bench(max_connections=2)
    (own,) = bench.used()
    own.owner = client = object()
    bench.wait()
    own.unused()
    assert bench.pool.aside.pins == {client: bench.pool}
    waiter = Waiter()
    waiter.owner = client
    assert bench.pool.acquire(waiter) is own
    bench.wait()
    own.unused()
    assert bench.pool.aside.pins == {}
