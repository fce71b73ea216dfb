"""What keeps a gateway from starting, in the words and with the exit code that it ends with."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.config import Settings
from gateway.config.nodes import MapNode
from gateway.config.texts import without_credentials
from gateway.config.written import find_places
from gateway.listening.endpoints import ListenFailed


class StartError(SystemExit, Exception):
    """The gateway cannot start; the words say why, and the exit code is 1.

    In the foreground nobody catches it, and Python prints its words. In the
    background twistd's child tells its waiting parent of an `Exception`, and of
    nothing else: the parent would wait for ever. Of what it tells, the name of
    the class and the words, it shows a hundred octets: so the name is short, by
    a module that Python leaves out.
    """

    __module__ = "builtins"


def now(
    opening: Coroutine[Deferred[Any], Any, None], settings: Settings, written: Callable[[Settings], MapNode | None]
) -> None:
    """Run a coroutine that opens ports and must be done at once: they are bound without waiting.

    Args:
        opening: Opens them.
        settings: Those whose ports they are.
        written: Returns what settings were made from (`gateway.composition.configured.Configured.tree`).

    Raises:
        StartError: One cannot be opened.
    """
    failures: list[Failure] = []
    Deferred.fromCoroutine(opening).addErrback(failures.append)
    if failures:
        error = failures[0].value
        if isinstance(error, ListenFailed):
            find_places(error, written(settings), settings)
            raise StartError(_in_words(error))
        failures[0].raiseException()


def _in_words(error: ListenFailed) -> str:
    """Say first what is wrong: of what twistd's child tells its waiting parent, a hundred octets are shown."""
    where = [str(error.at)] * (error.at is not None) + [error.path] * bool(error.path)
    behind = f" ({': '.join(where)})" if where else ""
    return f"gateway: cannot listen on {without_credentials(error.endpoint)}: {error.words}{behind}"
