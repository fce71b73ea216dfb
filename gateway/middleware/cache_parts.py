"""What the fetches of one route have in common, and what is remembered of its keys.

Tests: `tests/flow/test_cache_coalescing.py::test_what_is_kept_again_is_shared_again`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gateway.body import Body
from gateway.caching.flights import Flights, Room
from gateway.caching.freshness import Policy
from gateway.caching.key import Key
from gateway.caching.lending import Lending
from gateway.caching.store import CacheStore
from gateway.exchange import Exchange
from gateway.middleware.cache_request import Requests
from gateway.middleware.sending import identified

REST: Final = 1.0
"""Seconds between two fetches in the background of which the first has failed."""

_MOST: Final = 4096
_LONGEST: Final = 1024


class Parts:
    """What fetches need.

    Args:
        requests: The route's rules about requests.
        policy: Those about answers.
        store: Where answers are kept.
        flights: The fetches that are under way, of all routes.
        room: How much is recorded at once, of all routes.
        most: Octets of the longest answer that is kept.
        says: Whether answers say how the cache handled them.
        now: Unix seconds.
        ask: Makes subrequests.
        lending: The kept answers that are being read, of all routes.
        elsewhere: Whether others may purge the store, without a word to the fetches that are under way here.

    Attributes:
        begin: Begins the exchange of a fetch: behind the cache's place in the chain. Set when that is there.
        rejoin: Finds an exchange what is of its kind, kept or fetched. Likewise.
        lend: Makes the body of an exchange's answer, of octets of a content that is kept. Likewise.
    """

    __slots__ = (
        "_elsewhere",
        "_passing",
        "_resting",
        "_varying",
        "ask",
        "begin",
        "flights",
        "lend",
        "lending",
        "most",
        "now",
        "policy",
        "rejoin",
        "requests",
        "room",
        "says",
        "store",
    )

    def __init__(
        self,
        requests: Requests,
        policy: Policy,
        store: CacheStore,
        flights: Flights[Any],
        room: Room,
        most: int,
        says: bool,
        now: Callable[[], float],
        ask: Any,
        lending: Lending,
        elsewhere: bool = False,
    ) -> None:
        self.requests = requests
        self.policy = policy
        self.store = store
        self.flights = flights
        self.room = room
        self.most = most
        self.says = says
        self.now = now
        self.ask = ask
        self._elsewhere = elsewhere
        self.begin: Callable[[Exchange], None] = _nowhere
        self.rejoin: Callable[..., None] = _nowhere
        self.lend: Callable[[Exchange, bytes, int, int], Body] = _nowhere
        self.lending = lending
        # Keys whose answers are not kept, and those whose answers vary; emptied when they are full.
        self._passing: set[tuple[bytes, bool]] = set()
        self._varying: dict[bytes, tuple[bytes, ...]] = {}
        # Unix seconds until which a key is not fetched again in the background.
        self._resting: dict[bytes, float] = {}

    def pass_on(self, key: Key, exchange: Exchange) -> None:
        """Remember that the answers to requests like this one are not kept."""
        if len(key.primary) <= _LONGEST:
            if len(self._passing) >= _MOST:
                self._passing.clear()
            self._passing.add((key.primary, identified(exchange)))

    def passes(self, key: Key, exchange: Exchange) -> bool:
        """Whether answers to requests like this one are known not to be kept."""
        return bool(self._passing) and (key.primary, identified(exchange)) in self._passing

    def rest(self, key: Key) -> None:
        """Remember that a fetch in the background has failed: not each stale answer is to make another attempt."""
        if len(key.primary) <= _LONGEST:
            if len(self._resting) >= _MOST:
                self._resting.clear()
            self._resting[key.primary] = self.now() + REST

    def rests(self, key: Key, now: float) -> bool:
        """Whether a fetch in the background has failed just now."""
        return bool(self._resting) and now < self._resting.get(key.primary, 0.0)

    def learn(self, key: Key, exchange: Exchange, names: tuple[bytes, ...]) -> None:
        """Remember what the answers of a key vary on; and that they are kept."""
        if self._passing:
            self._passing.discard((key.primary, identified(exchange)))
        if names and len(key.primary) <= _LONGEST:
            if len(self._varying) >= _MOST:
                self._varying.clear()
            self._varying[key.primary] = tuple(sorted({*names, *self._varying.get(key.primary, ())}))

    def name(self, key: Key, exchange: Exchange, stamp: int) -> object:
        """Return what a fetch is joined by: requests that differ in what answers are known to vary on do not.

        Nor do those between whose look-ups something was purged elsewhere, which the stamp tells.
        """
        names = self._varying.get(key.primary, ()) if self._varying else ()
        values = self.requests.values(exchange, names) if names else ()
        return self.requests, key.primary, identified(exchange), values, stamp if self._elsewhere else 0


def _nowhere(*_: object) -> Any:
    raise NotImplementedError
