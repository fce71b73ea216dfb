"""A cache of the results of verifying credentials.

Asked by `gateway.middleware.verification` with a hash of the credential, never
with the credential itself (D-48). Principals and refusals are kept apart, so that
a flood of bad credentials displaces no good one. Both are bounded: a new entry
displaces the oldest. Pure: `now` is passed in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from gateway.principal import Principal

T = TypeVar("T")

REFUSED: Final = 2_000
"""Most refusals that are kept: verifying a bad credential again costs little."""


class Results:
    """Bounded cache of verified principals and of refusals.

    Args:
        ttl: Seconds for which a principal is kept, unless its credential expires before that.
        negative_ttl: Seconds for which a refusal is kept.
        max_entries: Most principals; also a bound on the refusals.

    Attributes:
        known: Principal and the monotonic second until which it is good, by hash. For reading: a method would cost time
            on the hot path.
        version: Changes whenever entries are forgotten by order.
    """

    __slots__ = ("_max_entries", "_max_refused", "_negative_ttl", "_refused", "_ttl", "known", "version")

    def __init__(self, ttl: float, negative_ttl: float, max_entries: int) -> None:
        self._ttl = ttl
        self._negative_ttl = negative_ttl
        self._max_entries = max_entries
        self._max_refused = min(max_entries, REFUSED)
        # Not a plain dict: finding the first entry of one whose first entries have been deleted takes linear time.
        self.known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self.version = 0

    def keep(self, key: bytes, principal: Principal, now: float, left: float) -> None:
        """Remember a principal.

        Args:
            key: Hash of the credential.
            principal: The principal that it stands for.
            now: Monotonic seconds.
            left: Seconds until the credential expires.
        """
        seconds = min(self._ttl, left)
        if seconds > 0 and self._max_entries:
            _put(self.known, key, (principal, now + seconds), self._max_entries)

    def refuse(self, key: bytes, now: float) -> None:
        """Remember that a credential is not valid."""
        if self._negative_ttl > 0 and self._max_refused:
            _put(self._refused, key, now + self._negative_ttl, self._max_refused)

    def refused(self, key: bytes, now: float) -> bool:
        """Whether a credential was refused just now."""
        until = self._refused.get(key)
        return until is not None and now < until

    def forget(self, chosen: Callable[[Principal], bool]) -> int:
        """Forget the principals that `chosen` is true for; return how many."""
        self.version += 1
        keys = [key for key, (principal, _) in self.known.items() if chosen(principal)]
        for key in keys:
            del self.known[key]
        return len(keys)

    def clear(self) -> int:
        """Forget everything, refusals too; return how many principals were forgotten."""
        self.version += 1
        count = len(self.known)
        self.known.clear()
        self._refused.clear()
        return count

    def __len__(self) -> int:
        return len(self.known) + len(self._refused)


def _put(entries: OrderedDict[bytes, T], key: bytes, value: T, most: int) -> None:
    entries.pop(key, None)
    if len(entries) >= most:
        entries.popitem(last=False)
    entries[key] = value
