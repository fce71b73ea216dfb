"""The names of backends, looked up again while the gateway runs.

`Resolver.refresh` says why. Twisted's `TimerService` would do the same: it comes with the clients of
`twisted.application.internet`, half a megabyte that a gateway needs for nothing else (D-228).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

from gateway.dialling.resolver import Resolver


class Refreshing(Service):
    """Looks up again, as often as a resolver's answers grow old.

    Args:
        resolver: Looks up.
        hosts: Names all hosts of backends.
        clock: Keeps time.
    """

    def __init__(self, resolver: Resolver, hosts: Callable[[], Iterable[str]], clock: Any) -> None:
        self._interval = resolver.interval
        self._looking = LoopingCall(lambda: resolver.refresh(hosts()))
        self._looking.clock = clock

    def startService(self) -> None:
        super().startService()
        self._looking.start(self._interval)

    def stopService(self) -> None:
        super().stopService()
        self._looking.stop()
