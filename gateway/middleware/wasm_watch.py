"""Ends hooks of WebAssembly modules that take longer than they may, from a thread: fuel counts instructions only.

Most instructions take a nanosecond; `memory.grow` takes a hundred of them, and costs as little fuel as they do.

Note [Two ticks]

A module is interrupted where its engine's epoch has passed the deadline of its store, two ticks after the hook began.
The thread that has just found a hook too long may find another one in its place when it counts the epoch on; that one
has a tick left, and the second tick comes only where the same hook still runs. So the thread needs no lock, and a hook
no more than two counters.

What counts is the time of the processor: a process that has to wait for one is not the fault of a module.

Tests: `tests/middleware/test_wasm_watch.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

TICK: Final = 0.01
"""Seconds between two looks while hooks run."""

IDLE: Final = 500
"""Looks without a hook after which the thread ends; the next hook makes another."""

TICKS: Final = 2
"""Deadline of a store, in ticks of its engine's epoch: Note [Two ticks]."""


class Watch:
    """Knows which hook runs, and for how long.

    Args:
        sleep: Waits for some seconds, in the thread.
    """

    __slots__ = ("_awake", "_engine", "_longest", "_number", "_sleep")

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._engine: Any = None
        self._longest = 0.0
        self._number = 0
        self._awake = False

    def begin(self, engine: Any, longest: float) -> tuple[Any, float]:
        """A hook of a module begins; returns what `end` takes.

        Args:
            engine: What runs it.
            longest: Seconds of the processor that it may take.
        """
        before = self._engine, self._longest
        self._engine, self._longest = engine, longest
        self._number += 1
        if not self._awake:
            self._awake = True
            clock = _clock_of(threading.get_ident())
            threading.Thread(target=self.look, args=(clock,), name="wasm-watch", daemon=True).start()
        return before

    def end(self, before: tuple[Any, float]) -> None:
        """It has ended."""
        self._number += 1
        self._engine, self._longest = before

    def look(self, clock: Callable[[], float]) -> None:
        """Look at hooks until there are none for a while; runs in the thread.

        Args:
            clock: Seconds of the processor that the thread of the hooks has had.
        """
        idle, number, since = 0, -1, 0.0
        while idle < IDLE:
            self._sleep(TICK)
            engine = self._engine
            if engine is None:
                idle += 1
                continue
            idle = 0
            if self._number != number:
                number, since = self._number, clock()
            elif clock() - since >= self._longest - TICK:
                engine.increment_epoch()
        self._awake = False


watch: Final = Watch()
"""Of this process: modules run one at a time, in the reactor's thread."""


def _clock_of(thread: int) -> Callable[[], float]:
    """Return a clock of the processor's time that a thread has had; of all time, where the system has none."""
    try:
        which = time.pthread_getcpuclockid(thread)
    except (AttributeError, OSError):
        return time.monotonic
    return lambda: time.clock_gettime(which)
