"""What went wrong in a plugin: counted each time, logged once a minute, and noted on the exchange.

Made with the plugin, and kept as long: another configuration of it begins to log anew.
"""

from __future__ import annotations

from collections.abc import Callable
from traceback import format_tb
from typing import Any

from twisted.python.failure import Failure

from gateway.config import foreign
from gateway.exchange import Exchange

QUIET = 60.0
"""Seconds between two log lines about the same kind of fault."""

MOST = 64
"""Kinds of faults that are remembered for that: classes of exceptions can be made without end."""

TIMEOUT = "timeout"
"""What is noted of a plugin that took too long."""


class TookTooLong(Exception):
    """A plugin did not answer within its `timeout`."""


class WrongAnswer(Exception):
    """A plugin returned, or left in the exchange, what no hook may; that part was not taken."""


class Masked(Exception):
    """What a plugin raised quotes its configuration, or cannot be shown: its traceback, as far as it can be."""


class Faults:
    """Takes the faults of one plugin.

    Args:
        name: What the configuration calls the plugin.
        count: Counts a fault: the plugin's name and the hook.
        count_blocked: Likewise, that the plugin held the reactor.
        now: Monotonic seconds.
        log: Of the plugin.
        config: Of the plugin: what is not shown of what it raises.
    """

    __slots__ = ("_config", "_count", "_count_blocked", "_log", "_now", "_told", "name")

    def __init__(
        self,
        name: str,
        count: Callable[[str, str], object],
        count_blocked: Callable[[str, str], object],
        now: Callable[[], float],
        log: Any,
        config: object = None,
    ) -> None:
        self._config = config
        self.name = name
        self._count = count
        self._count_blocked = count_blocked
        self._now = now
        self._log = log
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def failed(self, exchange: Exchange | None, hook: str, failure: Failure) -> None:
        """Take a fault.

        Args:
            exchange: What the plugin was doing; None where that is over.
            hook: `on_request`, `on_response` or `on_finish`.
            failure: What it raised.
        """
        error: Any = failure.value
        cause = TIMEOUT if failure.type is TookTooLong else foreign.name_of(error)
        self._count(self.name, hook)
        if exchange is not None:
            exchange.plugin_failed(self.name, hook, cause)
        again = self._again(hook, cause)
        if again is not None:
            self._log.failure(
                "Plugin {plugin} failed in {hook} for request {request_id}: {cause}{more}",
                self._shown(failure),
                plugin=self.name,
                hook=hook,
                request_id="" if exchange is None else exchange.request_id,
                cause=cause,
                more=again,
                event="plugin.failed",
            )

    def words(self, error: BaseException) -> str:
        """Say in one line what the plugin raised."""
        return foreign.words(error, self._config)

    def _shown(self, failure: Failure) -> Failure:
        error: Any = failure.value
        try:
            said = failure.getTraceback()
        except BaseException:  # noqa: BLE001 - the name of its class is theirs too, and every observer would ask for it
            said = ""
        shown = foreign.masked(said, self._config)
        if shown and shown == said:
            return failure
        if not shown:
            frames = "".join(format_tb(failure.getTracebackObject()))
            shown = f"{foreign.masked(frames, self._config)}{self.words(error)}"
        return Failure(Masked(f"\n{shown}"))

    def blocked(self, exchange: Exchange, hook: str, seconds: float) -> None:
        """Take note that the plugin held the reactor."""
        self._count_blocked(self.name, hook)
        again = self._again(hook, "blocked")
        if again is not None:
            self._log.warn(
                "Plugin {plugin} held the reactor for {seconds:.3f} s in {hook}, for request {request_id}: every other "
                "exchange waited{more}",
                plugin=self.name,
                hook=hook,
                seconds=seconds,
                request_id=exchange.request_id,
                more=again,
                event="plugin.blocked",
            )

    def _again(self, hook: str, cause: str) -> str | None:
        """Return the end of a log line; None where there is to be none."""
        now = self._now()
        key = hook, cause
        told = self._told.get(key)
        if told is None:
            if len(self._told) >= MOST:
                self._told.clear()
            self._told[key] = now, 0
            return ""
        since, more = told
        if now - since < QUIET:
            self._told[key] = since, more + 1
            return None
        self._told[key] = now, 0
        return f" ({more} more since the last line of this kind)" if more else ""
