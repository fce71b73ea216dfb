"""Where the connections of one listener come in: the site, with the routes that are there.

A route may be on some listeners only. Which ones a request can take is settled by the port that it came by, before
anything of it is read: each port's factory is a `Door`, whose tree has the routes of its listener and no others.
`gateway.composition.assembly` keeps the trees of the doors up to the configuration in force.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory

from gateway.peer import Forwarding
from gateway.serving.contract import Host, Served
from gateway.serving.http1_channel import Http1Channel
from gateway.serving.tree import Root


class Door(ServerFactory, Host):
    """The factory of one port's connections.

    What connections ask for each request is copied from the site when it changes, not looked up there each time.

    Args:
        site: The gateway's.
        root: Renders exchanges, with the routes that are here.
    """

    noisy = False  # the gateway's own log says where it listens

    def __init__(self, site: Host, root: Root[Any]) -> None:
        self._site = site
        self.root = root
        self.now = site.now
        self.date = site.date
        self.random = site.random
        self.catch_up()

    def catch_up(self) -> None:
        """Take over what is in force at the site."""
        self.options = self._site.options
        self.memo = self._site.memo
        self.draining = self._site.draining

    def buildProtocol(self, addr: IAddress | None) -> Http1Channel:  # type: ignore[override]  # not Twisted's protocol
        """Make the channel for a client."""
        return Http1Channel(self, getattr(addr, "host", ""))

    def forwarding(self, peer: str, secure: bool) -> Forwarding:
        """Prepare what is the same for all exchanges of a connection."""
        return self._site.forwarding(peer, secure)

    def connected(self, connection: Served) -> None:
        """A connection is open."""
        self._site.connected(connection)

    def disconnected(self, connection: Served) -> None:
        """A connection is closed."""
        self._site.disconnected(connection)
