"""A message body on its way through the gateway: chunk in, chunk out, with back-pressure.

Layer 0. The connection that reads a body pushes chunks into it; the connection
that writes the body takes what waits, and attaches as its sink.

# Note [The states of a body]
*Waiting*: there is no sink. Chunks wait here, and past `HIGH_WATER` octets the
reading side is paused, which bounds the memory of an exchange. *Gathering*: the
same with a larger bound, until `told` is called (`gather`). *Flowing*: chunks
go straight to the sink, which pauses and resumes the reading side. *Ended* and
*failed* are set in any of these, and say how the reading side stopped: chunks
that wait can still be taken. `rewind` leads from flowing back to waiting, with
every chunk from the start, where `keep` has kept them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from gateway.headers import Headers

HIGH_WATER: Final = 64 * 1024
"""Bytes that may wait for a sink before the reading side is paused."""


class BodySource(Protocol):
    """The connection a body is read from."""

    def pause_reading(self) -> None:
        """Read nothing more until `resume_reading`."""

    def resume_reading(self) -> None:
        """Read on."""

    def body_over_limit(self, body: Body) -> None:
        """Refuse the message: more content came than `body.limit` allows; the chunk that went over it is dropped."""


class BodySink(Protocol):
    """The connection a body is written to."""

    def body_received(self, data: bytes) -> None:
        """Write one chunk; never empty."""

    def body_ended(self, trailers: Headers | None) -> None:
        """Write the end of the body, with trailer fields where there were some."""

    def body_failed(self) -> None:
        """Break off: the reading side did, so the rest of the body will never come."""


class Body:
    """The chunks of one message body.

    Attributes:
        length: What Content-Length said, None where the length is not known.
        limit: Most octets that may be received; the route sets it.
        received: Octets pushed so far.
        ended: Whether the last chunk has been pushed.
        failed: Whether the reading side broke off before the end.
        taken: Whether a writing side has taken what waited, and may have sent it.
        trailers: Trailer fields, once ended.
    """

    __slots__ = (
        "_chunks",
        "_full",
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
        self._full = False  # the writing side is

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
        """Tell the reading side that the body is longer than `limit`."""
        if self._source is not None:
            self._source.body_over_limit(self)

    def end(self, trailers: Headers | None = None) -> None:
        """Take the end of the body from the reading side, with trailer fields where there were some."""
        self.ended = True
        if trailers is not None and self._sifts is not None:
            trailers = _sifted(trailers, self._sifts)
        self.trailers = trailers
        self.resume()  # the reading side may go on to the next message, however full the writing side is
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
        """Take note that the reading side broke off, and tell the sink."""
        self.failed = True
        if self._sink is not None:
            self._sink.body_failed()
        elif self._told is not None:
            self._tell()

    def gather(self, most: int, told: Callable[[], None]) -> None:
        """Let up to `most` octets wait here, and call `told` when the body has ended, has failed, or is longer.

        In each case the chunks wait here to be taken, and the reading side goes on: nothing is lost.

        Args:
            most: Octets that may wait.
            told: Called once, unless `scatter` is called first; at once where there is nothing to wait for.
        """
        self._told = told
        self._room = most + 1
        if self.ended or self.failed or self._waiting > most:
            self._tell()
        else:
            self.resume()

    def scatter(self) -> None:
        """Undo `gather`: `told` is not called, and `HIGH_WATER` bounds again what waits."""
        self._told = None
        self._room = HIGH_WATER

    def _tell(self) -> None:
        told = self._told
        self.scatter()
        assert told is not None
        told()

    def take(self) -> bytes:
        """Return the chunks that wait, as one: the writing side sends them together with the head."""
        self.taken = True
        chunks = self._chunks
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._waiting = 0
        return data

    def give_back(self, data: bytes) -> None:
        """Have chunks wait again that were taken by somebody who could do nothing with them."""
        self.taken = False
        if data:
            self._chunks.insert(0, data)
            self._waiting += len(data)

    def attach(self, sink: BodySink) -> None:
        """Let all chunks that come after `take` go to `sink`, and the reading side go on, unless `pause` was called.

        Called last: chunks may come at once, from within, so the sink must have written what goes before them.
        """
        self._sink = sink
        if self._paused and not self._full and self._source is not None:
            self._paused = False
            self._source.resume_reading()

    def keep(self, most: int) -> None:
        """Keep a copy of all chunks so that they can be sent again, up to so many octets; called before `take`."""
        if (self.length or 0) <= most and self.received <= most:
            self._keep = most
            self._kept = list(self._chunks)

    @property
    def source(self) -> BodySource | None:
        """The reading side."""
        return self._source

    @property
    def held_back(self) -> bool:
        """Whether the reading side is paused, since the writing side does not take what has come."""
        return self._paused

    @property
    def repeatable(self) -> bool:
        """Whether the body can be written from its start: nothing was taken, or all that was taken is kept."""
        return not self.taken or self._kept is not None

    @property
    def origin(self) -> Body:
        """The body that the reading side pushes into: another one where filters lie between (`gateway.filters`)."""
        return self if self._origin is None else self._origin

    def rewind(self) -> None:
        """Let the next writing side take the body from its start; only where it is repeatable."""
        self.detach()
        if self.taken:
            assert self._kept is not None
            self._chunks = list(self._kept)
            self._waiting = sum(map(len, self._chunks))
            self.taken = False

    def forget(self) -> None:
        """Drop the copy: the body will not be sent again."""
        self._kept = None

    def detach(self) -> None:
        """Take the sink away: chunks that still come wait here."""
        self._sink = None
        self._full = False

    def pause(self) -> None:
        """Pause the reading side, since the writing side is full; before `attach` where it is so from the start."""
        self._full = True
        if not self._paused and self._source is not None and not self.ended:
            self._paused = True
            self._source.pause_reading()

    def resume(self) -> None:
        """Let the reading side go on: the writing side has room again."""
        self._full = False
        if self._paused and self._source is not None:
            self._paused = False
            self._source.resume_reading()


def _sifted(trailers: Headers, passes: Mapping[bytes, bool]) -> Headers:
    return Headers.of([field for field in trailers.fields if passes[field[0]]])
