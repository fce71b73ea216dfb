"""Connections that begin with a PROXY header: read it, then make the connection of the client that it names.

For listeners with `proxy_protocol: true`, outermost at the port: before TLS, and before HTTP of any version. Once the
header is read the transport has the client's own protocol, and nothing of this is left; ports without `proxy_protocol`
never know of it.

# Note [Who may introduce]
The header says where a client is, and everything that goes by addresses believes it: so a peer that is not in
`trusted_proxies` is closed before an octet of it is read. What follows the header is the client's own. It is
believed about others only where its address is in `trusted_proxies` too, as at any listener. A proxy that does not say
who its client is (`UNKNOWN`, no family, a UNIX socket) leaves the connection at its own address, as the specification
has it; but the octets are somebody else's, and what they say of addresses is not believed. One that says that it speaks
for itself (`LOCAL`) is a peer as any other.

Tests: `tests/flow/test_introductions.py::test_the_client_is_whom_the_header_names`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from gateway.listening.introduced import Anonymous, Introduced
from gateway.peer import Ends
from gateway.transport.deadlines import NEVER
from gateway.transport.proxy_header import HeaderError, HeaderReader

INVALID, TIMEOUT = "invalid", "timeout"
"""Why a connection is closed: what its peer sent is no header, or it was too slow."""


class Introduction(TwistedProtocol):
    """A connection until its header is read (`gateway.serving.contract.Served`).

    Args:
        factory: Makes what follows.
        address: Of the proxy.

    Attributes:
        deadline: When it is out of time.
        closed: It waits no more.
    """

    transport: Any

    def __init__(self, factory: Introduced, address: IAddress | None) -> None:
        self.deadline = NEVER
        self.closed = False
        self._factory = factory
        self._address = address
        self._peer: str = getattr(address, "host", "")
        self._reader = HeaderReader()

    def connectionMade(self) -> None:
        """Wait."""
        self.deadline = self._factory.reception.begun(self)

    def dataReceived(self, data: bytes) -> None:
        """Read on, and hand the connection over at the end."""
        if self.closed:
            return
        try:
            header = self._reader.feed(data)
        except HeaderError as error:
            self._refuse(INVALID, str(error))
            return
        if header is not None:
            if header.ends is not None:
                self._hand_over(self._introduced(header.ends), header.rest)
            else:
                self._hand_over(self._address if header.local else Anonymous(self._peer), header.rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The proxy has gone: in silence, as one that only looks whether we are there, or within its header."""
        if not self.closed:
            self._over()
            if self._reader.begun:
                self._factory.reception.refused(self._peer, INVALID, "it ended within its PROXY header")

    # Called by who watches connections.

    def on_deadline(self, now: float) -> None:
        """It is out of time."""
        self._refuse(TIMEOUT, "no whole PROXY header came in time")

    def drain(self) -> None:
        """The gateway stops: no exchange is under way here."""
        self.shut()

    def shut(self) -> None:
        """Close at once."""
        if not self.closed:
            self._over()
            self.transport.abortConnection()

    def _refuse(self, cause: str, why: str) -> None:
        self._factory.reception.refused(self._peer, cause, why)
        self.shut()

    def _over(self) -> None:
        self.closed = True
        self._factory.reception.over(self)

    def _introduced(self, ends: Ends) -> IAddress:
        """Let the transport say what the header does, to whoever asks it; returns the client's address."""
        kind = IPv6Address if ":" in ends.source else IPv4Address
        client, here = kind("TCP", ends.source, ends.source_port), kind("TCP", ends.destination, ends.destination_port)
        self.transport.getPeer = lambda: client
        self.transport.getHost = lambda: here
        return client

    def _hand_over(self, address: Any, rest: bytes) -> None:
        """Make the client's connection, give it the transport and what came behind the header."""
        protocol: Any = self._factory.inside.buildProtocol(address)
        transport = self.transport
        if protocol is None:
            self.shut()
            return
        # Made before this one is over, lest a site that drains takes it for its last.
        transport.protocol = protocol
        protocol.makeConnection(transport)
        self._over()
        if rest:
            protocol.dataReceived(rest)
