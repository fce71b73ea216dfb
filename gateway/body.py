"""A message body on its way through the gateway: chunk in, chunk out, with back-pressure.

Layer 0. The connection that reads a body pushes chunks into it; the connection
that writes the body attaches as its sink. Until then chunks wait here, and past
`HIGH_WATER` the reading side is paused, which bounds the memory of an exchange.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.headers import Headers

HIGH_WATER = 64 * 1024
"""Bytes that may wait for a sink before the reading side is paused."""


class BodySource(Protocol):
    """The connection a body is read from."""

    def pause_reading(self) -> None:
        """Read nothing more until told."""

    def resume_reading(self) -> None:
        """Read on."""

    def body_over_limit(self, body: Body) -> None:
        """More content came than `body.limit` allows; the chunk that went over it is dropped."""


class BodySink(Protocol):
    """The connection a body is written to."""

    def body_received(self, data: bytes) -> None:
        """Write one chunk; never empty."""

    def body_ended(self, trailers: Headers | None) -> None:
        """The body is complete, with trailer fields where there were some."""

    def body_failed(self) -> None:
        """The reading side broke off: the rest of the body will never come."""


class Body:
    """The chunks of one message body.

    Attributes:
        length: What Content-Length said, None where the length is not known.
        limit: Most octets that may be received; the route sets it.
        received: Octets pushed so far.
        ended: The last chunk has been pushed.
        failed: The reading side broke off before the end.
        taken: A writing side has taken what waited, and may have sent it.
        trailers: Trailer fields, once ended.
    """

    __slots__ = (
        "_chunks",
        "_keep",
        "_kept",
        "_origin",
        "_paused",
        "_room",
        "_sifts",
        "_sink",
        "_source",
        "_told",
        "_waiting",
        "ended",
        "failed",
        "length",
        "limit",
        "received",
        "taken",
        "trailers",
    )

    def __init__(self, source: BodySource | None = None, length: int | None = None, origin: Body | None = None) -> None:
        self.length = length
        self.limit = sys.maxsize
        self.received = 0
        self.ended = False
        self.failed = False
        self.taken = False
        self.trailers: Headers | None = None
        self._keep = 0
        self._kept: list[bytes] | None = None
        self._sifts: Mapping[bytes, bool] | None = None
        self._origin = origin
        self._source = source
        self._sink: BodySink | None = None
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._room = HIGH_WATER
        self._told: Callable[[], None] | None = None
        self._paused = False

    def push(self, data: bytes) -> None:
        """Take a chunk from the reading side."""
        self.received += len(data)
        if self.received > self.limit:
            self.over_limit()
            return
        if self._kept is not None:
            if self.received > self._keep:
                self._kept = None
            else:
                self._kept.append(data)
        if self._sink is not None:
            self._sink.body_received(data)
            return
        self._chunks.append(data)
        self._waiting += len(data)
        if self._waiting >= self._room:
            if self._told is not None:
                self._tell()
            if self._waiting >= self._room and not self._paused and self._source is not None:
                self._paused = True
                self._source.pause_reading()

    def over_limit(self) -> None:
        """Tell the reading side that there is too much."""
        if self._source is not None:
            self._source.body_over_limit(self)

    def end(self, trailers: Headers | None = None) -> None:
        """All chunks have been pushed."""
        self.ended = True
        if trailers is not None and self._sifts is not None:
            trailers = _sifted(trailers, self._sifts)
        self.trailers = trailers
        self.resume()  # the reading side is to read the next message, however full the writing side is
        if self._sink is not None:
            self._sink.body_ended(trailers)
        elif self._told is not None:
            self._tell()

    def sift_trailers(self, passes: Mapping[bytes, bool]) -> None:
        """Drop trailer fields that do not pass, by their lower-case names; also those that are still to come."""
        self._sifts = passes
        if self.trailers is not None:
            self.trailers = _sifted(self.trailers, passes)

    def fail(self) -> None:
        """The reading side broke off."""
        self.failed = True
        if self._sink is not None:
            self._sink.body_failed()
        elif self._told is not None:
            self._tell()

    def gather(self, most: int, told: Callable[[], None]) -> None:
        """Let all of the content come before anybody takes it, and say when it is there, has failed, or is too long.

        Whatever is said, what has come waits to be taken, and the rest still comes: nothing is lost.

        Args:
            most: Octets that may wait.
            told: Called once, unless `scatter` comes first; at once where there is nothing to wait for.
        """
        self._told = told
        self._room = most + 1
        if self.ended or self.failed or self._waiting > most:
            self._tell()
        else:
            self.resume()

    def scatter(self) -> None:
        """Nobody waits for the whole of it any more: what waits is bounded as ever."""
        self._told = None
        self._room = HIGH_WATER

    def _tell(self) -> None:
        told = self._told
        self.scatter()
        assert told is not None
        told()

    def take(self) -> bytes:
        """Return what has waited so far, for the write that also carries the head."""
        self.taken = True
        chunks = self._chunks
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._waiting = 0
        return data

    def attach(self, sink: BodySink) -> None:
        """Let all chunks that come after `take` go to `sink`, and let the reading side go on."""
        self._sink = sink
        if self._paused and self._source is not None:
            self._paused = False
            self._source.resume_reading()

    def keep(self, most: int) -> None:
        """Keep a copy of all chunks so that they can be sent again, up to so many octets; called before `take`."""
        if (self.length or 0) <= most and self.received <= most:
            self._keep = most
            self._kept = list(self._chunks)

    @property
    def held_back(self) -> bool:
        """Whether the reading side was told to wait: enough is here that nobody takes."""
        return self._paused

    @property
    def repeatable(self) -> bool:
        """Whether the body can be written from its start: nothing was taken, or all that was taken is kept."""
        return not self.taken or self._kept is not None

    @property
    def origin(self) -> Body:
        """The body as it is read: another one than this where filters lie between (`gateway.filters`)."""
        return self if self._origin is None else self._origin

    def rewind(self) -> None:
        """Let the next writing side take the body from its start; only where it is repeatable."""
        self._sink = None
        if self.taken:
            assert self._kept is not None
            self._chunks = list(self._kept)
            self._waiting = sum(map(len, self._chunks))
            self.taken = False

    def forget(self) -> None:
        """The body will not be sent again: drop the copy."""
        self._kept = None

    def detach(self) -> None:
        """The writing side has left: chunks that still come wait, as before it came."""
        self._sink = None

    def pause(self) -> None:
        """The writing side is full."""
        if not self._paused and self._source is not None and not self.ended:
            self._paused = True
            self._source.pause_reading()

    def resume(self) -> None:
        """The writing side has room again."""
        if self._paused and self._source is not None:
            self._paused = False
            self._source.resume_reading()


def _sifted(trailers: Headers, passes: Mapping[bytes, bool]) -> Headers:
    return Headers.of([field for field in trailers.fields if passes[field[0]]])
