"""Let requests that are over a rate limit wait for their turn, in place of 429 (a route's `rate_limit_queue`).

A `LimitStore` in front of another: a request that the other would refuse waits
in a line until the limits have something again; requests of a higher priority
go first. There is a line for each set of limits and keys (so for each caller).
All routes share the lines: requests of two routes under the same limit (of
`rate_limits`) wait in one.

# Note [Fair shares]
`size` bounds all waiting requests of a route together. When it is reached, a request may still join a line, if the
route's longest line has at least two requests more: the last of that line is refused in its place. So a caller who is
alone may fill the whole queue, and when others come they get equal shares of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from gateway.limiting.limit import Decide, Limit, LimitStore, Verdict
from gateway.resilience.admission import Priority

SOONEST = 0.001
"""Seconds until a line is looked at again, at least."""


class Lines(dict[Hashable, "Line"]):
    """The lines in which requests wait, by their limits and keys."""


class Shaped:
    """Decides as `store` does, but lets the requests that it refuses wait.

    Args:
        store: Where requests are counted.
        lines: The lines of all routes.
        priority: The route's.
        size: Most requests of the route that wait; see Note [Fair shares].
        timeout: Most seconds that one waits.
        clock: For the timers.
        now: Monotonic seconds.
        queued: Counts requests that begin to wait.
    """

    def __init__(
        self,
        store: LimitStore,
        lines: Lines,
        priority: Priority,
        size: int,
        timeout: float,
        clock: Any,
        now: Callable[[], float],
        queued: Callable[[], None],
    ) -> None:
        self._store = store
        self._lines = lines
        self._priority = priority
        self._size = size
        self._timeout = timeout
        self._clock = clock
        self._now = now
        self._queued = queued
        self._waiting = 0
        self._mine: dict[Hashable, dict[Waiter, None]] = {}  # the route's waiters by line, in the order they came

    def bind(self, limits: Sequence[Limit]) -> Decide:
        """Return the function that decides under these limits; cancel the awaitable of a waiting request to give up."""
        ask = self._store.bind(limits)
        identities = tuple(limit.identity for limit in limits)

        def decide(keys: Sequence[bytes], now: float) -> Verdict | Awaitable[Verdict]:
            place = (identities, *keys)
            line = self._lines.get(place)
            if line is not None:  # a new request must not overtake those that wait
                return self._join(place, line) if self._room(place) else line.refusal
            verdict = ask(keys, now)
            if isinstance(verdict, Verdict):
                return self._settle(place, ask, keys, verdict)
            return ensureDeferred(self._later(place, ask, keys, verdict))

        return decide

    async def _later(self, place: Hashable, ask: Decide, keys: Sequence[bytes], asked: Awaitable[Verdict]) -> Verdict:
        outcome = self._settle(place, ask, keys, await asked)
        return outcome if isinstance(outcome, Verdict) else await outcome

    def _settle(
        self, place: Hashable, ask: Decide, keys: Sequence[bytes], verdict: Verdict
    ) -> Verdict | Deferred[Verdict]:
        if verdict.allowed or verdict.retry_after > self._timeout or not self._room(place):
            return verdict
        line = self._lines.get(place)
        if line is None:
            line = self._lines[place] = Line(
                lambda: ask(keys, self._now()), verdict, self._clock, lambda: self._lines.pop(place)
            )
        return self._join(place, line)

    def _room(self, place: Hashable) -> bool:
        """Make room in a line if need be (Note [Fair shares]); return whether one more may wait there."""
        if self._waiting < self._size:
            return True
        longest = max(self._mine.values(), key=len, default={})
        if len(longest) <= len(self._mine.get(place, ())) + 1:
            return False
        next(reversed(longest)).give_up()
        return True

    def _join(self, place: Hashable, line: Line) -> Deferred[Verdict]:
        self._waiting += 1
        self._queued()
        mine = self._mine.setdefault(place, {})

        def left(waiter: Waiter) -> None:
            self._waiting -= 1
            del mine[waiter]
            if not mine and self._mine.get(place) is mine:
                del self._mine[place]

        waiter = line.join(self._priority, self._timeout, left)
        mine[waiter] = None
        return waiter.verdict


class Line:
    """Requests that wait under the same limits, with the same keys.

    Args:
        ask: Asks the limits for one more request.
        refusal: The verdict that refused the first.
        clock: For the timers.
        over: Called when no request waits any more.

    Attributes:
        refusal: The last verdict that refused; for requests that find no room, or have waited too long.
    """

    def __init__(
        self,
        ask: Callable[[], Verdict | Awaitable[Verdict]],
        refusal: Verdict,
        clock: Any,
        over: Callable[[], object],
    ) -> None:
        self.refusal = refusal
        self._ask = ask
        self._clock = clock
        self._over = over
        # As in gateway.resilience.admission: a request that gives up is taken out of the middle of its queue.
        self._queues: tuple[OrderedDict[Waiter, None], ...] = tuple(OrderedDict() for _ in Priority)
        self._timer = clock.callLater(max(refusal.retry_after, SOONEST), self._serve)

    def join(self, priority: Priority, timeout: float, left: Callable[[Waiter], None]) -> Waiter:
        """Add a request that waits up to `timeout` seconds; `left` is called when it waits no longer."""
        waiter = Waiter(self, priority, left)
        self._queues[priority][waiter] = None
        waiter.timer = self._clock.callLater(timeout, waiter.give_up)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Take out a request that waits no longer."""
        del self._queues[waiter.priority][waiter]
        if self._timer is not None and not any(self._queues):
            self._timer.cancel()
            self._over()

    def _serve(self) -> None:
        self._timer = None
        ensureDeferred(self._let_through())

    async def _let_through(self) -> None:
        """Let through as many as the limits have room for."""
        while any(self._queues):
            try:
                verdict = self._ask()
                if not isinstance(verdict, Verdict):
                    verdict = await verdict
            except Exception as error:  # noqa: BLE001 - raised in the chain of the first waiter, which answers with it
                outcome: Verdict | Exception = error
            else:
                outcome = verdict
                if not verdict.allowed:
                    self.refusal = verdict
                    if any(self._queues):
                        self._timer = self._clock.callLater(max(verdict.retry_after, SOONEST), self._serve)
                        return
                    break
            first = next((next(iter(queue)) for queue in reversed(self._queues) if queue), None)
            if first is not None:
                first.end(outcome)
        self._over()


class Waiter:
    """A request that waits.

    Attributes:
        priority: Its route's.
        verdict: Fires with the verdict of the limits on it.
        timer: Runs while the request waits.
    """

    __slots__ = ("_left", "_line", "priority", "timer", "verdict")

    def __init__(self, line: Line, priority: Priority, left: Callable[[Waiter], None]) -> None:
        self.priority = priority
        self.verdict: Deferred[Verdict] = Deferred(lambda _: self._leave())
        self.timer: Any = None
        self._line = line
        self._left = left

    def give_up(self) -> None:
        """Refuse the request: it has waited for its timeout, or made room for another."""
        self._leave()
        self.verdict.callback(self._line.refusal)

    def end(self, outcome: Verdict | Exception) -> None:
        """Let the request go on with the verdict, or fail with the error, that its turn brought."""
        self._leave()
        if isinstance(outcome, Exception):
            self.verdict.errback(outcome)
        else:
            self.verdict.callback(outcome)

    def _leave(self) -> None:
        if self.timer.active():
            self.timer.cancel()
        self._left(self)
        self._line.leave(self)
