"""What a start would fail on or warn of, found without starting: files that are named, endpoints that are described.

For `gateway check`. Everything is built as for a start, on a reactor that opens nothing.
"""

# mypy: allow-untyped-calls, disable-error-code="misc"
# (The reactor for tests is Twisted's own, and untyped.)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import provider

from gateway.composition.lifecycle import GatewayService
from gateway.config import ConfigError, Settings
from gateway.dialling.tls import TLSSettingsError
from gateway.listening.endpoints import words
from gateway.transport import descriptors

_INHERITED = ("systemd:", "fd:")
"""Endpoints that only the process which is started can open."""


class _Reactor(MemoryReactorClock):
    """Takes whatever it is asked to listen on, and looks at certificates as a listener would."""

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, *rest: Any, **named: Any) -> IListeningPort:  # noqa: N803  # the interface's
        contextFactory.getContext()
        listening: IListeningPort = super().listenSSL(port, factory, contextFactory, *rest, **named)
        return listening


def rehearse(settings: Settings, path: str) -> tuple[list[str], list[str]]:
    """Return what a gateway with these settings, read from `path`, would not start for, and what it would warn of."""
    warnings: list[str] = []

    @provider(ILogObserver)
    def hear(event: LogEvent) -> None:
        if event.get("log_level") is LogLevel.warn:
            warnings.append(formatEvent(event))

    globalLogPublisher.addObserver(hear)
    short = descriptors.shortage(settings.limits.connections, descriptors.limit(hard=True))
    # Of the default nothing is said: whoever checks is often on another machine than the one that runs.
    if short is not None and "connections" in settings.limits.model_fields_set:
        warnings.append(f"{short} (as far as it can be told from here)")
    try:
        return list(_rehearse(settings, path)), warnings
    finally:
        globalLogPublisher.removeObserver(hear)


def _rehearse(settings: Settings, path: str) -> Iterator[str]:
    reactor = _Reactor()
    try:
        GatewayService(settings, reactor)
    except ConfigError as error:
        yield from map(str, error.problems)
    except TLSSettingsError as error:
        yield f"{path}: {error}"
    for endpoint in (*(listener.endpoint for listener in settings.listeners), settings.admin.endpoint):
        if not endpoint.startswith(_INHERITED):
            yield from (
                f"{path}: cannot listen on {endpoint}: {words(error)}" for error in _failures(reactor, endpoint)
            )


def _failures(reactor: _Reactor, endpoint: str) -> list[Exception]:
    failures: list[Exception] = []
    try:
        listening = serverFromString(reactor, endpoint).listen(Factory())
        listening.addErrback(lambda failure: failures.append(failure.value))
    except Exception as error:  # noqa: BLE001  # whatever a parser or its plugin has against the string
        failures.append(error)
    return failures
