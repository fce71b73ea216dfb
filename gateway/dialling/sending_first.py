"""Octets that go out before a protocol has its connection: the PROXY header, which stands before TLS.

Used by `gateway.dialling.dialer` where there are such octets, and nowhere else.

Tests: `tests/system/test_tls_dialer.py::test_what_is_sent_first_comes_before_everything`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure


class SendingFirst(ClientFactory):
    """Makes the connections of another factory, which begin with some octets.

    Args:
        first: The octets.
        factory: Makes the protocols.
    """

    noisy = False

    def __init__(self, first: bytes, factory: Any) -> None:
        self._first = first
        self._factory = factory

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make one; see `IProtocolFactory.buildProtocol`."""
        protocol = self._factory.buildProtocol(addr)
        return None if protocol is None else _First(self._first, protocol)

    def startedConnecting(self, connector: Any) -> None:
        """Pass it on; see `IClientFactory`, like the two below."""
        self._factory.startedConnecting(connector)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._factory.clientConnectionFailed(connector, reason)

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        self._factory.clientConnectionLost(connector, reason)


class _First(Protocol):
    """Sends the octets, and puts the protocol in its own place."""

    def __init__(self, first: bytes, protocol: Any) -> None:
        self._first = first
        self._protocol = protocol

    def makeConnection(self, transport: Any) -> None:
        transport.write(self._first)
        transport.protocol = self._protocol
        self._protocol.makeConnection(transport)
