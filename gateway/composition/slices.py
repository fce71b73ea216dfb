"""Long work in slices, between which the reactor turns.

What is counted is work, not time: a slice ends at the same place on every machine, and in every test.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred

SLICE: Final = 3000
"""Work after which the reactor turns: about 3 ms."""

ROUTE: Final = 250
"""Work of compiling a route: its steps are made."""

RULE: Final = 10
"""Work of putting a rule into a table."""

EDIT: Final = 50
"""Work of making a table of another that has a rule more or less."""

LOOK: Final = 2
"""Work of looking at a thing: whether it is the same as before."""


class Slices:
    """Counts work, and waits a turn of the reactor when there was enough of it.

    Args:
        clock: Whose turn is waited for; None where all is done at once: at the start there is nobody to wait.

    Attributes:
        longest: Most work in a slice so far.
        count: Slices so far, without the last.
    """

    def __init__(self, clock: Any = None) -> None:
        self._clock = clock
        self._done = 0
        self.longest = 0
        self.count = 0

    async def did(self, work: int) -> None:
        """Work was done; perhaps wait a turn."""
        self._done += work
        self.longest = max(self.longest, self._done)
        if self._done >= SLICE and self._clock is not None:
            turn: Deferred[None] = Deferred()
            self._clock.callLater(0, turn.callback, None)
            await turn
            self._done = 0
            self.count += 1


def at_once(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing; returns what it returns."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("it waits for something")
