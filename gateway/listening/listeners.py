"""The open ports of a gateway, by endpoint string, and how they change.

Twisted's `StreamServerEndpointService` only logs that a port cannot be bound;
here that is an error, and a change of ports is made whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger

from gateway.listening.endpoints import Listening, listen
from gateway.transport.port import ConnectionLimit

_log = Logger()

OpenPort = Callable[[Any, str, IProtocolFactory, ConnectionLimit], "Deferred[Listening]"]
"""Opens the port of an endpoint string: `gateway.listening.endpoints.listen`, or what a test has for it."""


class Listeners:
    """Ports that share a limit.

    Args:
        reactor: The real one, or what a test has for it.
        factory_of: Returns what makes the protocols of a port's connections, by endpoint string.
        limit: How many connections they hold together.
        open_port: Opens one.
    """

    def __init__(
        self,
        reactor: Any,
        factory_of: Callable[[str], IProtocolFactory],
        limit: ConnectionLimit,
        open_port: OpenPort = listen,
    ) -> None:
        self._reactor = reactor
        self._factory_of = factory_of
        self._limit = limit
        self._open_port = open_port
        self._open: dict[str, Listening] = {}

    @property
    def open(self) -> list[Listening]:
        """Return the open ports."""
        return list(self._open.values())

    async def prepare(self, endpoints: Sequence[str]) -> dict[str, Listening]:
        """Open the ports that are new among `endpoints`; `commit` or `abandon` follows.

        A new port with the address of a port that goes shares that port's socket until then (D-12).

        Raises:
            ListenFailed: One cannot be opened; none stays open.
        """
        fresh: dict[str, Listening] = {}
        leaving = [listening for endpoint, listening in self._open.items() if endpoint not in endpoints]
        try:
            for listening in leaving:
                listening.leave(True)
            for endpoint in endpoints:
                if endpoint not in self._open and endpoint not in fresh:
                    factory = self._factory_of(endpoint)
                    fresh[endpoint] = await self._open_port(self._reactor, endpoint, factory, self._limit)
        except BaseException:
            self.abandon(fresh)
            raise
        finally:
            for listening in leaving:
                listening.leave(False)
        return fresh

    def abandon(self, fresh: dict[str, Listening]) -> None:
        """Close again what was prepared.

        Not waited for: a port is closed a turn of the reactor later, and a start that fails has to say so before, and
        about the port that it has failed for.
        """
        for listening in fresh.values():
            ensureDeferred(listening.stop_accepting())

    async def commit(self, endpoints: Sequence[str], fresh: dict[str, Listening]) -> None:
        """Keep the ports of `endpoints`, close the others; their connections go on."""
        starting = not self._open  # the log of a start has all ports in one line: `gateway.config.summary`
        for endpoint, listening in fresh.items():
            self._open[endpoint] = listening
            if not starting:
                _log.info("Listening on {address}", address=listening.describe())
        for endpoint in [endpoint for endpoint in self._open if endpoint not in endpoints]:
            listening = self._open.pop(endpoint)
            _log.info("No longer listening on {address}", address=listening.describe())
            await listening.stop_accepting()

    def read_certificates(self) -> Callable[[], None]:
        """Read all certificates again; returns what puts them into force, for new connections.

        Raises:
            ListenFailed: One cannot be used; nothing has changed.
        """
        fresh = [use for listening in self._open.values() for use in listening.read_again()]

        def use_them() -> None:
            for use in fresh:
                use()

        return use_them

    async def stop_accepting(self) -> None:
        """Close every port; their connections go on."""
        opened, self._open = self._open, {}
        for listening in opened.values():
            await listening.stop_accepting()
