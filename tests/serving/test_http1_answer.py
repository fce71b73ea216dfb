"""The writer of answers: what leaves in which write, and whom it tells of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.body import Body
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Request, Response
from gateway.serving.contract import Host
from gateway.serving.http1_answer import Answering, AnswerWriter
from gateway.serving.life import Life
from gateway.serving.times import Stage
from tests.peers import direct

DATE = b"Sat, 28 Nov 2026 06:00:00 GMT"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


class Channel(Answering):
    """Notes what it is told, between the writes."""

    def __init__(self, method: bytes = b"GET") -> None:
        self.happened: list[bytes | str] = []
        self.life = Life(cast("Host", SimpleNamespace()))
        transport = SimpleNamespace(write=self.happened.append)
        self.writer = AnswerWriter(self, self.life, transport, lambda: DATE)
        nobody: Any = None
        self.exchange = Exchange(Request(method, b"/", Headers()), nobody, direct(), 0.0, 30.0)
        self.life.begin(self.exchange)

    def answer_streams(self) -> None:
        self.happened.append("streams")

    def answer_moves(self) -> None:
        self.happened.append("moves")

    def answer_sent(self, exchange: Exchange, close: bool) -> None:
        self.happened.append("sent, closing" if close else "sent")

    def abort(self, exchange: Exchange) -> None:
        self.happened.append("aborted")

    def answer(self, body: bytes | Body | None, length: int | None = None, close: bool = False) -> list[bytes | str]:
        """Write an answer; returns what happened."""
        self.writer.begin(self.exchange, Response(200, Headers(), body, length), close)
        return self.happened


@pytest.mark.parametrize(("close", "told"), [(False, "sent"), (True, "sent, closing")])
def test_octets_leave_with_their_head(close: bool, told: str) -> None:
    """In one write, and the exchange knows how many."""
    channel = Channel()
    written, word = channel.answer(b"seven", close=close)
    assert isinstance(written, bytes)
    assert written.endswith(b"\r\n\r\nseven")
    assert (b"Connection: close" in written) is close
    assert word == told
    assert channel.exchange.bytes_sent == 5


@pytest.mark.parametrize(("method", "body"), [(b"HEAD", b"seven"), (b"GET", None)])
def test_an_answer_without_content_is_its_head(method: bytes, body: bytes | None) -> None:
    """Nothing counts as sent."""
    channel = Channel(method)
    written, word = channel.answer(body)
    assert isinstance(written, bytes)
    assert written.endswith(b"\r\n\r\n")
    assert (word, channel.exchange.bytes_sent) == ("sent", 0)


def test_a_body_that_is_there_leaves_as_one() -> None:
    """Head, content and end of the chunks in one write."""
    body = Body()
    body.push(b"seven")
    body.end()
    written, word = Channel().answer(body)
    assert isinstance(written, bytes)
    assert written.endswith(CHUNKED + b"5\r\nseven\r\n0\r\n\r\n")
    assert word == "sent"


def test_a_body_that_comes_leaves_as_it_comes() -> None:
    """Who is told is told before each write, and once at the end."""
    channel, body = Channel(), Body()
    body.push(b"se")
    channel.answer(body)
    assert channel.life.stage is Stage.ANSWERING
    body.push(b"ven")
    body.end(Headers([(b"X-Sum", b"1")]))

    streams, head, moves, part, end, sent = channel.happened
    assert isinstance(head, bytes)
    assert head.endswith(CHUNKED + b"2\r\nse\r\n")
    assert (streams, moves, part, sent) == ("streams", "moves", b"3\r\nven\r\n", "sent")
    assert end == b"0\r\nX-Sum: 1\r\n\r\n"
    assert channel.exchange.bytes_sent == 5


def test_a_body_of_known_length_has_no_end_to_write() -> None:
    """Its last octet is its end."""
    channel, body = Channel(), Body()
    channel.answer(body, length=5)
    body.push(b"seven")
    body.end()
    assert channel.happened[-2:] == [b"seven", "sent"]


def test_a_body_that_has_failed_writes_no_head() -> None:
    """A client is not promised what cannot come."""
    body = Body()
    body.fail()
    assert Channel().answer(body) == ["aborted"]


def test_a_body_that_breaks_off_is_broken_off() -> None:
    """No end is written: what is cut off must not look whole."""
    channel, body = Channel(), Body()
    body.push(b"se")
    channel.answer(body)
    body.fail()
    assert channel.happened[-1] == "aborted"
    assert not any(isinstance(each, bytes) and each.endswith(b"0\r\n\r\n") for each in channel.happened)
