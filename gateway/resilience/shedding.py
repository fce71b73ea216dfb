"""When to turn exchanges away because the gateway itself is short of time or memory.

Layer 2: decides only. Told a few times a second how late the event loop is and
how much memory is in use; asked before each exchange but those of the health
paths, which are always answered.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.resilience.admission import Priority

MARKS = {Priority.LOW: 0.75, Priority.NORMAL: 1.0, Priority.HIGH: 1.5}
"""Past which part of a mark a priority is shed: what matters least goes before the mark is reached, what matters most
stays for half of it beyond."""

RELIEF = 0.8
"""A priority is let in again below this part of the figure at which it was shed: with one figure for both it would be
shed and let in by turns."""

OnChange = Callable[[int, int, str], None]
"""Called after a change with the old level, the new one, and the cause in words."""


class StandingLag:
    """Lateness that lasts: a single pause (a garbage collection, say) is over when it is known, and no overload."""

    __slots__ = ("_before", "_lag")

    def __init__(self) -> None:
        self._before = self._lag = 0.0

    def observe(self, worst: float) -> float:
        """Take the worst lateness of a period and return what stands.

        It takes two late periods to rise, and falls by half with each that is not: what was turned away does not come
        back all at once.
        """
        self._lag = max(min(worst, self._before), self._lag / 2.0)
        self._before = worst
        return self._lag


class Shedder:
    """Sheds by priority, with hysteresis.

    Args:
        loop_lag_mark: `limits.loop_lag` in seconds; 0: not a reason.
        memory_mark: `limits.memory` in bytes; 0: not a reason.
        on_change: Hears of every change.

    Attributes:
        level: How many of the priorities are shed, from the lowest.
        by: What it came to this by: `loop_lag` or `memory`.
        cause: The same, in words.
    """

    __slots__ = ("_loop_lag_mark", "_memory_mark", "_on_change", "by", "cause", "level")

    def __init__(self, loop_lag_mark: float = 0.0, memory_mark: int = 0, on_change: OnChange | None = None) -> None:
        self._loop_lag_mark = loop_lag_mark
        self._memory_mark = memory_mark
        self._on_change = on_change
        self.level = 0
        self.by = self.cause = ""

    def observe(self, lag: float, memory: int) -> None:
        """Take a measurement.

        Args:
            lag: Seconds by which the event loop is late (`StandingLag`).
            memory: Bytes resident.
        """
        late = lag / self._loop_lag_mark if self._loop_lag_mark else 0.0
        full = memory / self._memory_mark if self._memory_mark else 0.0
        load = max(late, full)
        begins = sum([load > mark for mark in MARKS.values()])
        ends = sum([load > mark * RELIEF for mark in MARKS.values()])
        level = max(begins, min(self.level, ends))
        if level == self.level:
            return
        old, self.level = self.level, level
        self.by = "loop_lag" if late >= full else "memory"
        self.cause = f"loop lag {lag * 1000:.0f} ms" if late >= full else f"memory {memory / 2**20:.0f} MiB"
        if self._on_change is not None:
            self._on_change(old, level, self.cause)
