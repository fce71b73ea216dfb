"""A clock that jumps to what is next, with as many calls waiting as there are requests in flight.

Twisted's own `Clock` sorts all its calls whenever one is added: with a thousand of them that costs more than the
request that each is for. Here they are in a heap.

Tests: `tests/simulation/test_clock.py`.
"""

# mypy: allow-untyped-calls, allow-untyped-defs, disable-error-code="misc"
# (Twisted's clock for tests is untyped.)

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any, Final

from twisted.internet.base import DelayedCall
from twisted.internet.task import Clock

TICK: Final = 1e-6
"""Seconds until a call is due that was asked for at once.

On a real clock time goes on between two calls. Where it does not, a timer that asks for what rounding has left of its
time (a part of a nanosecond, which added to a million seconds is nothing) is due again at the same time, for ever.
"""


class JumpingClock(Clock):
    """Time that is set, and calls that are due then (`IReactorTime`)."""

    def __init__(self) -> None:
        super().__init__()
        self._heap: list[tuple[float, int, DelayedCall]] = []
        self._numbers = count()

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> DelayedCall:  # noqa: A002  # the interface's
        """Call later; calls of the same time in the order in which they were asked for."""
        call = DelayedCall(self.rightNow + max(delay, TICK), callable, args, kw, self._forget, self._push, self.seconds)
        self._push(call)
        return call

    def getDelayedCalls(self) -> list[DelayedCall]:
        """Return what is still to be called."""
        return [call for call in dict.fromkeys(entry[2] for entry in self._heap) if call.active()]

    @property
    def next(self) -> float:
        """When something is due; infinity for never."""
        heap = self._heap
        while heap:
            at, _, call = heap[0]
            if call.active() and call.getTime() <= at:
                return at
            heappop(heap)
            if call.active():
                self._push(call)  # it was put off
        return inf

    def advance(self, amount: float) -> None:
        """Let time pass, and call what is due, each at its time."""
        self.jump(self.rightNow + amount)

    def jump(self, to: float) -> None:
        """Let it be a later time, and call what is due until then, each at its time."""
        while (due := self.next) <= to:
            call = heappop(self._heap)[2]
            self.rightNow = max(self.rightNow, due)
            call.called = 1
            call.func(*call.args, **call.kw)
        self.rightNow = max(self.rightNow, to)

    def _push(self, call: DelayedCall) -> None:
        """Take a call, or one that is due sooner than it was: its other entry is left, and is passed over."""
        heappush(self._heap, (call.getTime(), next(self._numbers), call))

    def _forget(self, call: DelayedCall) -> Any:
        """A call was cancelled: its entry is passed over when its time comes."""
