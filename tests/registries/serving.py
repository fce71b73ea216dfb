"""A small HTTP server of a test's own, whose connections can be cut: what the doubles of registries stand on."""

# mypy: allow-untyped-calls, disable-error-code="misc"

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Site


class Cut(Site):
    """Remembers its connections."""

    def __init__(self, root: Resource) -> None:
        super().__init__(root)
        self.open: set[Any] = set()

    def buildProtocol(self, addr: Any) -> Any:  # Twisted's
        channel = super().buildProtocol(addr)
        self.open.add(channel)
        return channel

    def log(self, request: Any) -> None:
        """Nobody reads it."""


class Served:
    """A server on a port of 127.0.0.1 that stays the same over `close` and `open`.

    Args:
        root: What it serves.
        reactor: Listens.

    Attributes:
        url: Where it is.
    """

    def __init__(self, root: Resource, reactor: Any) -> None:
        self._reactor = reactor
        self._site = Cut(root)
        self._port = reactor.listenTCP(0, self._site, interface="127.0.0.1")
        self.number: int = self._port.getHost().port
        self.url = f"http://127.0.0.1:{self.number}"

    def open(self) -> None:
        """Listen again."""
        self._port = self._reactor.listenTCP(self.number, self._site, interface="127.0.0.1")

    async def close(self) -> None:
        """Listen no more, and cut what is open."""
        stopped: Deferred[None] | None = self._port.stopListening()
        if stopped is not None:
            await stopped
        for channel in self._site.open:
            transport = getattr(channel, "transport", None) or getattr(channel, "_channel", channel).transport
            if isinstance(channel, HTTPChannel) or transport is not None:
                transport.abortConnection()
        self._site.open.clear()
