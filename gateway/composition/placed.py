"""The values in force and where each was written, kept packed: thousands of routes have a hundred thousand of them.

Tests: `tests/admin/test_origins.py`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from twisted.internet.defer import DeferredLock

from gateway.composition.made import Made
from gateway.config import Settings
from gateway.config.origins import DEFAULT, Value


class Placed:
    """Values of one configuration.

    Args:
        values: All of them.
    """

    def __init__(self, values: Iterable[Value]) -> None:
        self._packed = zlib.compress("\n".join(json.dumps(value) for value in values).encode(), 1)

    def part(self, search: str, start: int, end: int, written: bool) -> dict[str, Any]:
        """Return some of those in which a text is found.

        Args:
            search: In any letters; empty for all.
            start: Which is the first.
            end: Which is the first after them.
            written: Leave out what nobody wrote.
        """
        word = search.lower()
        default = json.dumps(["", DEFAULT])[4:]  # as the end of a line
        lines = [
            line
            for line in zlib.decompress(self._packed).decode().split("\n")
            if line and not (written and line.endswith(default)) and (not word or word in _read(line))
        ]
        some = [Value(*json.loads(line))._asdict() for line in lines[start:end]]
        return {"total": len(lines), "from": start, "values": some}


class Looks:
    """Looks at the values of whichever configuration is in force.

    Args:
        place: Finds where the values of one were written.
    """

    def __init__(self, place: Callable[[Made], Placed]) -> None:
        self._place = place
        self._known: tuple[Settings, Placed] | None = None
        self._one_at_a_time = DeferredLock()

    async def part(
        self, made: Made, beside: Callable[..., Awaitable[Any]], wanted: tuple[str, int, int, bool]
    ) -> dict[str, Any]:
        """Return some of the values.

        Args:
            made: What is in force.
            beside: Calls something, in a thread where it is for much.
            wanted: What `Placed.part` is asked.
        """
        # Of thousands of routes the first look takes seconds, and those that wait for it find what it made.
        async with self._one_at_a_time:
            if self._known is None or self._known[0] is not made.settings:
                self._known = made.settings, await beside(self._place, made)
            found: dict[str, Any] = await beside(self._known[1].part, *wanted)
            return found


def _read(line: str) -> str:
    # As it is written where nothing in it is escaped, which is quicker.
    return " ".join(json.loads(line)).lower() if "\\" in line else line.lower()
