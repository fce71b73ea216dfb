"""`GET /exchanges` and what is below it, of all workers: each answers for what failed in it.

A worker asks the parent, which asks all workers: for the list, or for one by its name.

Tests: `tests/processes/test_share.py::test_failed_exchanges_are_shown_of_all_workers`.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from gateway.composition.failures import LastFailures

EXCHANGES: Final = "exchanges"
"""The kind of the question: None for the list, the request id for one. A worker answers with a list of what it has."""


class Channel(Protocol):
    """To the parent (`gateway.processes.channel.Channel`)."""

    def ask(self, kind: str, body: Any = None, /) -> Deferred[Any]: ...


def answer(failures: LastFailures, name: str | None) -> list[dict[str, Any]]:
    """Answer for one worker."""
    if name is None:
        return failures.summaries()
    found = failures.find(name)
    return [] if found is None else [found]


def ask_for_all(channel: Channel) -> Deferred[list[dict[str, Any]]]:
    """Return the last that failed anywhere, the newest first."""
    return channel.ask(EXCHANGES).addCallback(_merged)


def ask_for_one(channel: Channel, name: str) -> Deferred[dict[str, Any] | None]:
    """Return all that is known of one, wherever it failed; of several of a name the newest."""

    def newest(views: list[list[dict[str, Any]]]) -> dict[str, Any] | None:
        found = [one for view in views for one in view]
        return max(found, key=lambda one: str(one["time"]), default=None)

    return channel.ask(EXCHANGES, name).addCallback(newest)


def _merged(views: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    from gateway.telemetry.failures import merged  # loaded with the first that fails, or that is asked for

    return merged(views)
