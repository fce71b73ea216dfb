"""What a response parser makes of some octets, in plain values that can be compared."""

from __future__ import annotations

from typing import NamedTuple

from gateway.body import Body
from gateway.errors import BackendProtocolError
from gateway.http1.response_parser import Interim, ResponseMemo, ResponseParser

MAX_HEAD = 4096


class EagerMemo(ResponseMemo):
    """A memo that keeps a head at its first sight, so that a test need not show it twice."""

    def came_before(self, head: bytes) -> bool:
        """Whether it is not too long."""
        return len(head) <= self.longest


class Reader:
    """Who reads; these tests take everything at once."""

    def pause_reading(self) -> None:
        """Nothing to stop."""

    def resume_reading(self) -> None:
        """Nothing to go on with."""

    def body_over_limit(self, body: Body) -> None:
        raise AssertionError("these bodies have no limit")


class Seen(NamedTuple):
    """What a parser made of an answer, in plain values."""

    status: int = 0
    reason: bytes = b""
    fields: list[tuple[bytes, bytes]] | None = None
    length: int | None = None
    content: bytes = b""
    complete: bool = False
    keep_alive: bool = False
    trailers: list[tuple[bytes, bytes]] | None = None
    interims: list[int] | None = None
    switched: bytes | None = None
    error: bool = False


class Reading:
    """A parser, fed as a connection feeds it."""

    def __init__(self, memo: ResponseMemo | None = None) -> None:
        self.parser = ResponseParser(Reader(), MAX_HEAD, EagerMemo() if memo is None else memo)
        self.said = ""

    def answer(self, *reads: bytes, method: bytes = b"GET", upgrade: bool = False, closed: bool = False) -> Seen:
        """Ask, feed reads, and return what came of it; reads after the end of the answer are left out."""
        parser = self.parser
        parser.expect(method, b"websocket, a" if upgrade else None)
        interims: list[Interim] = []
        content = b""
        try:
            for data in reads:
                parser.feed(data)
                if parser.interims:
                    interims += parser.interims
                    parser.interims = []
                if parser.response is not None and isinstance(parser.response.body, Body):
                    content += parser.response.body.take()
                if parser.complete:
                    break
            if closed and not parser.complete:
                parser.closed()
        except BackendProtocolError as error:
            self.said = str(error)
            return Seen(error=True)
        response = parser.response
        statuses = [status for status, _, _ in interims]
        if response is None:
            return Seen(interims=statuses)
        return Seen(
            response.status,
            response.reason,
            list(response.headers),
            response.length,
            response.body if isinstance(response.body, bytes) else content,
            parser.complete,
            parser.keep_alive,
            None if parser.trailers is None else list(parser.trailers),
            statuses,
            parser.switched,
        )


def read(*reads: bytes, memo: ResponseMemo | None = None, **how: object) -> Seen:
    """Return what a new parser makes of some reads."""
    return Reading(memo).answer(*reads, **how)  # type: ignore[arg-type]  # passed through as they are
