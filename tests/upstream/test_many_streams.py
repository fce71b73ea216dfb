"""Pool, attempts, balancing and retries on connections of several streams: in the test's hands, and those of HTTP/2."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.balancing.least_connections import LeastConnections
from gateway.body import Body
from gateway.errors import BackendReset, GatewayError, PoolExhausted, RequestUnprocessed
from gateway.exchange import Exchange
from gateway.forwarding.attempts import Attempts
from gateway.forwarding.forwarder import Forwarder
from gateway.headers import Headers
from gateway.http.fields import request_filter
from gateway.message import Request, Response
from gateway.transport.deadlines import Deadlines
from gateway.upstream.backend import Backend, Upstream
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.pool import ConnectionPool
from tests.contracts.many_streams import ManyStreamsBackend
from tests.contracts.streams_of_http2 import BackendOfHttp2
from tests.peers import direct
from tests.upstream.conftest import Limits

PASSES = request_filter(frozenset())
Kind = type[ManyStreamsBackend] | type[BackendOfHttp2]
KINDS: list[Kind] = [ManyStreamsBackend, BackendOfHttp2]
Make = Callable[..., "World"]


class Chain:
    """What becomes of exchanges."""

    def __init__(self) -> None:
        self.responses: list[Response] = []
        self.errors: list[GatewayError] = []

    def deliver(self, exchange: Exchange, response: Response) -> None:
        self.responses.append(response)

    def fail(self, exchange: Exchange, error: GatewayError) -> None:
        self.errors.append(error)


class World:
    """A forwarder, its upstream of two backends, and connections of so many streams.

    Args:
        kind: Whose connections.
    """

    def __init__(self, kind: Kind, most: int = 3, backends: int = 1, most_lent: int = 10, **limits: Any) -> None:
        self.seconds = 0.0
        self.deadlines = Deadlines(lambda: self.seconds)
        self.there: list[Any] = [kind(most) for _ in range(backends)]  # both kinds can be told the same
        shared = ConnectionPool(None)
        self.pools = []
        for number, there in enumerate(self.there):
            name = f"http://{number}:80"
            pool = BackendPool(
                "orders",
                name,
                str(number),
                there.connect,
                Limits(**limits),
                most_lent,
                self.deadlines,
                lambda: self.seconds,
                random.Random(1).random,
            )
            self.pools.append(shared.backend(number, lambda pool=pool: pool))  # type: ignore[misc]
        self.backends = [Backend(pool.backend, 1, pool) for pool in self.pools]
        balancer = LeastConnections(self.backends)
        self.upstream = upstream = Upstream("orders", balancer, self.backends, None, lambda name, outcome: None)
        attempts = Attempts(shared, self.deadlines, lambda: self.seconds)
        self.forwarder = Forwarder(upstream, attempts, PASSES, 30.0, via=False)
        self.chain = Chain()

    @property
    def pool(self) -> BackendPool:
        return self.pools[0]

    def ask(self, method: bytes = b"GET", body: Body | None = None) -> Exchange:
        """Let a client ask."""
        request = Request(method, b"/", Headers(), body=body)
        exchange = Exchange(request, cast("Any", object()), direct(), self.seconds, 1e9)
        exchange.chain = cast("Any", self.chain)
        self.forwarder.forward(exchange)
        self.pump()
        return exchange

    def pump(self) -> None:
        """Let the peers see what was written."""
        for there in self.there:
            there.pump()

    @property
    def streams(self) -> list[Any]:
        return [stream for there in self.there for stream in there.streams]

    def figures(self) -> tuple[int, int, int, int]:
        """Idle, busy, pending, in flight."""
        pool = self.pool
        return pool.idle, pool.busy, pool.pending, pool.in_flight


@pytest.fixture(params=KINDS, ids=["many streams", "HTTP/2"])
def make_world(request: pytest.FixtureRequest) -> Make:
    """Makes a world of either kind."""
    return partial(World, request.param)


def test_streams_share_a_connection(make_world: Make) -> None:
    """As long as it has room; then there is another, and what is in flight is counted by request."""
    world = make_world(most=3)
    for _ in range(4):
        world.ask()

    assert [connection.streams for connection in world.there[0].connections] == [3, 1]
    assert world.figures() == (0, 2, 0, 4)
    for stream in world.streams:
        stream.end()
    assert world.figures() == (2, 0, 0, 0)
    assert [response.status for response in world.chain.responses] == [200] * 4


def test_a_connection_in_use_is_taken_before_an_unused_one(make_world: Make) -> None:
    """So that unused ones can go."""
    world = make_world(most=2)
    for _ in range(3):
        world.ask()
    first, second = world.there[0].connections
    second.open_streams[0].end()
    first.open_streams[0].end()
    world.ask()

    assert (first.streams, second.streams) == (2, 0)


def test_who_waits_gets_the_first_stream_that_is_free(make_world: Make) -> None:
    """In order, without another connection."""
    world = make_world(most=2, max_connections=1)
    for _ in range(4):
        world.ask()
    assert world.figures() == (0, 1, 2, 4)
    world.streams[0].end()

    assert world.figures() == (0, 1, 1, 3)
    assert len(world.there[0].connections) == 1


def test_more_room_serves_all_who_wait(make_world: Make) -> None:
    """SETTINGS of the peer allow more; fewer keep the next one waiting."""
    world = make_world(most=1, max_connections=1)
    for _ in range(4):
        world.ask()
    (connection,) = world.there[0].connections
    connection.allow(3)
    assert (connection.streams, world.pool.pending) == (3, 1)
    connection.allow(1)
    world.streams[0].end()
    assert (connection.streams, world.pool.pending) == (2, 1)
    world.streams[0].end()
    world.streams[0].end()

    assert (connection.streams, world.pool.pending) == (1, 0)


def test_once_it_is_known_no_connection_is_opened_for_each(make_world: Make) -> None:
    """A burst on a pool that knows how many streams a connection takes opens as many as are needed."""
    world = make_world(most=3, max_connections=9)
    world.ask()
    for stream in world.streams:
        stream.end()
    for _ in range(7):
        world.ask()

    assert len(world.there[0].connections) == 3


def test_a_full_queue_refuses(make_world: Make) -> None:
    """Past the streams of the connections that there may be."""
    world = make_world(most=2, max_connections=1, max_pending=1)
    for _ in range(4):
        world.ask()

    assert [type(error) for error in world.chain.errors] == [PoolExhausted]
    assert world.figures() == (0, 1, 1, 3)


class TestLentPlaces:
    """A connection lends its place when it is no use to anybody."""

    def dawdle(self, world: World) -> Body:
        body = Body(length=3)
        world.ask(b"POST", body)
        return body

    def test_with_room_it_lends_nothing(self, make_world: Make) -> None:
        """One client that dawdles holds up nobody."""
        world = make_world(most=2, max_connections=1)
        self.dawdle(world)
        world.ask()

        assert world.pool.lent == 0
        assert world.figures() == (0, 1, 0, 2)

    def test_full_of_those_who_dawdle_it_does(self, make_world: Make) -> None:
        """Until one of them goes on."""
        world = make_world(most=2, max_connections=1)
        bodies = [self.dawdle(world) for _ in range(2)]
        assert world.pool.lent == 1
        world.ask()
        assert world.figures() == (0, 2, 0, 3)
        bodies[0].push(b"abc")
        bodies[0].end()

        assert world.pool.lent == 0

    def test_past_the_most_the_longest_is_given_up(self, make_world: Make) -> None:
        """One stream, not all that the connection carries."""
        world = make_world(most=2, max_connections=1, most_lent=1)
        for _ in range(2):
            self.dawdle(world)
        world.ask()

        assert [type(error) for error in world.chain.errors] == [PoolExhausted]
        (connection,) = world.there[0].connections
        assert connection.streams == 2
        assert world.pool.pending == 0


class TestGoingAway:
    """GOAWAY: no more streams, and some were not looked at."""

    @pytest.mark.parametrize("method", [b"GET", b"POST"])
    def test_what_was_not_looked_at_goes_again(self, make_world: Make, method: bytes) -> None:
        """Whatever its method, on another connection; the others finish where they are."""
        world = make_world(most=3)
        for _ in range(3):
            world.ask(method)
        first = world.there[0].connections[0]
        first.go_away(looked_at=1)

        second = world.there[0].connections[1]
        assert (first.streams, second.streams) == (1, 2)
        assert world.figures() == (0, 2, 0, 3)
        first.open_streams[0].end()
        assert first.closed == "closed"
        for stream in world.streams:
            stream.end()
        assert [response.status for response in world.chain.responses] == [200] * 3
        assert world.chain.errors == []

    def test_an_unused_one_is_closed(self, make_world: Make) -> None:
        """And not taken any more."""
        world = make_world()
        world.ask()
        world.streams[0].end()
        world.there[0].connections[0].go_away(looked_at=0)

        assert world.there[0].connections[0].closed == "closed"
        assert world.figures() == (0, 0, 0, 0)
        world.ask()
        assert len(world.there[0].connections) == 2

    @pytest.mark.parametrize("method", [b"GET", b"POST"])
    def test_a_refused_stream_goes_again_once(self, make_world: Make, method: bytes) -> None:
        """Without a policy; a backend that refuses again is believed."""
        world = make_world()
        world.ask(method)
        world.streams[0].refuse()
        assert world.chain.errors == []
        assert world.figures()[3] == 1
        world.streams[0].refuse()

        assert [type(error) for error in world.chain.errors] == [RequestUnprocessed]
        assert world.figures()[3] == 0

    def test_content_that_is_gone_does_not_go_again(self, make_world: Make) -> None:
        """It was taken from the client, and is not kept."""
        world = make_world()
        body = Body(length=3)
        body.push(b"abc")
        world.ask(b"POST", body)
        world.streams[0].refuse()

        assert [type(error) for error in world.chain.errors] == [RequestUnprocessed]

    def test_what_may_have_been_looked_at_is_not_sent_again(self, make_world: Make) -> None:
        """A reset for another reason says nothing of what was done."""
        world = make_world()
        world.ask(b"POST")
        world.streams[0].fail(BackendReset())

        assert [type(error) for error in world.chain.errors] == [BackendReset]


class Judge:
    """What is known of a backend: keeps what it is told."""

    breaker = None
    disturbed = False

    def __init__(self) -> None:
        self.told: list[str | None] = []

    def judge(self, ticket: int, now: float, failure: str | None) -> None:
        self.told.append(failure)


def test_a_backend_that_goes_away_in_order_is_well(make_world: Make) -> None:
    """What it has not looked at counts neither for nor against it; what it answered then does."""
    world = make_world()
    judge = cast("Any", Judge())
    (backend,) = world.backends
    backend.standing = world.upstream.condition = judge
    world.upstream._bent = False
    world.ask()
    world.there[0].connections[0].go_away(0)
    world.streams[0].end()
    world.ask()
    world.streams[0].fail(BackendReset())

    assert judge.told == [None, "", "upstream.reset"]


def test_a_connection_that_is_lost_takes_all_its_streams_with_it(make_world: Make) -> None:
    """Nothing is left in flight."""
    world = make_world(most=3)
    for _ in range(3):
        world.ask()
    world.there[0].connections[0].lose()

    assert len(world.chain.errors) == 3
    assert world.figures() == (0, 0, 0, 0)


def test_draining_waits_for_the_last_stream(make_world: Make) -> None:
    """One that is free does not close what the others are on."""
    world = make_world(most=3)
    for _ in range(2):
        world.ask()
    world.pool.retire()
    drained = world.pool.drained()
    world.streams[0].end()
    assert not drained.called
    world.streams[0].end()

    assert drained.called


def test_addresses_that_are_gone_get_no_more_streams(make_world: Make) -> None:
    """Those that are open finish."""
    world = make_world(most=3)
    world.ask()
    first = world.there[0].connections[0]
    first.address = "10.0.0.1"
    world.pool.retire_addresses(["10.0.0.2"])
    world.ask()
    assert first.streams == 1
    first.open_streams[0].end()

    assert first.closed == "closed"
    assert world.figures() == (0, 1, 0, 1)


def test_least_connections_counts_streams(make_world: Make) -> None:
    """Not the connections that they share."""
    world = make_world(most=100, backends=2)
    for _ in range(10):
        world.ask()

    assert [backend.in_flight for backend in world.backends] == [5, 5]
    assert [len(there.connections) for there in world.there] == [1, 1]
    for stream in list(world.there[0].streams):
        stream.end()
    for _ in range(4):
        world.ask()

    assert [backend.in_flight for backend in world.backends] == [4, 5]


def test_a_cancelled_exchange_frees_its_stream_alone(make_world: Make) -> None:
    """The client is gone; who shares the connection does not notice."""
    world = make_world(most=2)
    gone, _ = world.ask(), world.ask()
    assert gone.pending is not None
    gone.pending.cancel()

    assert world.figures() == (0, 1, 0, 1)
    world.streams[0].end()
    assert len(world.chain.responses) == 1


class Schedule:
    """Anything in any order, drawn from a seed."""

    def __init__(self, kind: Kind, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        self.cap = chance.choice((1, 2, 4))
        most, most_lent = chance.choice((1, 2, 5)), chance.choice((1, 9))
        self.world = World(kind, most, max_connections=self.cap, max_pending=3, most_lent=most_lent)
        self.asked = 0
        self.bodies: list[Body] = []

    def ask(self) -> None:
        self.asked += 1
        self.world.ask()

    def upload(self) -> None:
        self.asked += 1
        self.bodies.append(Body(length=3))
        self.world.ask(b"POST", self.bodies[-1])

    def go_on(self) -> None:
        if self.bodies:
            body = self.bodies.pop()
            body.push(b"abc")
            body.end()

    def answer(self) -> None:
        if self.world.streams:
            self.chance.choice(self.world.streams).end()

    def refuse(self) -> None:
        if self.world.streams:
            self.chance.choice(self.world.streams).refuse()

    def disturb(self) -> None:
        alive = [connection for connection in self.world.there[0].connections if not connection.closed]
        if alive:
            connection = self.chance.choice(alive)
            acts = (lambda: connection.go_away(0), lambda: connection.go_away(1), connection.lose)
            self.chance.choice(acts)()

    def allow(self) -> None:
        for connection in self.world.there[0].connections:
            if not connection.closed:
                connection.allow(self.chance.choice((1, 2, 4)))

    def step(self) -> None:
        acts = (self.ask, self.ask, self.ask, self.upload, self.go_on, self.answer, self.answer, self.refuse)
        self.chance.choice((*acts, self.allow, self.disturb))()
        self.world.pump()
        self.check()

    def check(self) -> None:
        pool, chain = self.world.pool, self.world.chain
        assert pool.in_flight == self.asked - len(chain.responses) - len(chain.errors)
        assert pool.in_flight == len(self.world.streams) + pool.pending
        assert pool.idle + pool.busy == len([one for one in self.world.there[0].connections if not one.closed])
        unused = [*pool._idle, *pool.aside]
        assert len(set(unused)) == len(unused)
        assert not [connection for connection in unused if connection.lost or connection.streams]
        for connection in pool._open:
            # Nobody waits while there is room, but for those who want a fresh connection.
            assert not pool.pending or connection.streams >= connection.most or not connection.fresh

    def finish(self) -> None:
        world = self.world
        world.pool.retire()
        drained = world.pool.drained()
        while world.streams:
            world.streams[0].end()
            world.pump()
            self.check()
        assert drained.called
        assert world.pool.in_flight == world.pool.pending == world.pool.lent == 0
        assert len(world.deadlines) <= 1  # the pool's own, until it looks again


# The last of a connection's streams was given up while the connection was lent: it was unused once more than it was.
@example(kind=BackendOfHttp2, seed=4941)
@example(kind=ManyStreamsBackend, seed=4031)
@settings(deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32))
def test_whatever_happens_the_figures_hold(kind: Kind, seed: int) -> None:
    """Everybody is counted once, nobody is forgotten, nothing is left."""
    schedule = Schedule(kind, seed)
    for _ in range(60):
        schedule.step()
    schedule.finish()
