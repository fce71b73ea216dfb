"""Which plugin has the reactor, and which exchanges a plugin has to do with.

Tests: `tests/flow/test_plugin_life.py::test_a_plugin_is_stopped_when_its_last_exchange_is_over`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.exchange import Exchange


class Running:
    """Which plugin has the reactor now; one for all, asked by who watches from another thread.

    Attributes:
        plugin: Its name and hook; empty for none.
        since: Monotonic seconds.
    """

    __slots__ = ("hook", "plugin", "since")

    def __init__(self) -> None:
        self.plugin = ""
        self.hook = ""
        self.since = 0.0


class Inside:
    """The exchanges that a plugin may still be asked about.

    Attributes:
        exchanges: All of them.
        left: Called when there is none any more; None while nobody waits for that.
    """

    __slots__ = ("exchanges", "left")

    def __init__(self) -> None:
        self.exchanges: set[Exchange] = set()
        self.left: Callable[[], None] | None = None

    def discard(self, exchange: Exchange) -> None:
        """Take note that an exchange is over."""
        self.exchanges.discard(exchange)
        if self.left is not None and not self.exchanges:
            left, self.left = self.left, None
            left()
