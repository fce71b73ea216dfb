"""Asking another server: one time, one size, nothing kept that is not a connection."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gateway.authorities.fetching import IDLE, Fetched, Fetcher, FetchFailed
from gateway.memory.network import MemoryNetwork
from gateway.testing.backend import FakeBackend, ok

MOST = 1000
URL = b"http://127.0.0.1:9001/ask?a=1"


class Bench:
    """A fetcher, and the server that it asks."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock, None)
        self.server = FakeBackend(self.network, "127.0.0.1", 9001)
        self.fetcher = Fetcher(self.clock, self.network, None, 2.0, MOST)
        self.fetcher.startService()

    def fetch(self, method: bytes = b"GET", body: bytes | None = None, url: bytes = URL) -> Deferred[Fetched]:
        """Ask, and let everything settle."""
        asking = self.fetcher.fetch(method, url, [(b"X-One", b"1"), (b"X-One", b"2")], body)
        self.network.pump()
        return asking


@pytest.fixture
def bench() -> Bench:
    """A server that answers `ok`."""
    return Bench()


def result(asking: Deferred[Any]) -> Any:
    """What came of it."""
    found: list[Any] = []
    asking.addBoth(found.append)
    assert found, "there is no answer yet"
    return found[0]


def failure(asking: Deferred[Any]) -> str:
    """Why there is no answer."""
    found = result(asking)
    assert isinstance(found, Failure)
    assert found.check(FetchFailed)
    return str(found.value)


def test_an_answer_comes_as_it_is(bench: Bench) -> None:
    """Status, every field, content; redirects are not followed."""
    bench.server.answers(
        ok(b"there", (b"Location", b"/b"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b"), status=b"302 Found")
    )

    answer = result(bench.fetch())

    assert (answer.status, answer.body) == (302, b"there")
    assert answer.headers.get_all(b"set-cookie") == [b"a", b"b"]
    assert len(bench.server.requests) == 1


def test_a_question_goes_out_as_it_was_meant(bench: Bench) -> None:
    """With every field, and its content in one piece."""
    result(bench.fetch(b"POST", b"a=1"))

    asked = bench.server.last
    assert (asked.method, asked.target, asked.body) == (b"POST", b"/ask?a=1", b"a=1")
    assert asked.headers.get_all(b"X-One") == [b"1", b"2"]
    assert asked.headers.get(b"Content-Length") == b"3"
    assert asked.headers.get(b"Host") == b"127.0.0.1:9001"


def test_an_answer_has_its_time(bench: Bench) -> None:
    """From the first step to the last octet, and then the connection is closed."""
    bench.server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    asking = bench.fetch()
    for _ in range(3):
        bench.server.connection.send(b"x")
        bench.network.pump()
        bench.clock.advance(0.6)
    assert not asking.called

    bench.clock.advance(0.3)
    bench.network.pump()

    assert failure(asking) == "no whole answer in 2 s"
    assert bench.server.connection.closed is not None


@pytest.mark.parametrize("octets", [MOST, MOST + 1])
def test_an_answer_has_its_size(bench: Bench, octets: int) -> None:
    """And what is longer is not read on."""
    bench.server.answers(ok(b"x" * octets))

    asking = bench.fetch()

    if octets == MOST:
        assert len(result(asking).body) == MOST
    else:
        assert failure(asking) == "the answer is longer than 1000 octets"


def test_who_waits_may_leave(bench: Bench) -> None:
    """While the server thinks, and while it answers: the connection is closed, and nothing is asked again."""
    for begun in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"):
        bench.server.answer = lambda asked, begun=begun: begun or None  # type: ignore[misc]
        asking = bench.fetch()

        asking.cancel()
        bench.network.pump()

        assert result(asking).check(CancelledError)
        assert bench.server.connection.closed is not None
    assert len(bench.server.requests) == 2


def test_a_server_that_closes_every_connection_is_asked_twice(bench: Bench) -> None:
    """Not for ever."""
    bench.server.reset_on_data()

    assert failure(bench.fetch()).startswith("the connection broke")
    assert len(bench.server.connections) == 2


def test_connections_are_kept_for_a_while(bench: Bench) -> None:
    """And closed with the service."""
    result(bench.fetch())
    result(bench.fetch())
    assert len(bench.server.connections) == 1
    bench.clock.advance(IDLE + 1)
    bench.network.pump()
    assert bench.server.connection.closed is not None

    result(bench.fetch())
    stopping = bench.fetcher.stopService()
    bench.network.pump()

    assert stopping.called
    assert bench.server.connection.closed is not None
    assert not [call for call in bench.clock.getDelayedCalls() if call.active()]
