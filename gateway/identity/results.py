"""What verifying a credential came to, kept for a while.

Asked by `gateway.middleware.verification` with a hash of the credential, never
with the credential itself. Who was admitted and who was refused are kept
apart, so that a flood of bad credentials pushes no good one out; both are
bounded, and full means that the oldest goes. Pure: `now` is passed in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from gateway.principal import Principal

T = TypeVar("T")

REFUSED = 2_000
"""Most refusals that are kept: what is refused is cheap to refuse again."""


class Results:
    """Bounded memory of verifications.

    Args:
        ttl: Seconds for which a principal is kept, unless its credential ends before that.
        negative_ttl: Seconds for which a refusal is.
        max_entries: Most principals, and no more refusals than that.

    Attributes:
        known: Principal and the monotonic second until which it holds, by hash. For reading: the hot path does not
            pay for a method.
        version: Another one whenever something was forgotten on purpose.
    """

    __slots__ = ("_max_entries", "_max_refused", "_negative_ttl", "_refused", "_ttl", "known", "version")

    def __init__(self, ttl: float, negative_ttl: float, max_entries: int) -> None:
        self._ttl = ttl
        self._negative_ttl = negative_ttl
        self._max_entries = max_entries
        self._max_refused = min(max_entries, REFUSED)
        # Ordered, because the first of a plain dict that loses its first again and again is not found in no time.
        self.known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self.version = 0

    def keep(self, key: bytes, principal: Principal, now: float, left: float) -> None:
        """Remember a principal.

        Args:
            key: Hash of the credential.
            principal: Whose it is.
            now: Monotonic seconds.
            left: Seconds until the credential ends.
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
        """Forget the principals that are chosen; returns how many they were."""
        self.version += 1
        keys = [key for key, (principal, _) in self.known.items() if chosen(principal)]
        for key in keys:
            del self.known[key]
        return len(keys)

    def clear(self) -> int:
        """Forget everything, refusals too; returns how many principals that were."""
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
