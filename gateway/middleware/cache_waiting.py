"""An exchange that waits for a fetch of the cache, and what it is told.

Tests: `tests/flow/test_cache_coalescing.py::test_each_gets_what_is_stale_in_place_of_an_error`.
"""

from __future__ import annotations

from typing import Protocol

from gateway.awaited import Awaited
from gateway.caching.flights import Reader
from gateway.caching.kept import Kept
from gateway.caching.status import hit
from gateway.caching.wishes import Wishes
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.message import Request, Response
from gateway.middleware.cache_answer import Lend, answer
from gateway.peer import Peer


class Ask(Protocol):
    """A subrequest (`gateway.forwarding.subrequest.Subrequest`)."""

    closed: bool

    def ask(self, request: Request, peer: Peer, timeout: float) -> None: ...
    def cancel(self) -> None: ...


class Left(Protocol):
    """A fetch, as those who wait for it see it."""

    def leave(self, waiting: Waiting) -> None:
        """An exchange wants no answer any more."""


class Passing:
    """The answer of a fetch, for one client alone (`gateway.exchange.Cancellable`)."""

    __slots__ = ("_subrequest",)

    def __init__(self, subrequest: Ask) -> None:
        self._subrequest = subrequest

    def cancel(self, error: GatewayError | None = None) -> None:
        """End the fetch: its client is gone."""
        self._subrequest.cancel()


class Waiting(Awaited):
    """An exchange that waits for a fetch; it is told a response, or None: it is to go on to the backend itself.

    Attributes:
        exchange: The exchange.
        wishes: What its client asks of caches.
        fetch: What it waits for.
        kept: What may be given in an error's place; None for nothing.
        inner: The exchange of the fetch, where this one is what it was made for.
        source: Where the rest of its answer comes from; None where all is there.
        answered: Whether it was told a response.
    """

    __slots__ = ("answered", "exchange", "fetch", "inner", "kept", "source", "wishes")

    def __init__(self, exchange: Exchange, wishes: Wishes, kept: Kept | None) -> None:
        super().__init__()
        self.exchange = exchange
        self.wishes = wishes
        self.fetch: Left | None = None
        self.kept = kept
        self.inner: Exchange | None = None
        self.source: Reader | Passing | None = None
        self.answered = False

    def cancel(self) -> None:
        """See `Awaited`: the client is gone, or the exchange is out of time."""
        fetch, self.fetch, self.kept = self.fetch, None, None
        super().cancel()
        if fetch is not None:
            fetch.leave(self)

    def tell(self, response: Response | None) -> None:
        """Tell the answer; None for none."""
        self.fetch = self.kept = None  # not held by what only the garbage collector finds
        self.answered = response is not None
        self.callback(response)

    def stale(self, now: float, detail: bytes, says: bool, lend: Lend) -> Response | None:
        """Return what was kept, for an error's place; None where the client does not take it."""
        kept = self.kept
        if kept is None or now >= kept.saved or self.wishes.demanding:
            return None
        self.exchange.cached = "stale"
        return answer(kept, self.exchange.request, now, hit(kept, now, detail) if says else b"", lend, error=True)
