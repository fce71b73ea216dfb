"""How often the gateway asks the clock, and that what it keeps of the answer is never old."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gateway import config
from gateway.exchange import Exchange
from gateway.memory.backend import FakeBackend
from gateway.memory.client import FakeClient
from gateway.memory.gateway import MemoryGateway
from gateway.memory.network import MemoryNetwork
from gateway.testing import Harness

REQUEST = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
BREAKER: dict[str, Any] = {"passive_health": {}, "circuit_breaker": {}}


class Counted(Clock):
    """A clock that counts how often it is read."""

    readings = 0

    def seconds(self) -> float:
        self.readings += 1
        return super().seconds()


class Step:
    """Does in one hook what the test says."""

    name = "step"

    def __init__(self, hook: str, does: Any) -> None:
        setattr(self, hook, does)


class Ends:
    """Notes the exchanges that are over."""

    name = "ends"

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def on_finish(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


def readings(**upstream: Any) -> int:
    """Count the readings of one exchange on connections that are there; those for the date of the log are not."""
    clock = Counted()
    network = MemoryNetwork(clock)
    FakeBackend(network, "127.0.0.1", 9001)
    orders = {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], **upstream}
    routes = [{"name": "orders", "path": "/orders/*", "upstream": "orders"}]
    settings = config.from_mapping({"upstreams": [orders], "routes": routes})
    gateway = MemoryGateway(settings, network, random.Random(1), wall_clock=lambda: 1_780_000_000.0)
    gateway.start()
    client = FakeClient()
    gateway.accept(client, "192.0.2.1")
    before = 0
    for _ in range(3):
        before = clock.readings
        client.send(REQUEST)
        network.pump()
    assert len(client.responses()) == 3
    return clock.readings - before


def test_the_clock_is_asked_where_a_request_changes_hands() -> None:
    """It came, it went to the backend, the backend was done, the client has its answer: four times (D-138)."""
    assert readings() == 4


def test_breakers_ask_no_clock_of_their_own() -> None:
    """What watches backends is told the time."""
    assert readings(**BREAKER) == 4


def times(hook: str, does: Any, then: Any = None, **settings: Any) -> Exchange:
    """Return an exchange with a step that takes its time."""
    harness = Harness("orders", **settings)
    ends = Ends()
    harness.insert("/orders/7", Step(hook, lambda exchange: does(harness)), ends)
    harness.send(REQUEST)
    if then is not None:
        then(harness)
    (exchange,) = ends.exchanges
    return exchange


def test_a_step_that_waits_on_the_way_in_is_followed_by_the_later_time() -> None:
    """What the backend is given begins when it is asked, not when the client asked."""
    waited: Deferred[None] = Deferred()

    def later(harness: Harness) -> None:
        harness.advance(3)
        waited.callback(None)
        harness.network.pump()

    exchange = times("on_request", lambda harness: waited, later)
    assert round(exchange.upstream_started - exchange.started, 3) == 3


def test_a_step_that_waits_on_the_way_out_is_followed_by_the_later_time() -> None:
    """The answer went out then, and the connection of the client is unused from then on."""
    waited: Deferred[None] = Deferred()
    idle = []

    def later(harness: Harness) -> None:
        harness.advance(3)
        waited.callback(None)
        harness.network.pump()
        (channel,) = harness.gateway.site.channels
        idle.append(channel.deadline - harness.now())

    exchange = times("on_response", lambda harness: waited, later, timeouts={"client_idle": "20s"})
    assert round(exchange.finished - exchange.upstream_finished, 3) == 3
    assert round(idle[0], 3) == 20


def test_a_step_that_takes_long_by_itself_is_followed_by_the_later_time() -> None:
    """It waits for nothing, it computes: its time is the gateway's, neither the backend's nor nobody's."""
    way_in = times("on_request", lambda harness: harness.clock.advance(0.25))
    assert (way_in.upstream_started - way_in.started, way_in.finished - way_in.upstream_finished) == (0.25, 0)
    way_out = times("on_response", lambda harness: harness.clock.advance(0.25))
    assert (way_out.upstream_started - way_out.started, way_out.finished - way_out.upstream_finished) == (0, 0.25)


def test_a_connection_to_a_backend_is_unused_from_its_last_answer_on() -> None:
    """However long the client took to send the next request, or the backend to answer."""
    harness = Harness("orders", upstreams=[{**Harness().upstream("orders"), "pool": {"idle_timeout": "20s"}}])
    client = harness.client()
    for _ in range(3):
        harness.send(REQUEST, client)
        (pool,) = harness.gateway.foundation.pool.pools()
        (connection,) = pool.parts()[0]._open
        assert round(connection.deadline - harness.now(), 3) == 20
        harness.advance(7)
