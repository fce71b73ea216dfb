"""Small requests to other servers; also tests `gateway.dialling.client` and `.plain`, which serve only these."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError  # noqa: A004  # Twisted's name for it
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers as TwistedHeaders

from gateway.dialling.client import FRAMING, MOST_HEAD
from gateway.dialling.fetching import (
    AGAIN,
    ANOTHER,
    IDLE,
    MOST_AT_ONCE,
    MOST_WAITING,
    Fetched,
    Fetcher,
    FetchFailed,
    NotConnected,
)
from gateway.memory.backend import Asked, FakeBackend, ok
from gateway.memory.network import MemoryNetwork

MOST = 1000
URL = b"http://127.0.0.1:9001/ask?a=1"


class Bench:
    """A fetcher, and the server that it asks."""

    def __init__(self, glance: bool = False) -> None:
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock, None)
        self.server = FakeBackend(self.network, "127.0.0.1", 9001)
        self.fetcher = Fetcher(self.clock, self.network, None, 2.0, MOST, glance=glance)
        self.fetcher.startService()

    def fetch(self, method: bytes = b"GET", body: bytes | None = None, url: bytes = URL) -> Deferred[Fetched]:
        """Make a request, and let everything settle."""
        asking = self.fetcher.fetch(method, url, [(b"X-One", b"1"), (b"X-One", b"2")], body)
        self.network.pump()
        return asking


@pytest.fixture
def bench() -> Bench:
    """A server that answers `ok`."""
    return Bench()


def result(asking: Deferred[Any]) -> Any:
    """The result of a request."""
    found: list[Any] = []
    asking.addBoth(found.append)
    assert found, "there is no answer yet"
    return found[0]


def failure(asking: Deferred[Any]) -> str:
    """The text of the error of a request that failed."""
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
    """From the dial to the last octet; after that the connection is closed."""
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
    """A longer answer fails, and the rest of it is not read."""
    bench.server.answers(ok(b"x" * octets))

    asking = bench.fetch()

    if octets == MOST:
        assert len(result(asking).body) == MOST
    else:
        assert failure(asking) == "the answer is longer than 1000 octets"


def test_who_waits_may_leave(bench: Bench) -> None:
    """Before the answer and in the middle of it: the connection is closed, and the request is not repeated."""
    for begun in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"):
        bench.server.answer = lambda asked, begun=begun: begun or None  # type: ignore[misc]
        asking = bench.fetch()

        asking.cancel()
        bench.network.pump()

        assert result(asking).check(CancelledError)
        assert bench.server.connection.closed is not None
    assert len(bench.server.requests) == 2


def test_a_server_that_closes_every_connection_is_asked_twice(bench: Bench) -> None:
    """A second broken connection is a failure."""
    bench.server.reset_on_data()

    assert failure(bench.fetch()).startswith("the connection broke")
    assert len(bench.server.connections) == 2


def test_connections_are_kept_for_a_while(bench: Bench) -> None:
    """And closed when the service stops."""
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


# What treq does for a user of the web, and is kept out here.


def test_a_cookie_of_one_answer_is_not_in_the_next_request(bench: Bench) -> None:
    """The cookie was for another caller; a cookie that the request itself has is sent."""
    bench.server.answers(ok(b"", (b"Set-Cookie", b"session=alice; Path=/"), (b"Set-Cookie", b"\xff;;=")))
    result(bench.fetch())
    result(bench.fetch())
    assert bench.server.last.headers.get(b"cookie") is None

    bench.fetcher.fetch(b"GET", URL, [(b"Cookie", b"session=bob")])
    bench.network.pump()
    assert bench.server.last.headers.get_all(b"cookie") == [b"session=bob"]


def test_packed_content_is_not_asked_for_and_not_unpacked(bench: Bench) -> None:
    """A few octets could unpack to a gigabyte; the fields of the answer are passed on whole."""
    bomb = gzip.compress(b"0" * 500_000)
    assert len(bomb) < MOST
    bench.server.answers(ok(bomb, (b"Content-Encoding", b"gzip")))

    answer = result(bench.fetch())

    assert bench.server.last.headers.get_all(b"accept-encoding") == [b"identity"]
    assert answer.body == bomb
    assert answer.headers.get(b"content-encoding") == b"gzip"


def test_treq_by_itself_keeps_cookies_and_unpacks_without_a_bound() -> None:
    """The reason for `gateway.dialling.plain` (D-54): when this test fails, a part of that module can go."""
    bench = Bench()
    bomb = gzip.compress(b"0" * 500_000)
    bench.server.answers(ok(bomb, (b"Content-Encoding", b"gzip"), (b"Set-Cookie", b"session=alice")))
    pieces: list[int] = []
    client = HTTPClient(bench.fetcher._agent)
    clock: Any = bench.clock
    for _ in range(2):
        asking = client.get(
            URL.decode(), headers=TwistedHeaders({"Accept-Encoding": ["identity"]}), reactor=clock, unbuffered=True
        )
        bench.network.pump()
        reading = result(asking).collect(lambda piece: pieces.append(len(piece)))
        bench.network.pump()
        result(reading)

    assert bench.server.last.headers.get_all(b"accept-encoding") == [b"identity", b"gzip"]
    assert bench.server.last.headers.get(b"cookie") == b"session=alice"
    assert max(pieces) == 500_000  # out of one read: whoever counts them hears of it when they are in memory


def test_a_url_is_asked_for_as_it_was_written(bench: Bench) -> None:
    """No library normalises it."""
    target = "/a%2fb//c/../d|e?f=[1]&g=%zz"

    result(bench.fetch(url=b"http://127.0.0.1:9001" + target.encode()))

    assert bench.server.last.target == target.encode()


def test_a_server_may_be_at_an_ipv6_address(bench: Bench) -> None:
    """With brackets in the URL and in `Host`; the dialer gets the address without them."""
    server = FakeBackend(bench.network, "::1", 9001)

    assert result(bench.fetch(url=b"http://[::1]:9001/")).status == 200
    assert server.last.headers.get(b"host") == b"[::1]:9001"


@pytest.mark.parametrize("url", [b"http://127.0.0.1:port/", b"http://[::/"])
def test_a_url_that_is_none_is_no_answer(bench: Bench, url: bytes) -> None:
    """The metadata of an issuer may have anything in their place."""
    assert failure(bench.fetch(url=url)) == "it has no URL that can be asked"


# What Twisted's client does not bound.


@pytest.mark.parametrize("line", [b"X-A: b\r\n", b" folded\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_head_has_its_size(bench: Bench, line: bytes) -> None:
    """In lines of any number and kind."""
    first = line if line.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\nX-One: 1\r\n"
    bench.server.answers(first + line * ((MOST_HEAD + FRAMING * MOST) // len(line)))

    assert failure(bench.fetch()) == "it is not HTTP: the head of the answer is too long"
    assert bench.server.connection.closed is not None


def test_content_in_small_chunks_is_whole(bench: Bench) -> None:
    """On the wire it is six times as long; and the bound is for one answer, not for all on a connection."""
    chunks = b"1\r\nx\r\n" * MOST + b"0\r\n\r\n"
    bench.server.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    for _ in range(20):
        assert result(bench.fetch()).body == b"x" * MOST

    assert len(bench.server.connections) == 1


def test_questions_under_way_have_their_number(bench: Bench) -> None:
    """A silent server gets so many connections, so many requests wait, and further ones fail at once."""
    bench.server.stall()
    asking = [bench.fetcher.fetch(b"GET", URL, []) for _ in range(MOST_AT_ONCE + MOST_WAITING)]
    bench.network.pump()
    assert len(bench.server.connections) == MOST_AT_ONCE

    assert failure(bench.fetch()) == "1100 questions are under way or wait already"

    bench.clock.advance(2.0)
    bench.network.pump()
    assert {failure(one) for one in asking} == {"no whole answer in 2 s"}
    assert len(bench.server.connections) == MOST_AT_ONCE
    assert all(connection.closed is not None for connection in bench.server.connections)

    bench.server.answers(ok(b"there"))
    assert result(bench.fetch()).body == b"there"


def test_a_question_that_waits_has_its_turn(bench: Bench) -> None:
    """When an earlier request has ended, or was cancelled."""
    bench.server.stall()
    asking = [bench.fetcher.fetch(b"GET", URL, []) for _ in range(MOST_AT_ONCE)]
    waiting = [bench.fetcher.fetch(b"GET", URL, []) for _ in range(3)]
    bench.network.pump()
    bench.server.answers(ok(b"there"))
    waiting[0].cancel()
    for one in asking[:2]:
        one.cancel()
    bench.network.pump()

    assert result(waiting[0]).check(CancelledError)
    assert [result(one).body for one in waiting[1:]] == [b"there"] * 2
    for one in asking:
        one.cancel()
        one.addErrback(lambda _: None)


# A glance.


def test_a_glance_keeps_no_connection() -> None:
    """Each request has a connection of its own, which is closed after it."""
    bench = Bench(glance=True)
    for _ in range(2):
        assert result(bench.fetch()).status == 200
        assert bench.server.last.headers.get(b"connection") == b"close"
        assert bench.server.connection.closed is not None

    assert len(bench.server.connections) == 2


def test_a_glance_sees_the_beginning() -> None:
    """Up to its bound; the rest is not read."""
    bench = Bench(glance=True)
    bench.server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 5 * MOST)

    assert result(bench.fetch()).body == b"x" * MOST
    assert bench.server.connection.closed is not None


@pytest.mark.parametrize("glance", [True, False])
def test_content_that_ends_with_the_connection_may_be_cut_off(glance: bool) -> None:
    """That is enough for a glance, not for an answer that is used."""
    bench = Bench(glance)

    def answer(asked: Asked) -> None:
        asked.connection.send(b"HTTP/1.1 200 OK\r\n\r\nUP")
        asked.connection.close()

    bench.server.answer = answer
    asking = bench.fetch()

    if glance:
        assert result(asking).body == b"UP"
    else:
        assert failure(asking) == "the answer was cut off"


def test_a_glance_is_not_taken_twice() -> None:
    """Its connection is a new one: that it breaks is the result."""
    bench = Bench(glance=True)
    bench.server.reset_on_data()

    assert failure(bench.fetch()).startswith("the connection broke")
    assert len(bench.server.connections) == 1


def test_what_the_dialer_says_is_not_lost(bench: Bench) -> None:
    """The dialer's failure is the `__cause__` of the error."""
    bench.server.refuse_connections()

    found = result(bench.fetch())

    assert found.check(NotConnected)
    assert isinstance(found.value.__cause__, ConnectionRefusedError)
    assert str(found.value) == "no connection: Connection was refused by other side"


# What the log hears.


def test_causes_that_take_turns_do_not_fill_the_log(bench: Bench) -> None:
    """Each is logged again after a minute, and different ones a second apart."""
    told: list[float] = []
    with capturedLogs() as logs:
        for second in range(int(AGAIN)):
            for cause in ("one", "two", "three"):
                bench.fetcher.complain("Asking", URL, FetchFailed(cause))
            bench.clock.advance(ANOTHER)
            told += [second] * (len(logs) - len(told))

    assert [event["cause"] for event in logs] == ["one", "two", "three"]
    assert told == [0, 1, 2]
