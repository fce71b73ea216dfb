"""An application's requests by agents, in disorder: everybody hears once, whatever happens, and nothing is left."""

from __future__ import annotations

import random
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer, IResponse
from zope.interface import implementer

from gateway.composition.agents import AgentLeaf, agent_route
from gateway.memory.backend import ok
from gateway.serving.agent import ProxyAgent
from gateway.testing import Harness

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@implementer(IBodyProducer)
class Content:
    """Writes when the test says so; checks that it is asked in order."""

    def __init__(self, length: int | None) -> None:
        self.length: object = UNKNOWN_LENGTH if length is None else length
        self.left = length
        self.consumer: Any = None
        self.done: Deferred[None] = Deferred()
        self.over = False

    def startProducing(self, consumer: Any) -> Deferred[None]:
        assert self.consumer is None
        self.consumer = consumer
        return self.done

    def stopProducing(self) -> None:
        assert not self.over
        self.over = True

    def pauseProducing(self) -> None:
        assert not self.over

    def resumeProducing(self) -> None:
        assert not self.over

    def act(self, chance: random.Random) -> None:
        """Write some, end, or fail."""
        if self.consumer is None or self.over:
            return
        what = chance.randrange(4)
        if what < 2:
            size = chance.choice((1, 1000, 100_000))
            if self.left is not None:
                size = min(size, self.left)
                self.left -= size
            self.consumer.write(b"u" * size)
        elif what == 2 and not self.left:
            self.over = True
            self.done.callback(None)
        elif what == 3 and chance.random() < 0.2:
            self.over = True
            self.done.errback(OSError("the disk"))


class Reader(Protocol):
    """Reads a body by fits and starts."""

    def __init__(self) -> None:
        self.lost = 0
        self.octets = 0

    def dataReceived(self, data: bytes) -> None:
        assert not self.lost
        self.octets += len(data)

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        self.lost += 1


class Call:
    """One request, and what became of it."""

    def __init__(self, agent: ProxyAgent, chance: random.Random) -> None:
        self.fired = 0
        self.response: IResponse | None = None
        self.reader: Reader | None = None
        self.content = Content(chance.choice((None, 0, 10, 200_000))) if chance.random() < 0.5 else None
        method = chance.choice((b"GET", b"PUT", b"POST"))
        self.asked: Deferred[Any] = agent.request(method, b"gateway://orders/7", None, self.content)
        self.asked.addBoth(self._ended)

    def _ended(self, result: object) -> None:
        self.fired += 1
        if not isinstance(result, Failure):
            self.response = result  # type: ignore[assignment]

    def act(self, chance: random.Random) -> None:
        """Do one of the things that an application may do."""
        if self.content is not None:
            self.content.act(chance)
        if self.response is None:
            if chance.random() < 0.02:
                self.asked.cancel()
        elif self.reader is None:
            if chance.random() < 0.3:
                self.reader = Reader()
                self.response.deliverBody(self.reader)
        else:
            transport: Any = self.reader.transport
            name = chance.choice(("pauseProducing", "resumeProducing", "resumeProducing", "resumeProducing"))
            if chance.random() < 0.02:
                name = chance.choice(("loseConnection", "abortConnection", "stopProducing"))
            getattr(transport, name)()

    @property
    def over(self) -> bool:
        return bool(self.fired) and (self.response is None or (self.reader is not None and bool(self.reader.lost)))


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_nothing_is_left(seed: int) -> None:
    """Answers of all kinds, uploads that fail, readers that pause and leave, in any order: each is told once."""
    chance = random.Random(seed)
    gateway = Harness("one", "two", seed=seed, disorder=True, upstreams=[orders()], routes=[])
    for name in ("one", "two"):
        backend = gateway.backend(name)
        backend.answer = lambda asked: chance.choice(
            (
                ok(b"x" * chance.choice((0, 5, 300_000))),
                b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
                b"HTTP/1.1 204 Nothing\r\n\r\n",
                CHUNKED + b"3\r\nabc\r\n",
                CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
                b"nonsense\r\n\r\n",
                None,
            )
        )
        backend.answer_head = lambda asked: ok(b"early") if chance.random() < 0.1 else None
    leaf = AgentLeaf(agent_route("orders", 2, {"attempts": 2}), gateway.gateway)
    agent = ProxyAgent("orders", leaf.find, gateway.gateway.site, gateway.clock, leaf.timeout)
    calls = [Call(agent, chance) for _ in range(15)]
    for _ in range(60):
        for call in calls:
            call.act(chance)
        if chance.random() < 0.1:
            backend = gateway.backend(chance.choice(("one", "two")))
            if backend.connections and backend.connection.closed is None:
                backend.connection.reset()
        gateway.advance(chance.choice((0.0, 0.1, 0.5)))
    gateway.advance(200)
    for call in calls:
        if call.response is not None and call.reader is None:
            call.reader = Reader()
            call.response.deliverBody(call.reader)
        elif call.reader is not None and not call.reader.lost:
            call.reader.transport.resumeProducing()  # type: ignore[union-attr]
    gateway.advance(200)

    assert [call.fired for call in calls] == [1] * len(calls)
    assert all(call.reader is None or call.reader.lost == 1 for call in calls)
    assert all(call.over for call in calls)
    gateway.check_quiet()


def orders() -> dict[str, Any]:
    """An upstream of two backends that are limited in all that can be limited."""
    return {
        "name": "orders",
        "backends": [{"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}],
        "in_flight": 8,
        "queue": {"size": 4},
        "circuit_breaker": {"failure_threshold": 4, "timeout": "1s"},
        "pool": {"max_connections": 3, "queue_timeout": "1s"},
    }
