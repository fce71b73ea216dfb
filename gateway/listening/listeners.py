"""The open ports of a gateway, by what they were opened by, and how they change.

Twisted's `StreamServerEndpointService` only logs that a port cannot be bound;
here that is an error, and a change of ports is made whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger

from gateway.config import Settings
from gateway.config.endpoint_strings import IN_THE_CLEAR, parse
from gateway.http2.library import available
from gateway.listening.endpoints import Listening, listen
from gateway.transport.port import ConnectionLimit

_log = Logger()

OpenPort = Callable[[Any, str, IProtocolFactory, ConnectionLimit], "Deferred[Listening]"]
"""Opens the port of an endpoint string: `gateway.listening.endpoints.listen`, or what a test has for it."""


class Entry(NamedTuple):
    """What a port is opened by; one that differs in anything is another port.

    Attributes:
        endpoint: The endpoint string.
        introduced: Its connections begin with a PROXY header.
        http2: HTTP/2 is offered by ALPN, which is settled when a port is opened.
    """

    endpoint: str
    introduced: bool = False
    http2: bool = False


class Listeners:
    """Ports that share a limit.

    Args:
        reactor: The real one, or what a test has for it.
        factory_of: Returns what makes the protocols of a port's connections.
        limit: How many connections they hold together.
        open_port: Opens one.

    Attributes:
        factory_of: As given.
    """

    def __init__(
        self,
        reactor: Any,
        factory_of: Callable[[Entry], IProtocolFactory],
        limit: ConnectionLimit,
        open_port: OpenPort = listen,
    ) -> None:
        self._reactor = reactor
        self.factory_of = factory_of
        self._limit = limit
        self._open_port = open_port
        self._open: dict[Entry, Listening] = {}

    @property
    def open(self) -> list[Listening]:
        """Return the open ports."""
        return list(self._open.values())

    async def prepare(self, entries: Sequence[Entry]) -> dict[Entry, Listening]:
        """Open the ports that are new among `entries`; `commit` or `abandon` follows.

        A new port with the address of a port that goes shares that port's socket until then (D-12).

        Raises:
            ListenFailed: One cannot be opened; none stays open.
        """
        fresh: dict[Entry, Listening] = {}
        leaving = [listening for entry, listening in self._open.items() if entry not in entries]
        try:
            for listening in leaving:
                listening.leave(True)
            for entry in entries:
                if entry not in self._open and entry not in fresh:
                    factory = self.factory_of(entry)
                    fresh[entry] = await self._open_port(self._reactor, entry.endpoint, factory, self._limit)
        except BaseException:
            self.abandon(fresh)
            raise
        finally:
            for listening in leaving:
                listening.leave(False)
        return fresh

    def abandon(self, fresh: dict[Entry, Listening]) -> None:
        """Close again what was prepared.

        Not waited for: a port is closed a turn of the reactor later, and a start that fails has to say so before, and
        about the port that it has failed for.
        """
        for listening in fresh.values():
            ensureDeferred(listening.stop_accepting())

    async def commit(self, entries: Sequence[Entry], fresh: dict[Entry, Listening]) -> None:
        """Keep the ports of `entries`, close the others; their connections go on."""
        starting = not self._open  # the log of a start has all ports in one line: `gateway.config.summary`
        for entry, listening in fresh.items():
            self._open[entry] = listening
            if not starting:
                _log.info("Listening on {address}", address=listening.describe(), event="listener.opened")
        for entry in [entry for entry in self._open if entry not in entries]:
            listening = self._open.pop(entry)
            _log.info("No longer listening on {address}", address=listening.describe(), event="listener.closed")
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


def entries(settings: Settings) -> list[Entry]:
    """Return what the ports of a configuration are opened by."""
    return [
        Entry(
            listener.endpoint,
            listener.proxy_protocol,
            listener.http2 and available() and parse(listener.endpoint).kind not in IN_THE_CLEAR,
        )
        for listener in settings.listeners
    ]
