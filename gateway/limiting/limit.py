"""A limit, ready to be counted, and what became of a request under it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any, Final, Protocol

from mypy_extensions import mypyc_attr

EXACT: Final = 64
"""Up to this limit a sliding window keeps the time of every request; past it, counts for so many parts of it."""

LEASED_FOR: Final = 0.02
"""For which part of a window an instance may use the requests that it has taken in advance."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so much time.

    Attributes:
        identity: What is counted, in octets: two limits with the same one share their counts.
        label: What has a count of its own, e.g. `ip`, as the `RateLimit` fields call it.
        requests: In a window.
        window: Seconds.
        burst: Most at once, for a token bucket.
        sliding: Whether it is a sliding window; else it is a token bucket.
        lease: Requests that an instance takes from Redis at once; 1 for one by one.
    """

    identity: bytes
    label: str
    requests: int
    window: float
    burst: int
    sliding: bool = False
    lease: int = 1

    @property
    def leased_for(self) -> float:
        """Seconds for which what was taken in advance may be used."""
        return min(1.0, self.window * LEASED_FOR) if self.lease > 1 else 0.0

    @property
    def counted_window(self) -> float:
        """Seconds that a sliding window reaches back.

        Longer than `window` by the age that a request may have which was taken in advance: what is let through within
        `window` was taken within this.
        """
        return self.window + self.leased_for

    @property
    def counted_burst(self) -> int:
        """Depth of a token bucket, less what flows in while a request that was taken in advance may be used."""
        return max(1, floor(self.burst - self.leased_for * self.requests / self.window))

    def share(self, instances: int) -> Limit:
        """Return the part of one instance among several that do not know of each other."""
        return replace(
            self, requests=max(1, self.requests // instances), burst=max(1, self.burst // instances), lease=1
        )


@mypyc_attr(allow_interpreted_subclasses=True)
class Rule:
    """How requests are counted; a base class, since it is asked for every request.

    A state is whatever the rule makes of it, so long as it is the moment when there is nothing to remember any more, or
    a list that begins with that; None for no request.
    """

    __slots__ = ()

    def wait(self, state: Any, now: float) -> float:
        """Return the seconds until a request may pass: 0.0 or less where it may now."""
        raise NotImplementedError

    def take(self, state: Any, now: float) -> Any:
        """Return the state after a request that may pass."""
        raise NotImplementedError

    def remaining(self, state: Any, now: float) -> int:
        """Return how many more may pass at once."""
        raise NotImplementedError

    def give_back(self, state: Any, taken: float, full: float, now: float) -> Any:
        """Return the state without a request that was taken."""
        raise NotImplementedError


class Taker(Protocol):
    """What has taken a request from limits, and can give it back."""

    def give_back(self, keys: Sequence[bytes], receipt: Any, now: float) -> None:
        """Undo it, as far as that lets nothing through that would not have passed without it.

        Args:
            keys: Those that it was taken with.
            receipt: Of the verdict.
            now: Monotonic seconds.
        """


class Verdict:
    """What became of a request under one limit, or under the tightest of several.

    Attributes:
        allowed: Whether it may pass.
        limit: The limit that this verdict is of.
        remaining: Requests left now.
        retry_after: Seconds until a request may pass again, where this one may not.
        full_in: Seconds until the limit is as if nobody had used it.
        reset: The same moment as Unix time, where the store's clock decides (Redis); 0 where that of this process does.
        taker: Gives back what was taken, None where nothing can be given back.
        receipt: What to hand to `give_back` of the taker.
    """

    __slots__ = ("allowed", "full_in", "limit", "receipt", "remaining", "reset", "retry_after", "taker")

    def __init__(
        self,
        allowed: bool,
        limit: Limit,
        remaining: int,
        retry_after: float,
        full_in: float,
        reset: int = 0,
        taker: Taker | None = None,
        receipt: Any = None,
    ) -> None:
        self.allowed = allowed
        self.limit = limit
        self.remaining = remaining
        self.retry_after = retry_after
        self.full_in = full_in
        self.reset = reset
        self.taker = taker
        self.receipt = receipt

    def __repr__(self) -> str:
        said = "allowed" if self.allowed else f"refused for {self.retry_after:g} s"
        return f"<Verdict {said}, {self.remaining} of {self.limit.requests} left>"


def unused(limit: Limit) -> Verdict:
    """Return the verdict for a caller who has used nothing of a limit; `burst` bounds what may pass at once."""
    at_once = limit.requests if limit.sliding else min(limit.requests, limit.counted_burst)
    return Verdict(True, limit, at_once, 0.0, 0.0)


def foreseen(limit: Limit, rule: Rule, state: Any, now: float) -> Verdict:
    """Return what a request would meet under a limit, without taking it.

    Args:
        limit: The limit.
        rule: Its rule.
        state: What is remembered of the caller; None for nothing.
        now: Monotonic seconds.
    """
    end: float = 0.0 if state is None else state if isinstance(state, float) else state[0]
    if state is None or end <= now:
        return unused(limit)
    wait = rule.wait(state, now)
    left = 0 if wait > 0 else rule.remaining(state, now)
    return Verdict(wait <= 0, limit, left, max(0.0, wait), end - now)


Decide = Callable[[Sequence[bytes], float], "Verdict | Awaitable[Verdict]"]
"""Takes a request from each of several limits, or from none.

Called with the keys, one for each limit in their order, and monotonic seconds; gives the verdict of the tightest. An
awaitable only where something has to be waited for. Raises, or fails with, `gateway.errors.LimitUnavailable`.
"""


class LimitStore(Protocol):
    """Where requests are counted."""

    def bind(self, limits: Sequence[Limit]) -> Decide:
        """Prepare to decide under these limits."""
