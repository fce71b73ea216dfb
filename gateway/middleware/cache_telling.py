"""The answer of a fetch, and how those who wait for it are told.

`gateway.middleware.cache_fetch` decides what becomes of an answer, and whom it is for: here it becomes the response of
each of them: as it came, as it is kept, part by part as it comes, or as a 304.

Tests: `tests/flow/test_cache_coalescing.py::test_those_whom_it_does_not_fit_have_a_fetch_of_their_own`.
"""

from __future__ import annotations

from functools import partial

from gateway.caching.flights import Shared
from gateway.caching.kept import Kept
from gateway.caching.status import NAME, forwarded
from gateway.caching.validation import client_has_by
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.caching import directives
from gateway.message import Response
from gateway.middleware.cache_answer import answer, less
from gateway.middleware.cache_parts import Parts
from gateway.middleware.cache_waiting import Waiting


class Telling:
    """One answer.

    Args:
        parts: What the fetches of a route share.
        why: The word for the fetch in `Cache-Status`.
        owner: Whom the fetch was made for; None for nobody.
        inner: The exchange of the fetch.

    Attributes:
        new: What is to be kept of it; None where it is not.
        names: The request fields that it was chosen by.
        shared: Its content, where that still comes, and goes to many.
        unread: Whether somebody needed no content of it, so that what is to be kept comes for nobody.
    """

    __slots__ = ("_inner", "_owner", "_parts", "_why", "names", "new", "shared", "unread")

    def __init__(self, parts: Parts, why: bytes, owner: Waiting | None, inner: Exchange) -> None:
        self._parts = parts
        self._why = why
        self._owner = owner
        self._inner = inner
        self.new: Kept | None = None
        self.names: tuple[bytes, ...] = ()
        self.shared: Shared | None = None
        self.unread = False

    def fits(self, waiting: Waiting) -> bool:
        """Whether it is for the request of an exchange: it has the same in what the answer was chosen by."""
        if waiting is self._owner or not self.names:
            return True
        values = self._parts.requests.values
        return values(waiting.exchange, self.names) == values(self._inner, self.names)

    def is_own(self, waiting: Waiting, response: Response) -> bool:
        """Whether an exchange gets the answer as it came: it has something for this client alone."""
        headers = response.headers
        return waiting is self._owner and (b"set-cookie" in headers.index or bool(directives(headers).get(b"no-cache")))

    def give_own(self, waiting: Waiting, headers: Headers, response: Response) -> None:
        """Give an answer as it came to the exchange that it is for."""
        parts, exchange = self._parts, waiting.exchange
        exchange.cached = "miss"
        waiting.inner = self._inner
        own = response.headers = headers.copy()
        if parts.policy.tags:
            own.remove(parts.policy.tags)
        if exchange.error is None:
            if parts.says:
                own.add(NAME, self._says(waiting))
            index = own.index
            asked = exchange.request.headers
            if client_has_by(asked, response.status, index.get(b"etag"), index.get(b"last-modified")):
                response = Response(304, less(own))
        if response.status == 304 or exchange.request.method == b"HEAD":
            response.body = None
            self._leave_unread(waiting)
        waiting.tell(response)

    def give_kept(self, waiting: Waiting, kept: Kept) -> None:
        """Give an answer that is kept now."""
        waiting.exchange.cached = "miss" if waiting is self._owner else "collapsed"
        self._give(waiting, kept, self._says(waiting))

    def give_validated(self, waiting: Waiting, kept: Kept) -> None:
        """Give an answer that was kept, and of which the backend has said that it is still good."""
        waiting.exchange.cached = "revalidated"
        self._give(waiting, kept, forwarded(self._why, 304, collapsed=waiting is not self._owner))

    def _give(self, waiting: Waiting, kept: Kept, says: bytes) -> None:
        if waiting is self._owner:
            waiting.inner = self._inner
        parts, exchange = self._parts, waiting.exchange
        lend = partial(parts.lend, exchange)
        waiting.tell(answer(kept, exchange.request, parts.now(), says if parts.says else b"", lend))

    def stream(self, waiting: Waiting, length: int | None = None) -> None:
        """Let an exchange read the answer as it comes."""
        new, shared = self.new, self.shared
        assert new is not None and shared is not None
        exchange = waiting.exchange
        exchange.cached = "miss" if waiting is self._owner else "collapsed"
        if waiting is self._owner:
            waiting.inner = self._inner
        headers = Headers.over(new.block)
        age = int(self._parts.now() - new.born)
        headers.add(b"Age", b"%d" % max(0, age))
        if self._parts.says:
            headers.add(NAME, self._says(waiting))
        if client_has_by(exchange.request.headers, new.status, new.etag, new.modified):
            self._leave_unread(waiting)
            waiting.tell(Response(304, less(headers)))
        elif exchange.request.method == b"HEAD":
            self._leave_unread(waiting)
            waiting.tell(Response(new.status, headers, None, length))
        else:
            reader = waiting.source = shared.read(length)
            waiting.tell(Response(new.status, headers, reader.body, length))
            reader.pump()

    def stream_own(self, waiting: Waiting, response: Response) -> None:
        """Let an exchange read the answer as it comes, with what is in it for its client alone."""
        assert self.shared is not None
        reader = waiting.source = self.shared.read(response.length)
        self.give_own(waiting, response.headers, Response(response.status, None, reader.body, response.length))

    def _leave_unread(self, waiting: Waiting) -> None:
        """An exchange needs no content: what is to be kept is fetched all the same."""
        source, waiting.source = waiting.source, None
        if self.shared is not None:
            self.unread = True
        if source is not None:
            source.cancel()

    def _says(self, waiting: Waiting) -> bytes:
        new = self.new
        # A store that cannot be asked gives no stamp, and keeps nothing.
        stored = new is not None and new.stamp > 0 and (self.shared is None or self.shared.complete)
        return forwarded(self._why, stored=stored, collapsed=waiting is not self._owner)
