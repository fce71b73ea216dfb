"""Registries that lie: whatever they say is an answer or a fault, never another error, and never without bounds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from gateway.dialling.fetching import Fetched, Fetcher
from gateway.dialling.streaming import Streamer
from gateway.discovery.asking import LARGEST, Asking, read
from gateway.discovery.consul import ConsulSource
from gateway.discovery.contract import Answer, Source, SourceFault
from gateway.discovery.etcd import EtcdKeys, EtcdSource
from gateway.discovery.kubernetes import KubernetesSource
from gateway.headers import Headers
from gateway.memory.backend import FakeBackend, ok
from gateway.memory.network import MemoryNetwork


def etcd(asking: Any, clock: Clock) -> Source:
    """A source of this kind."""
    return EtcdSource(EtcdKeys(asking, ["http://127.0.0.1:9001"], "/a/", None, clock))


def consul(asking: Any, clock: Clock) -> Source:
    """A source of this kind."""
    return ConsulSource(asking, "http://127.0.0.1:9001", "users", None, True, None, None, "http", clock)


def kubernetes(asking: Any, clock: Clock) -> Source:
    """A source of this kind."""
    seconds = clock.seconds
    return KubernetesSource(asking, "http://127.0.0.1:9001", "default", "users", "http", lambda: b"", "http", seconds)


SOURCES: list[Callable[[Any, Clock], Source]] = [etcd, consul, kubernetes]

# Words that the sources look for, so that what is drawn gets further than to the first look.
WORDS = st.sampled_from(
    [
        *("kvs", "key", "value", "header", "revision", "result", "events", "kv", "type", "canceled", "error", "DELETE"),
        *("items", "metadata", "resourceVersion", "name", "continue", "object", "ADDED", "ERROR", "code", "ports"),
        *("port", "endpoints", "addresses", "conditions", "ready", "Service", "Address", "Port", "Weights", "Passing"),
        *("Checks", "Status", "Node", "7", "L2Ev", "aHR0cDovLzEwLjAuMC4x", "10.0.0.1", "http", "", "é\0"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
VALUES: Any = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)
GOOD: list[Any] = [
    {"header": {"revision": "7"}, "kvs": [{"key": "L2Ev", "value": "aHR0cDovLzEwLjAuMC4x"}]},
    {"items": [], "metadata": {"resourceVersion": "7"}},
]


class Liar:
    """Says what it is told to, in place of a registry (`Asking`)."""

    def __init__(self, first: Any, events: list[Any]) -> None:
        self._first = first
        self._events = events

    async def fetch(self, method: bytes, url: str, fields: Any, body: Any = None) -> Fetched:
        """Answer; after the first time with nothing."""
        if self._first is None:
            raise SourceFault("it has said all")
        said, self._first = self._first, None
        return Fetched(200, Headers([(b"X-Consul-Index", b"7")]), json.dumps(said).encode())

    async def ask(self, method: bytes, url: str, fields: Any, body: Any = None) -> Any:
        """Answer."""
        return read(await self.fetch(method, url, fields, body), url)

    async def watch(self, method: bytes, url: str, fields: Any, body: Any = None) -> AsyncIterator[Any]:
        """Tell what is to be told."""
        for event in self._events:
            yield event

    def close(self) -> None:
        """Nothing is open."""


@given(make=st.sampled_from(SOURCES), first=VALUES | st.sampled_from(GOOD), events=st.lists(VALUES, max_size=3))
def test_what_is_said_is_an_answer_or_a_fault(make: Callable[..., Source], first: Any, events: list[Any]) -> None:
    """Any JSON, as the list and as what a watch tells."""
    clock = Clock()
    told: list[Answer] = []
    ended: list[Any] = []
    running = ensureDeferred(make(Liar(first, events), clock).follow(told.append))
    running.addBoth(ended.append)
    clock.advance(20)
    if ended and ended[0] is not None:
        assert ended[0].check(SourceFault), ended[0]
    if not ended:
        running.cancel()
    for answer in told:
        assert all(member.url.startswith("http://") for member in answer.members)


def over_http(make: Callable[..., Source], answer: bytes) -> tuple[list[Answer], str, FakeBackend]:
    """Return what a source tells, and fails with, when this is what comes over the wire."""
    clock = Clock()
    network = MemoryNetwork(clock, None)
    server = FakeBackend(network, "127.0.0.1", 9001)
    server.answer = lambda asked: answer
    asking = Asking(Fetcher(clock, network, None, 5.0, LARGEST), Streamer(clock, network, None, 5.0, LARGEST))
    told: list[Answer] = []
    ended: list[Any] = []
    running: Deferred[None] = ensureDeferred(make(asking, clock).follow(told.append))
    running.addErrback(lambda failure: ended.append(failure.trap(SourceFault) and failure.value))
    network.pump()
    clock.advance(6)
    network.pump()
    asking.close()
    return told, str(ended[0]) if ended else "", server


@pytest.mark.parametrize("make", SOURCES)
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ok(b"<html>"), "not JSON"),
        (ok(b"[" * 100_000), "not JSON"),
        (ok(b"7"), ""),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nfail", "500"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "HTTP"),
        (ok(b"[]" + b" " * 10_000_000), "longer than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", ""),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000_000, ""),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "302"),
    ],
)
def test_what_comes_over_the_wire_is_bounded(make: Callable[..., Source], answer: bytes, why: str) -> None:
    """Ten megabytes, half an answer, another protocol, a redirect: a fault, and nothing is told."""
    told, words, server = over_http(make, answer)
    assert told == []
    assert words
    assert why in words
    assert len(server.connections) <= 2


@pytest.mark.parametrize("make", SOURCES)
def test_a_registry_that_is_silent_is_a_fault(make: Callable[..., Source]) -> None:
    """It takes the connection, and says nothing for five seconds."""
    clock = Clock()
    network = MemoryNetwork(clock, None)
    FakeBackend(network, "127.0.0.1", 9001).stall()
    asking = Asking(Fetcher(clock, network, None, 5.0, LARGEST), Streamer(clock, network, None, 5.0, LARGEST))
    faults: list[str] = []
    running = ensureDeferred(make(asking, clock).follow(lambda answer: None))
    running.addErrback(lambda failure: faults.append(str(failure.value)))
    network.pump()
    assert faults == []
    clock.advance(5.1)
    network.pump()
    assert "no whole answer in 5 s" in faults[0]
