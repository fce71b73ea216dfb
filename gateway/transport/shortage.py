"""One line a minute about clients that cannot be taken, in place of two for each of them.

The ports (`gateway.transport.port`) log by this. Out of descriptors, Twisted's port says so for each turn and each
client that it closes: a flood of clients is then a flood of lines, which fills a disk when the machine is worst off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger, globalLogPublisher

EVERY = 60.0
"""Seconds between two lines."""

_NAMESPACE = "gateway.transport.port"

_BEGUN = "EMFILE encountered"
_CLOSED = "EMFILE recovery: Closed socket"
_OVER = "Re-reserving EMFILE"
_REFUSED = "Could not accept new connection"


class Sparingly:
    """A log observer that sums up what a port says of its shortage, and passes everything else on.

    Args:
        publish: Where lines go.
    """

    def __init__(self, publish: Callable[[Any], None] = globalLogPublisher) -> None:
        self._publish = publish
        self._log = Logger(_NAMESPACE, observer=publish)  # type: ignore[arg-type]  # an observer is any callable
        self._turned_away = 0
        self._said = float("-inf")

    def __call__(self, event: dict[str, Any]) -> None:
        """Take an event of a port."""
        words = event.get("log_format") or ""
        if words.startswith(_CLOSED):
            self._turned_away += 1
        elif words.startswith((_OVER, _REFUSED)):
            self._say(event["log_time"], event.get("acceptError", "EMFILE"))
        elif not words.startswith(_BEGUN):
            self._publish(event)

    def _say(self, now: float, error: str) -> None:
        if now - self._said < EVERY:
            return
        self._said = now
        count, self._turned_away = self._turned_away, 0
        self._log.warn(
            "No room for more connections ({error}): {count} clients were turned away since this was said last. "
            "Raise the limit of open files (ulimit -n, LimitNOFILE=) or lower limits.connections",
            error=error,
            count=count,
            event="client.turned_away",
        )


PORT_LOGGER = Logger(_NAMESPACE, observer=Sparingly())  # type: ignore[arg-type]  # likewise
"""For all ports of the process: they share its descriptors."""
