"""One plugin, from its start to its end: a service that is carried from configuration to configuration.

# Note [The life of a plugin]
*Made*: the class was called, nothing has begun. *Started*: `start` has been called; a configuration comes into force
only when that has ended well (`gateway.composition.carried.Prepared`), so no exchange meets a plugin that is not ready,
except at the start of the process: there the ports are open before the reactor runs, and exchanges wait.
*Let go*: no configuration in force has the plugin any more. Exchanges that began before still have it, so it is stopped
when the last of them is over, or has taken `LONGEST`. *Stopped*: `stop` has been called, and has `LONGEST` to end.

Tests: `tests/flow/test_plugin_life.py::test_what_is_the_same_is_carried_over`.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.python.failure import Failure

from gateway.composition.builders.plugin_services import PluginServices
from gateway.config import foreign
from gateway.middleware.plugin_faults import Faults
from gateway.middleware.plugin_running import Inside
from gateway.middleware.plugin_waiting import waits

LONGEST = 30.0
"""Seconds that exchanges may go on with a plugin that was let go, and that `start` and `stop` have."""


class Ended(Exception):
    """What `start` or `stop` raised would have ended the process.

    Attributes:
        raised: It.
    """

    def __init__(self, raised: BaseException) -> None:
        super().__init__(foreign.words(raised))
        self.raised = raised


class PluginHost(Service):
    """Starts and stops a plugin.

    Args:
        plugin: The author's object.
        faults: Takes what goes wrong in its hooks.
        services: What it gets.
        wrong: Makes the error that keeps a configuration from coming into force.
        reactor: For the timers.

    Attributes:
        plugin: As given.
        faults: As given.
        wrong: As given.
        inside: The exchanges that it has to do with; None where it has no `stop`, and nobody waits for them.
    """

    def __init__(
        self,
        plugin: Any,
        faults: Faults,
        services: PluginServices,
        wrong: Callable[[str], Exception],
        reactor: Any,
    ) -> None:
        self.plugin = plugin
        self.faults = faults
        # Looked up once, where what the plugin has against it refuses the configuration.
        self._start = getattr(plugin, "start", None)
        self._stop = getattr(plugin, "stop", None)
        self.inside = Inside() if self._stop is not None else None
        self._services = services
        self.wrong = wrong
        self._reactor = reactor
        self._starting: Deferred[None] | None = None

    @property
    def ready(self) -> Deferred[None] | None:
        """Fires when `start` has ended; None where it has."""
        starting = self._starting
        if starting is None or starting.called:
            return None
        waiting: Deferred[None] = Deferred()

        def pass_on(result: Any) -> Any:
            waiting.callback(None)
            return result

        starting.addBoth(pass_on)
        return waiting

    def prepare(self) -> Deferred[None]:
        """See `gateway.composition.carried.Prepared`."""
        super().startService()
        if self._start is None:
            return succeed(None)
        self._starting = starting = ensureDeferred(self._call(self._start, self._services))
        starting.addErrback(self._refuse)
        return starting

    def startService(self) -> None:
        """Start with the process.

        Raises:
            gateway.config.ConfigError: It failed at once.
        """
        starting = self.prepare()
        failures: list[Failure] = []
        starting.addErrback(failures.append)
        if failures:
            failures[0].raiseException()
        starting.addCallback(lambda _: self._end(failures))

    def stopService(self) -> Deferred[None]:
        """Stop when no exchange has to do with it any more."""
        super().stopService()
        return ensureDeferred(self._end_of_it())

    async def _end_of_it(self) -> None:
        inside = self.inside
        if inside is not None and inside.exchanges:
            left: Deferred[None] = Deferred()
            inside.left = lambda: left.callback(None)
            await left.addTimeout(LONGEST, self._reactor, lambda _result, _timeout: None)
            inside.left = None
        if self._stop is not None:
            try:
                await self._call(self._stop)
            except Exception:  # noqa: BLE001 - it is over in any case
                self.faults.failed(None, "stop", Failure())
        closing = self._services.close()
        if closing is not None:
            await closing

    async def _call(self, method: Callable[..., Any], *arguments: Any) -> None:
        """Call a method, and wait for what it returns; whatever it raises is an `Exception`."""
        try:
            answer = method(*arguments)
            if waits(answer):
                waiting: Deferred[Any] = ensureDeferred(_await(answer))
                await waiting.addTimeout(LONGEST, self._reactor)
        except Exception:
            raise
        except BaseException as error:
            raise Ended(error) from error

    def _refuse(self, failure: Failure) -> None:
        super().stopService()  # it is not stopped: it has not begun
        self._services.close()
        error: Any = failure.value
        error = error.raised if isinstance(error, Ended) else error
        raise self.wrong(f"it did not start: {self.faults.words(error)}") from error

    def _end(self, failures: list[Failure]) -> None:
        """Stop the process where a plugin fails after the ports are open: its configuration is not to be in force."""
        if failures:
            self.faults.failed(None, "start", failures[0])
            stop = getattr(self._reactor, "stop", None)
            if stop is not None:  # a clock has none
                stop()
                # twistd ends with 0 whatever stopped the reactor, and who restarts what has failed would not.
                atexit.register(os._exit, 1)


async def _await(answer: Any) -> Any:
    return await answer
