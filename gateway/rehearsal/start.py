"""What a start would fail on or warn of, found without starting: files that are missing, endpoints that are wrong.

For `gateway check`. Everything is built as for a start, in memory; endpoints are tried on a reactor that opens
nothing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import provider

from gateway.config import ConfigError, Settings
from gateway.config.loading import Loaded
from gateway.config.nodes import MapNode
from gateway.config.written import find_places
from gateway.listening.endpoints import ListenFailed, words
from gateway.memory.gateway import MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.memory.reactor import MemoryReactor
from gateway.transport import descriptors

_INHERITED = ("systemd:", "fd:")
"""Endpoints that only the process which is started can open."""


def rehearse(loaded: Loaded) -> tuple[list[str], list[str]]:
    """Return what a gateway with these settings would not start for, and what it would warn of."""
    settings = loaded.settings
    warnings: list[str] = []

    @provider(ILogObserver)
    def hear(event: LogEvent) -> None:
        if event.get("log_level") is LogLevel.warn:
            warnings.append(formatEvent(event))

    globalLogPublisher.addObserver(hear)
    short = descriptors.shortage(settings.limits.connections, descriptors.limit(hard=True))
    # The default is not warned of: `gateway check` often runs on another machine, with another limit, than the gateway.
    if short is not None and "connections" in settings.limits.model_fields_set:
        warnings.append(f"{short} (as far as it can be told from here)")
    try:
        return list(_rehearse(settings, loaded.root)), warnings
    finally:
        globalLogPublisher.removeObserver(hear)


def _rehearse(settings: Settings, root: MapNode) -> Iterator[str]:
    try:
        # The wall clock is the real one: certificates and keys are judged by it.
        MemoryGateway(settings, MemoryNetwork(virtual_clock()), random.Random(), time.time)  # noqa: S311  # no secret stays
    except ConfigError as error:
        find_places(error, root, settings)
        yield from map(str, error.problems)
    reactor = MemoryReactor()
    for endpoint in (*(listener.endpoint for listener in settings.listeners), settings.admin.endpoint):
        if not endpoint.startswith(_INHERITED):
            for failure in _failures(reactor, endpoint):
                found = ListenFailed(endpoint, words(failure))
                find_places(found, root, settings)
                yield str(found)


def _failures(reactor: MemoryReactor, endpoint: str) -> list[Exception]:
    failures: list[Exception] = []
    try:
        listening = serverFromString(reactor, endpoint).listen(Factory())
        listening.addErrback(lambda failure: failures.append(failure.value))
    except Exception as error:  # noqa: BLE001  # whatever a parser or its plugin has against the string
        failures.append(error)
    return failures
