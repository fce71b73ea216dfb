"""`GET /exchanges` and what is below it, of all workers: each answers for what failed in it.

A worker asks the parent, which asks all workers: for the list, or for one by its name. Where the parent does not answer
it shows what it knows itself, as it does of figures and upstreams.

Tests: `tests/processes/test_share.py::test_failed_exchanges_are_shown_of_all_workers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.composition.failures import LastFailures
from gateway.processes.channel import ChannelError

EXCHANGES: Final = "exchanges"
"""The kind of the question: None for the list, the request id for one. A worker answers with a list of what it has."""

Own = Callable[[str | None], list[dict[str, Any]]]
"""Answers for this worker."""

_log = Logger()


class Channel(Protocol):
    """To the parent (`gateway.processes.channel.Channel`)."""

    def ask(self, kind: str, body: Any = None, patience: float = ..., /) -> Deferred[Any]: ...


def answer(failures: LastFailures, name: str | None) -> list[dict[str, Any]]:
    """Answer for one worker."""
    if name is None:
        return failures.summaries()
    found = failures.find(name)
    return [] if found is None else [found]


def ask_for_all(channel: Channel, own: Own, patience: float) -> Deferred[list[dict[str, Any]]]:
    """Return the last that failed anywhere, the newest first."""
    return _ask(channel, None, own, patience).addCallback(_merged)


def ask_for_one(channel: Channel, name: str, own: Own, patience: float) -> Deferred[dict[str, Any] | None]:
    """Return all that is known of one, wherever it failed; of several of a name the newest."""

    def newest(views: list[list[dict[str, Any]]]) -> dict[str, Any] | None:
        found = [one for view in views for one in view]
        return max(found, key=lambda one: str(one["time"]), default=None)

    return _ask(channel, name, own, patience).addCallback(newest)


def _ask(channel: Channel, name: str | None, own: Own, patience: float) -> Deferred[list[list[dict[str, Any]]]]:
    def unanswered(failure: Failure) -> list[list[dict[str, Any]]]:
        failure.trap(ChannelError)
        _log.warn("The parent process says nothing of the other workers: these failures are as one knows them")
        return [own(name)]

    return channel.ask(EXCHANGES, name, patience).addErrback(unanswered)


def _merged(views: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    from gateway.telemetry.failures import merged  # loaded with the first that fails, or that is asked for

    return merged(views)
