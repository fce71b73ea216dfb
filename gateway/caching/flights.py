"""One answer that arrives once and goes to many: each takes it as fast as it can.

# Note [The slowest does not hold the others]
As long as an answer is no longer than what may be kept, all of it stays here: each reader takes the parts at its own
pace, and whoever comes late takes them from the start. The source is never paused. An answer that turns out longer is
not kept: from there on nobody else can join, parts that all readers have taken go, and the source waits for the slowest
one as soon as `HIGH_WATER` octets wait for it, as it would for a single client.

# Note [What readers hold is bounded]
Readers may be slow, and what they read may have made way in the store long before. So its octets count until nobody
reads it any more (`Room`), and go then: who made all this is found by the garbage collector only, much later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from gateway.body import HIGH_WATER, Body
from gateway.caching.key import Key
from gateway.caching.store import Purge
from gateway.errors import GatewayError
from gateway.headers import Headers

F = TypeVar("F")

_LOW_WATER: Final = HIGH_WATER // 2


class Room:
    """How much is recorded at once, of all answers that are on their way.

    Attributes:
        most: Octets that may be taken; those that are taken already stay so where it becomes less.
        taken: Octets.
    """

    __slots__ = ("most", "taken")

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0

    def take(self, octets: int) -> bool:
        """Ask for room; returns whether there is some. To be given back."""
        if not self.has(octets):
            return False
        self.taken += octets
        return True

    def has(self, octets: int) -> bool:
        """Whether there is some."""
        return self.taken + octets <= self.most

    def give_back(self, octets: int) -> None:
        """The recording is over."""
        self.taken -= octets


class Flights(Generic[F]):
    """The fetches that others may join, by what they fetch."""

    __slots__ = ("_open", "_urls")

    def __init__(self) -> None:
        self._open: dict[object, tuple[Key, F]] = {}
        # Names by their URL: requests that change something forget those of one, however many others there are.
        self._urls: dict[bytes, set[object]] = {}

    def find(self, name: object) -> F | None:
        """Return the fetch of a name; None without one."""
        found = self._open.get(name)
        return None if found is None else found[1]

    def enter(self, name: object, key: Key, fetch: F) -> None:
        """Let others join a fetch."""
        self._open[name] = key, fetch
        self._urls.setdefault(key.url, set()).add(name)

    def leave(self, name: object, fetch: F) -> None:
        """Let nobody join a fetch any more; no error where that is so already."""
        found = self._open.get(name)
        if found is not None and found[1] is fetch:
            self._forget(name)

    def forget(self, purge: Purge) -> None:
        """Let nobody join what may be older than a purge; which tags an answer has is not known before it is there."""
        names = self._open if purge.url is None else self._urls.get(purge.url, ())
        for name in list(names):
            if purge.meets(self._open[name][0]):
                self._forget(name)

    def _forget(self, name: object) -> None:
        key, _ = self._open.pop(name)
        names = self._urls[key.url]
        names.discard(name)
        if not names:
            del self._urls[key.url]

    def __len__(self) -> int:
        return len(self._open)


class Reader:
    """One client's way through an answer: the source of its body (`gateway.body.BodySource`).

    Attributes:
        body: What the client gets.
        place: How many parts it has taken, of all that came.
        octet: How many octets.
        until: How many it takes at most; None for all.
        paused: Whether it takes nothing now.
    """

    __slots__ = ("_pumping", "_shared", "body", "octet", "over", "paused", "place", "until")

    def __init__(self, shared: Shared, length: int | None, first: int, until: int | None) -> None:
        self._shared = shared
        self.body = Body(self, length)
        self.place = 0
        self.octet = first
        self.until = until
        self.paused = False
        self.over = False
        self._pumping = False

    def pump(self) -> None:
        """Take what has come, as long as there is room."""
        if self._pumping:
            return  # a sink paused and resumed within one write: the loop that made the write goes on
        shared = self._shared
        self._pumping = True
        try:
            while not (self.paused or self.over):
                part = shared.part(self)
                if part is not None:
                    self.place += 1
                    self.octet += len(part)
                    self.body.push(part)
                elif shared.ended:
                    self._end()
                    self.body.end(shared.trailers)
                else:
                    return
        finally:
            self._pumping = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        self.pump()
        self._shared.moved()

    def body_over_limit(self, body: Body) -> None:
        """Take no more of it: the body has a limit that it goes over."""
        self.fail()

    def cancel(self, error: GatewayError | None = None) -> None:
        """See `gateway.exchange.Cancellable`: the client is gone."""
        self._end()

    def fail(self) -> None:
        """Break off: the rest will never come."""
        if not self.over:
            self._end()
            self.body.fail()

    def _end(self) -> None:
        if not self.over:
            self.over = True
            self._shared.left(self)


class Shared:
    """The answer's content, as it comes (`gateway.body.BodySink`).

    Args:
        most: Octets that are kept.
        whole: Called once with all of the content when it has come; with None as soon as that cannot be kept.
        alone: Called when nobody reads it any more before it has ended.
        gone: Called once, when nothing of it is held here any more: Note [What readers hold is bounded].

    Attributes:
        ended: Whether all has come.
        trailers: Trailer fields, once ended.
        complete: Whether the content can be read from its start.
        readers: Who reads it.
    """

    __slots__ = (
        "_alone",
        "_content",
        "_first",
        "_gone",
        "_most",
        "_octets",
        "_parts",
        "_paused",
        "_source",
        "_whole",
        "complete",
        "ended",
        "failed",
        "readers",
        "trailers",
    )

    def __init__(
        self,
        most: int,
        whole: Callable[[bytes | None], None],
        alone: Callable[[], None],
        gone: Callable[[], None],
    ) -> None:
        self._most = most
        self._whole = whole
        self._alone = alone
        self._gone = gone
        self._content: bytes | None = None  # all of it, once that has come and can be kept
        self._source: Body | None = None
        self._parts: list[bytes] = []
        self._first = 0  # which of all parts is the first of those that are here
        self._octets = 0
        self._paused = False
        self.complete = True
        self.ended = False
        self.failed = False
        self.trailers: Headers | None = None
        self.readers: list[Reader] = []

    def read(self, length: int | None, first: int = 0, until: int | None = None) -> Reader:
        """Return a new reader; it takes what is there when its `pump` is called.

        Args:
            length: Of what it takes; None where that is not known.
            first: The octet that it begins at; once all of the content is there.
            until: The octet behind its last; likewise.
        """
        reader = Reader(self, length, first, until)
        self.readers.append(reader)
        return reader

    def flow(self, source: Body) -> None:
        """Take a body that nobody has taken yet."""
        first = source.take()
        if first:
            self.body_received(first)
        if source.failed:
            self.body_failed()
        elif source.ended:
            self.body_ended(source.trailers)
        else:
            self._source = source
            source.attach(self)
            self.moved()

    def holds(self, content: bytes) -> Shared:
        """Take all of the content at once."""
        self._content = content
        self.ended = True
        return self

    def part(self, reader: Reader) -> bytes | None:
        """Return what comes next for a reader; None where there is nothing now."""
        content = self._content
        if content is not None:
            until = len(content) if reader.until is None else reader.until
            return content[reader.octet : min(reader.octet + HIGH_WATER, until)] or None
        place = reader.place - self._first
        return self._parts[place] if place < len(self._parts) else None

    def let_go(self) -> None:
        """Hold nothing any more; nothing comes, and nobody reads."""
        gone, self._gone = self._gone, _nothing
        self._whole = self._alone = _nothing
        self._source = None
        self._content, self._parts = b"", []
        gone()

    # The source (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._octets += len(data)
        if self.complete and self._octets > self._most:
            self.complete = False
            self._whole(None)
        self._pump()
        if not self.complete:
            self.moved()

    def body_ended(self, trailers: Headers | None) -> None:
        self.ended = True
        self.trailers = trailers
        self._source = None
        if self.complete:
            parts = self._parts
            content = parts[0] if len(parts) == 1 else b"".join(parts)
            self._content, self._parts = content, []  # what is kept and what is read are the same octets
            # What comes behind the content is not kept, and an answer without it would be another one.
            self._whole(None if trailers is not None else content)
        self._pump()
        if not self.readers:
            self.let_go()

    def body_failed(self) -> None:
        self.failed = True
        self._source = None
        if self.complete:
            self.complete = False
            self._whole(None)
        for reader in list(self.readers):
            reader.fail()
        self.let_go()

    # The readers.

    def moved(self) -> None:
        """A reader has taken something, or is gone: forget what all have, and let the source go on or wait."""
        source = self._source
        if self.complete or source is None:
            return
        if self.readers:
            slowest = min([reader.place for reader in self.readers]) - self._first
            if slowest:
                self._octets -= sum(map(len, self._parts[:slowest]))
                del self._parts[:slowest]
                self._first += slowest
        if not self._paused and self._octets >= HIGH_WATER:
            self._paused = True
            source.pause()
        elif self._paused and self._octets <= _LOW_WATER:
            self._paused = False
            source.resume()

    def left(self, reader: Reader) -> None:
        """A reader has all of it, or wants no more."""
        self.readers.remove(reader)
        if self.readers:
            self.moved()
        elif self._source is not None:
            self._alone()
        elif self.ended:
            self.let_go()

    def _pump(self) -> None:
        for reader in list(self.readers):
            reader.pump()


def _nothing(content: bytes | None = None) -> None:
    """Nobody is told."""
