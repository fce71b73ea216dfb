"""Which version of HTTP a client speaks: found out with the first octets that it sends.

On clear text by the preface (RFC 9113 section 3.3): no parser of HTTP/1 ever sees those 24 octets. Over TLS by what the
handshake has agreed on (ALPN): who did not ask for `h2` there speaks HTTP/1.1, whatever it sends. `Upgrade: h2c` is not
a way (RFC 9113 section 3.1 dropped it): the field is ignored, and not passed on.

# Note [A connection before its version]
From the start the connection has the channel of HTTP/1.1, with its times, its place in the list of the site and its end
in a drain; for HTTP/2 another takes its place. The transport calls a `Negotiation` until
the first octets have come. From then on it calls the channel itself, and the negotiation is gone: an idle connection
would hold half a kilobyte more. A transport that calls somebody in between (a `ProtocolWrapper` of another's endpoint)
goes on to call the `Negotiation`, whose methods are the channel's own by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, ISSLTransport
from zope.interface import classImplements

from gateway.http2.codes import H2, PREFACE
from gateway.serving.contract import Host
from gateway.serving.http1_channel import Http1Channel

_CALLED: Final = ("protocol", "wrappedProtocol")
"""Where Twisted's transports have what they call: those of sockets, and those of TLS."""


class Negotiation:
    """What the transport of a client calls (`twisted.internet.interfaces.IProtocol`).

    Args:
        site: Whose connection it is.
        address: Of the other end; empty where the socket has none.
        by_preface: HTTP/2 may be spoken on clear text.

    Attributes:
        address: As given.
        channel: Serves the connection.
    """

    __slots__ = (
        "_by_preface",
        "_held",
        "_secure",
        "_site",
        "address",
        "channel",
        "connectionLost",
        "dataReceived",
        "readConnectionLost",
        "transport",
        "writeConnectionLost",
    )

    dataReceived: Callable[[bytes], None]  # Twisted's names
    connectionLost: Callable[[Any], None]
    readConnectionLost: Callable[[], None]
    writeConnectionLost: Callable[[], None]

    def __init__(self, site: Host, address: str, by_preface: bool = True) -> None:
        self.address = address
        self._by_preface = by_preface
        self.transport: Any = None
        self._site = site
        self._held = b""
        self._secure = False
        self.channel: Any = Http1Channel(site, address)
        self._become(self.channel)
        self.dataReceived = self._first_received
        self.readConnectionLost = self._ended

    def makeConnection(self, transport: Any) -> None:
        """The connection is there."""
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Let it have the channel of HTTP/1.1 for the time being."""
        transport = self.transport
        self._secure = ISSLTransport.providedBy(transport)
        self.channel.makeConnection(transport)

    def _settle(self) -> None:
        """The version is known: let the transport call the channel."""
        channel, transport = self.channel, self.transport
        self._become(channel)
        for name in _CALLED:
            if getattr(transport, name, None) is self:
                setattr(transport, name, channel)

    def _become(self, channel: Any) -> None:
        self.dataReceived = channel.dataReceived
        self.connectionLost = channel.connectionLost
        self.readConnectionLost = channel.readConnectionLost
        self.writeConnectionLost = channel.writeConnectionLost

    def _first_received(self, data: bytes) -> None:
        held = self._held + data
        if self._secure:
            speaks = self.transport.negotiatedProtocol == H2
        elif not self._by_preface:
            speaks = False
        elif held.startswith(PREFACE):
            speaks = True
        elif PREFACE.startswith(held):
            self._held = held
            return
        else:
            speaks = False
        self._held = b""
        if speaks:
            # Loaded with the first that speaks it (`gateway.http2.library`).
            from gateway.serving.http2_channel import Http2Channel

            before = self.channel
            channel = self.channel = Http2Channel(self._site, self.address)
            self.transport.unregisterProducer()
            channel.makeConnection(self.transport)
            # Nothing has been served on it. Only now: a drain waits for what the site knows of.
            before.connectionLost()
        self._settle()
        self.channel.dataReceived(held)

    def _ended(self) -> None:
        """The client sends no more, and has not said which version it speaks: what there is goes to HTTP/1.1."""
        self._settle()
        if self._held:
            self.channel.dataReceived(self._held)
        self.channel.readConnectionLost()


classImplements(Negotiation, IProtocol, IHalfCloseableProtocol)
