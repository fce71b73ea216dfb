"""`GET /live/events`: what happens, as server-sent events, to the pages that are open.

Once a second one look is taken for all of them, and none where no page is open. Events are `figures` (of the second),
`failed` (an exchange that failed) and `log` (a line of the application log), each with one JSON document.

# Note [Slow readers]
A page that does not read is not waited for: what it has not read is kept up to `UNREAD` octets, then its connection is
closed. A browser comes back by itself.

See https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import orjson
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from gateway.admin.guard import is_foreign
from gateway.admin.resources import Leaf
from gateway.errors import Forbidden, TooManyInFlight

EVERY: Final = 1.0
"""Seconds between two looks."""

MOST: Final = 16
"""Pages that may be open at once."""

UNREAD: Final = 256 * 1024
"""Octets that are kept for a page that does not read; see Note [Slow readers]."""

LINES: Final = 200
"""Lines of the log that a page gets when it is opened."""

AGAIN: Final = 2000
"""Milliseconds after which a browser whose connection broke comes back."""

Events = list[tuple[str, Any]]
"""Names, and what JSON can say."""

Look = Callable[[], "Events | Deferred[Events]"]

_log = Logger()


@implementer(IPushProducer)
class Feed:
    """One page that is open.

    Args:
        request: Its request; the answer goes on until one of the two ends.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._pauses = False
        self._unread: list[bytes] = []
        self._octets = 0
        self.open = True
        request.registerProducer(self, True)

    def send(self, data: bytes) -> None:
        """Write, or keep what is not read yet."""
        if not self.open:
            return
        if not self._pauses:
            self._request.write(data)
            return
        self._unread.append(data)
        self._octets += len(data)
        if self._octets > UNREAD:
            self.stopProducing()
            self._request.channel.forceAbortClient()

    def pauseProducing(self) -> None:
        """The connection is full."""
        self._pauses = True

    def resumeProducing(self) -> None:
        """There is room again."""
        self._pauses = False
        unread, self._unread, self._octets = self._unread, [], 0
        if unread and self.open:
            self._request.write(b"".join(unread))

    def stopProducing(self) -> None:
        """The page is gone."""
        self.open = False
        self._unread = []


class Feeds(Leaf):
    """All pages that are open.

    Args:
        look: Returns what has happened since it was called last, now or later.
        clock: Keeps time.
    """

    words = "what happens, as server-sent events; for the page"

    def __init__(self, look: Look, clock: Any) -> None:
        super().__init__()
        self._look = look
        self._feeds: list[Feed] = []
        self._lines: deque[bytes] = deque(maxlen=LINES)
        self._loop = LoopingCall(self._turn)
        self._loop.clock = clock
        self._fails = False

    def render(self, request: Request) -> bytes | int:
        """Open a feed; what is refused is answered as by any leaf."""
        answer = super().render(request)
        if request.method != b"GET" or answer != b"" or request.code != 200:
            return answer
        feed = Feed(request)
        self._feeds.append(feed)
        request.notifyFinish().addBoth(lambda _: self._gone(feed))
        feed.send(b"retry: %d\n\n" % AGAIN + b"".join(self._lines))
        if not self._loop.running:
            self._loop.start(EVERY, now=True)
        return NOT_DONE_YET

    def answer(self, request: Request) -> bytes:
        """Say what comes; the feed itself follows."""
        if is_foreign(request):  # it could read nothing, and keep operators' pages from having a place
            raise Forbidden("A page of another origin may open no feed.")
        if len(self._feeds) >= MOST:
            raise TooManyInFlight(AGAIN / 1000)
        request.setHeader(b"Content-Type", b"text/event-stream")
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"X-Accel-Buffering", b"no")  # a proxy on the way passes it on as it comes
        return b""

    def _gone(self, feed: Feed) -> None:
        feed.stopProducing()
        if feed in self._feeds:
            self._feeds.remove(feed)
        if not self._feeds and self._loop.running:
            self._loop.stop()

    def _turn(self) -> Deferred[None]:
        looked: Deferred[Any] = maybeDeferred(self._look)
        looked.addCallback(self._tell).addErrback(self._failed)  # what cannot be told ends no feed either
        return looked

    def _tell(self, events: Events) -> None:
        parts = [(name, event(name, document)) for name, document in events]
        self._lines.extend(data for name, data in parts if name == "log")
        # A comment where nothing happened: a connection that is dead must be found to be.
        said = b"".join(data for _, data in parts) or b":\n\n"
        for feed in list(self._feeds):
            feed.send(said)
        self._fails = False

    def _failed(self, failure: Failure) -> None:
        if not self._fails:  # said once, until there are some again
            _log.failure("The live page gets no figures", failure)
        self._fails = True


def event(name: str, document: Any) -> bytes:
    """Write an event; JSON has no line ends of its own, so the document is one line."""
    try:
        data = orjson.dumps(document)
    except TypeError:
        # A lone surrogate, which a plugin or a claim may bring, or an integer of more than 64 bits: `json` writes both.
        data = json.dumps(document, default=str).encode()
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
