"""The two ends of bodies, and filters between them, for tests of `gateway.filters`."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from hypothesis import strategies as st

from gateway.body import Body
from gateway.filters import BodyFilter, through
from gateway.headers import Headers


class Source:
    """The connection that reads the body before the filter."""

    def __init__(self) -> None:
        self.paused = False
        self.over: list[Body] = []

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False

    def body_over_limit(self, body: Body) -> None:
        self.over.append(body)


class Sink:
    """The connection that writes the body behind the filter; full after so many octets."""

    def __init__(self, body: Body, room: int = 1 << 60) -> None:
        self.body = body
        self.room = room
        self.ended = self.failed = 0
        self.trailers: Headers | None = None
        self._data = bytearray(body.take())
        if body.ended:
            self.body_ended(body.trailers)
        else:
            self._watch()
            body.attach(self)

    @property
    def data(self) -> bytes:
        """Return what has come."""
        return bytes(self._data)

    def body_received(self, data: bytes) -> None:
        assert data
        assert not self.ended
        self._data += data
        self._watch()

    def body_ended(self, trailers: Headers | None) -> None:
        self.ended += 1
        self.trailers = trailers

    def body_failed(self) -> None:
        self.failed += 1

    def read_on(self, room: int = 1 << 60) -> None:
        self.room = len(self._data) + room
        self.body.resume()

    def _watch(self) -> None:
        if len(self._data) >= self.room:
            self.body.pause()


class Each(BodyFilter):
    """Makes so many parts of each octet, one at a time, and one at the end."""

    def __init__(self, times: int, last: bytes = b"") -> None:
        self.times = times
        self.last = last
        self.made = 0

    def chunk(self, data: bytes) -> Iterator[bytes]:
        for octet in data:
            for _ in range(self.times):
                self.made += 1
                yield bytes([octet])

    def end(self) -> Iterable[bytes]:
        return (self.last,)


class Deflate(BodyFilter):
    """Compresses: most chunks make no output, and most output comes at the end."""

    def __init__(self) -> None:
        self._deflater = zlib.compressobj()

    def chunk(self, data: bytes) -> Iterable[bytes]:
        return (self._deflater.compress(data),)

    def end(self) -> Iterable[bytes]:
        return (self._deflater.flush(),)


class Upper(BodyFilter):
    """Makes as many octets as came."""

    def length(self, before: int | None) -> int | None:
        return before

    def chunk(self, data: bytes) -> Iterable[bytes]:
        return (data.upper(),)


class Broken(BodyFilter):
    """Fails in one of its methods."""

    def __init__(self, place: str) -> None:
        self.place = place

    def chunk(self, data: bytes) -> Iterator[bytes]:
        if self.place == "chunk":
            raise ValueError(self.place)
        yield data
        if self.place == "between":
            raise ValueError(self.place)

    def end(self) -> Iterable[bytes]:
        if self.place == "end":
            raise ValueError(self.place)
        return ()

    def trailers(self, before: Headers | None) -> Headers | None:
        if self.place == "trailers":
            raise ValueError(self.place)
        return before


CHUNKS = st.lists(st.binary(min_size=1, max_size=50), max_size=12)


def pour(chunks: list[bytes], body_filter: BodyFilter, before: int, after: int, length: int | None = None) -> Sink:
    """Push chunks through a filter that is hung after some of them, with a sink attached after some more."""
    body = Body(Source(), length)
    filtered: Body | None = None
    sink: Sink | None = None
    for number in range(len(chunks) + 1):
        if number == min(before, len(chunks)):
            filtered = through(body, body_filter)
        if filtered is not None and sink is None and number >= min(before + after, len(chunks)):
            sink = Sink(filtered)
        if number < len(chunks):
            body.push(chunks[number])
    body.end()
    assert sink is not None
    return sink
