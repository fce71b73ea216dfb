"""Python's collector, which must not look at all that is built for a change.

Note [The collector and a change]

Of a change of what holds for all of 5,000 routes there are half a million new objects. The collector looks at all of
them, several times while they are made and again and again afterwards, and the gateway stands still for as long: 0.1 to
0.2 s each time. So it rests while a change is made, and what was built is frozen: it is not looked at again. It is
freed all the same when nobody has it any more: next to nothing of what is built for a configuration is in cycles
(`tests/composition/test_collecting.py` knows what is: pools of backends, and caches). What is in cycles would stay for
good; so when memory has grown by half since it was last looked through, it is looked through once, after a change.

Tests: `tests/composition/test_collecting.py::test_what_is_built_goes_without_the_collector`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from gateway.composition.slices import Slices

MANY: Final = 20_000
"""New objects that the collector looks at in a millisecond or two: more are frozen."""

FREED: Final = 30
"""Work of freeing what was built for a route."""

GROWN: Final = 1.5
"""How much larger the process is when all is looked through again."""


class Collector:
    """Python's collector while a gateway changes.

    Args:
        resident: Returns how much memory the process has.
    """

    def __init__(self, resident: Callable[[], float]) -> None:
        self._resident = resident
        self._least = 0.0
        self._frozen = False

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Keep it from working while a change is made."""
        works = gc.isenabled()
        gc.collect(0)  # what is young, and not of the change
        gc.disable()
        self._frozen = False
        try:
            yield
        finally:
            if self._frozen:
                self._look_through()
            if works:
                gc.enable()
                _catch_up()

    def keep(self) -> None:
        """Freeze what was built, where it is much; called before what it takes the place of is freed."""
        if gc.get_count()[0] > MANY:
            gc.freeze()
            self._frozen = True

    def _look_through(self) -> None:
        resident = self._resident()
        if not self._least:
            self._least = resident
        elif resident > GROWN * self._least:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._least = self._resident()


def _catch_up() -> None:
    """Let Python collect what it would have collected by now.

    It looks at the older generations only when so many objects are young; each change begins that count anew. Of a
    thousand changes in a minute all connections that had ended meanwhile were still there.
    """
    thresholds = gc.get_threshold()
    if gc.get_count()[1] > thresholds[1] > 0:
        gc.set_threshold(1, *thresholds[1:])
        # With the next object that is made Python decides how far it looks. Sets: lists come from a stock, uncounted.
        young = [set[object]() for _ in range(3)]
        gc.set_threshold(*thresholds)
        del young


async def let_go(things: list[object], slices: Slices) -> None:
    """Let go of many things that nobody else has; freed all at once, those of thousands of routes take too long."""
    while things:
        things.pop()
        await slices.did(FREED)
