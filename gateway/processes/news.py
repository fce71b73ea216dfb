"""What workers tell each other through their parent: orders about credentials, purges, results of checks, members.

# Note [What stands]
News with a key stands until other news of the same kind and key replaces it, or its time has come. The parent keeps
what stands, and tells it to a worker that comes later, before that one serves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final

from twisted.logger import Logger

MOST: Final = 100_000
"""News of one kind that stand; the oldest is forgotten first."""

NEWS: Final = "news"
"""The kind of the channel's messages: `[kind, key, body, until]`."""

_log = Logger()

News = tuple[str, str, Any, "float | None"]


class Standing:
    """What stands.

    Args:
        wall_clock: Unix seconds.
    """

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._news: dict[str, OrderedDict[str, tuple[Any, float | None]]] = {}

    def add(self, kind: str, key: str, body: Any, until: float | None) -> None:
        """Keep news that has a key."""
        if not key:
            return
        kept = self._news.setdefault(kind, OrderedDict())
        kept.pop(key, None)
        kept[key] = (body, until)
        now = self._wall_clock()
        # Two for each that comes, so that what is over goes, and no message pays for many.
        for _ in range(2):
            oldest = next(iter(kept))
            ends = kept[oldest][1]
            if len(kept) <= MOST and (ends is None or ends > now):
                break
            del kept[oldest]
            if not kept:
                break

    def take(self, kind: str) -> Iterator[Any]:
        """Walk what stands of a kind, and keep it no more: who hears it keeps it."""
        for body, _ in self._news.pop(kind, OrderedDict()).values():
            yield body

    def all(self) -> list[News]:
        """Return everything that stands."""
        now = self._wall_clock()
        return [
            (kind, key, body, until)
            for kind, kept in self._news.items()
            for key, (body, until) in kept.items()
            if until is None or until > now
        ]


class Hearers:
    """Hands news to who hears it in one worker.

    Args:
        wall_clock: Unix seconds.
    """

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._hearers: dict[str, Callable[[Any], object]] = {}
        self._standing = Standing(wall_clock)

    def hear(self, kind: str, call: Callable[[Any], object]) -> None:
        """Call with news of a kind, in place of who was called so far; at once with what stands."""
        self._hearers[kind] = call
        for body in list(self._standing.take(kind)):
            self._call(kind, body)

    def heard(self, news: News) -> None:
        """News came."""
        kind, key, body, until = news
        if kind in self._hearers:
            self._call(kind, body)
        else:
            self._standing.add(kind, key, body, until)

    def _call(self, kind: str, body: Any) -> None:
        try:
            self._hearers[kind](body)
        except Exception:  # noqa: BLE001 - one order that cannot be obeyed must not keep the next from being heard
            _log.failure("What another worker said ({kind}) was not followed", kind=kind)
