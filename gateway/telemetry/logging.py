"""The application log: what the gateway has to say about itself, on top of `twisted.logger`.

Lines for people on a terminal, JSON for machines. Levels are one object for
the process, as Twisted's log publisher is. Even an event that is filtered out
costs 4 µs: what would log for every request asks `Levels.allows` once, when a
configuration is built.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any

import orjson
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import implementer

_COLOURS = {"debug": "\x1b[2m", "warn": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}


INTERNAL = "internal.error"
"""The event (`gateway.telemetry.events`) of a record with a traceback and without an event of its own."""

_QUIET = {"log_legacy": "warn", "gateway.serving.site": "warn", "gateway.admin.service": "warn"}
"""Twisted tells of every factory that starts or stops, twice; the gateway says itself what it listens on."""


@implementer(ILogFilterPredicate)
class Levels:
    """Which events are let through: by the longest prefix of their namespace, as `LogLevelFilterPredicate` finds it."""

    def __init__(self) -> None:
        self.configure("info", {})

    def configure(self, level: str, levels: Mapping[str, str]) -> None:
        """Set the level of everything, and of namespaces with what is below them (`gateway.upstream`)."""
        chosen = LogLevelFilterPredicate(LogLevel.levelWithName(level))
        for namespace, name in {**_QUIET, **levels}.items():
            chosen.setLogLevelForNamespace(namespace, LogLevel.levelWithName(name))
        # One assignment: threads log too, and must not meet one that is half set.
        self._chosen = chosen

    def allows(self, namespace: str, level: str) -> bool:
        """Whether an event of this level would be written."""
        least = self._chosen.logLevelForNamespace(namespace)
        return bool(LogLevel.levelWithName(level) >= least)

    def __call__(self, event: LogEvent) -> Any:
        return self._chosen(event)


levels = Levels()
"""The levels of this process."""


def observer(
    stream: IO[Any], form: str = "text", chosen: Levels = levels, environ: Mapping[str, str] = os.environ
) -> ILogObserver:
    """Make the observer that writes the application log.

    Args:
        stream: A text stream; where it is a terminal, `text` has colours.
        form: `text` or `json`.
        chosen: Which events are written.
        environ: Where `NO_COLOR` is set there are no colours (no-color.org).
    """
    if form == "json":
        write = as_json
    elif stream.isatty() and not environ.get("NO_COLOR"):
        write = as_coloured_text
    else:
        write = as_text
    return FilteringLogObserver(FileLogObserver(stream, write), [chosen])


def as_text(event: LogEvent) -> str:
    """Write an event for people: time, level, where, what; further lines are set in."""
    level = _level(event)
    message = formatEvent(event) + _traceback(event)
    return f"{_time(event)} {level:8} {event.get('log_namespace', '-')}: {_printable(message)}\n"


def as_coloured_text(event: LogEvent) -> str:
    """Write an event for people at a terminal: its colour tells how bad it is."""
    colour = _COLOURS.get(_level(event))
    text = as_text(event)
    return f"{colour}{text[:-1]}\x1b[0m\n" if colour else text


def as_json(event: LogEvent) -> str:
    """Write an event for machines: one object a line, what the message was made from included."""
    record: dict[str, object] = {
        "timestamp": _time(event),
        "level": _level(event),
        "logger": event.get("log_namespace", ""),
        "message": formatEvent(event),
    }
    traceback = _traceback(event)
    if traceback:
        record["traceback"] = traceback.lstrip("\n")
        record["event"] = event.get("event", INTERNAL)
    for key, value in event.items():
        if not key.startswith("log_") and isinstance(value, (str, int, float, bool)):
            record.setdefault(key, value)
    try:
        return orjson.dumps(record).decode() + "\n"
    except TypeError:
        # A lone surrogate, or an integer of more than 64 bits: the message must come out all the same.
        return orjson.dumps({key: ascii(value) for key, value in record.items()}).decode() + "\n"


def _level(event: LogEvent) -> str:
    return str(event.get("log_level", LogLevel.info).name)


def _time(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return "" if failure is None else "\n" + failure.getTraceback().rstrip()


def _printable(text: str) -> str:
    # Names and messages may come from the network: nothing may look like a line of its own or reach the terminal.
    return "".join(c if c.isprintable() else "\n    " if c == "\n" else ascii(c)[1:-1] for c in text)
