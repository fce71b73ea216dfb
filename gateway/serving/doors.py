"""Where the connections of one listener come in: the site, with the routes that are there.

A route may be on some listeners only. Which ones a request can take is settled by the port that it came by, before
anything of it is read: each port's factory is a `Door`, whose tree has the routes of its listener and no others.
`gateway.composition.assembly` keeps the trees of the doors up to the configuration in force.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer

from gateway.http.forwarded import PeerForwarding
from gateway.http2.codes import H2
from gateway.listening.introduced import Anonymous
from gateway.peer import Forwarding
from gateway.serving.contract import Delegate, Host
from gateway.serving.http1_channel import Http1Channel
from gateway.serving.negotiation import Negotiation
from gateway.serving.tree import Root

HTTP11 = b"http/1.1"
"""As ALPN calls it."""


@implementer(IProtocolNegotiationFactory)
class Door(ServerFactory, Delegate):
    """The factory of one port's connections.

    Args:
        site: The gateway's.
        root: Renders exchanges, with the routes that are here.

    Attributes:
        http2: Clients may speak HTTP/2.
    """

    noisy = False  # the gateway's own log says where it listens

    _strangers: Strangers | None = None

    def __init__(self, site: Host, root: Root[Any]) -> None:
        super().__init__(site)
        self.root = root
        self.http2 = False
        self._offers = False
        self._offered = False

    def catch_up(self) -> None:
        super().catch_up()
        if self._strangers is not None:
            self._strangers.catch_up()

    def offers(self, http2: bool) -> None:
        """Say what the port that is about to be opened offers by ALPN: the configuration is not in force yet."""
        self._offers = http2
        self._offered = self._offered or http2

    def acceptableProtocols(self) -> list[bytes]:
        """Return what is offered by ALPN, best first (`IProtocolNegotiationFactory`)."""
        return [H2, HTTP11] if self._offers else [HTTP11]

    def buildProtocol(self, addr: IAddress | None) -> Http1Channel | Negotiation:  # type: ignore[override]  # not Twisted's
        """Make what serves a client."""
        host: Host = self
        if isinstance(addr, Anonymous):
            host = self._strangers = self._strangers or Strangers(self)
        address = getattr(addr, "host", "")
        # Who is amid a handshake when a reload turns HTTP/2 off has been offered it, and gets it.
        if self.http2 or self._offered:
            return Negotiation(host, address, self.http2)
        return Http1Channel(host, address)


class Strangers(Delegate):
    """A door for those who came by a trusted proxy that has not said who they are.

    They have the address of that proxy, but what they say of others is not believed: the note in
    `gateway.listening.introductions`.
    """

    def __init__(self, door: Door) -> None:
        super().__init__(door)
        self.root = door.root

    def forwarding(self, peer: str, secure: bool) -> Forwarding:
        found = super().forwarding(peer, secure)
        assert isinstance(found, PeerForwarding)
        found.trusted = False
        return found
