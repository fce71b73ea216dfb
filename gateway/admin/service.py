"""The admin listener: opened, moved and closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IAddress
from twisted.web.http import HTTPChannel, Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from gateway.listening.endpoints import Listening, listen
from gateway.transport.port import ConnectionLimit

TIMEOUT = 30.0
"""Seconds that a connection may be idle."""
CONNECTIONS = 100
"""Connections at once: a scraper and a few people."""


class AdminSettings(Protocol):
    """The `admin` section."""

    @property
    def endpoint(self) -> str: ...


class AdminSite(Site):
    """A stock site that parses no forms and logs no lines."""

    def __init__(self, root: Resource) -> None:
        super().__init__(root, timeout=TIMEOUT, parsePOSTFormSubmission=False)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make the stock channel."""
        channel = super().buildProtocol(addr)
        if isinstance(channel, HTTPChannel):
            channel.totalHeadersSize = 16 * 1024
        return channel

    def log(self, request: Request) -> None:
        """Scrapes are not news; and stock `Site` would log secrets in queries."""


class AdminListener:
    """The one port of the admin site.

    Args:
        reactor: The real one.
        make_root: Makes the tree when it is first needed.
    """

    def __init__(self, reactor: Any, make_root: Callable[[], Resource]) -> None:
        self._reactor = reactor
        self._site: AdminSite | None = None
        self._make_root = make_root
        self._open: Listening | None = None
        self._limit = ConnectionLimit(CONNECTIONS)

    @property
    def address(self) -> str | None:
        """Return where it listens, None while it does not."""
        return None if self._open is None else self._open.describe()

    async def open(self, settings: AdminSettings) -> None:
        """Listen where the settings say; the port before it is closed once the new one is open.

        Raises:
            ListenFailed: The port before it stays.
        """
        if self._open is not None and self._open.endpoint == settings.endpoint:
            return
        if self._site is None:
            self._site = AdminSite(self._make_root())
        fresh = await listen(self._reactor, settings.endpoint, self._site, self._limit)
        before, self._open = self._open, fresh
        if before is not None:
            await before.stop_accepting()

    async def close(self) -> None:
        """Listen no more."""
        opened, self._open = self._open, None
        if opened is not None:
            await opened.stop_accepting()
