"""What a request parser makes of some octets, in plain values that can be compared."""

from __future__ import annotations

from typing import NamedTuple

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.http1.request_parser import RequestMemo, RequestParser
from gateway.message import Request

MAX_HEAD = 2048
MAX_FIELDS = 20


class EagerMemo(RequestMemo):
    """A memo that keeps a head at its first sight, so that a test need not show it twice."""

    def came_before(self, head: bytes) -> bool:
        """Whether it is not too long."""
        return len(head) <= self.longest


class Reader:
    """Who reads: counts how often it is told to stop."""

    def __init__(self) -> None:
        self.pauses = 0

    def pause_reading(self) -> None:
        self.pauses += 1

    def resume_reading(self) -> None:
        self.pauses -= 1

    def body_over_limit(self, body: Body) -> None:
        raise AssertionError("these bodies have no limit")


class Sink:
    """Keeps what a body delivers."""

    def __init__(self, body: Body) -> None:
        self.data = body.take()
        body.attach(self)

    def body_received(self, data: bytes) -> None:
        assert data
        self.data += data

    def body_ended(self, trailers: object) -> None:
        """The body says so itself."""

    def body_failed(self) -> None:
        """The body says so itself."""


class Seen(NamedTuple):
    """A request in plain values."""

    method: bytes
    target: bytes
    host: bytes
    version: bytes
    fields: list[tuple[bytes, bytes]]
    content: bytes | None = None
    trailers: list[tuple[bytes, bytes]] | None = None
    upgrade: bytes | None = None
    complete: bool = True


class Reading:
    """A parser, what it was fed, and what it made of that."""

    def __init__(self, memo: RequestMemo | None = None) -> None:
        self.reader = Reader()
        self.parser = RequestParser(self.reader, MAX_HEAD, MAX_FIELDS, EagerMemo() if memo is None else memo)
        self._found: list[tuple[Request, Sink | None] | GatewayError] = []

    def feed(self, *reads: bytes) -> Reading:
        """Feed reads, and take what is ready after each, as a channel does."""
        for data in reads:
            self.parser.feed(data)
            while self.parser.requests:
                request = self.parser.requests.pop(0)
                if isinstance(request, GatewayError):
                    self._found.append(request)
                else:
                    self._found.append((request, None if request.body is None else Sink(request.body)))
        return self

    @property
    def seen(self) -> list[Seen | str]:
        """Return requests and reasons."""
        return [found.reason if isinstance(found, GatewayError) else _seen(*found) for found in self._found]

    @property
    def reasons(self) -> list[str]:
        """Return what each error tells."""
        return [str(found) for found in self._found if isinstance(found, GatewayError)]

    @property
    def statuses(self) -> list[int]:
        """Return 0 for each request and the status of each error."""
        return [found.status if isinstance(found, GatewayError) else 0 for found in self._found]


def _seen(request: Request, sink: Sink | None) -> Seen:
    body = request.body
    trailers = None if body is None or body.trailers is None else list(body.trailers)
    return Seen(
        request.method,
        request.target,
        request.host,
        request.version,
        list(request.headers),
        None if sink is None else sink.data,
        trailers,
        request.upgrade,
        body is None or body.ended,
    )


def read(*reads: bytes, memo: RequestMemo | None = None) -> list[Seen | str]:
    """Return what a parser makes of some reads."""
    return Reading(memo).feed(*reads).seen
