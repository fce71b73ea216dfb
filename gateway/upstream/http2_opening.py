"""Opens connections of HTTP/2 for the pool of a backend, by prior knowledge or by what a handshake has agreed on.

Tests: `tests/flow/test_http2_backends.py::test_a_request_to_http2`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.dialling.tls_errors import HandshakeFailed
from gateway.http1.response_parser import ResponseMemo
from gateway.http2.codes import H2
from gateway.upstream.contract import Connect, Connection, Keeper
from gateway.upstream.http1_connection import Http1Connection
from gateway.upstream.http1_opening import Dial
from gateway.upstream.http2_connection import Http2Connection
from gateway.upstream.http2_talk import Talk
from gateway.upstream.request_head import Heading


def speaking_http2(dial: Dial, talk: Talk) -> Connect:
    """Return what opens connections of HTTP/2 to one backend that is known to speak it.

    Args:
        dial: Opens them.
        talk: What they have in common.
    """

    def connect(keeper: Keeper) -> Deferred[Connection]:
        protocol = dial(lambda: cast("IProtocol", Http2Connection(keeper, talk)))
        return cast("Deferred[Connection]", protocol)

    return connect


def speaking_either(
    dial: Dial, talk: Talk, heading: Heading, response_header: int, memo: ResponseMemo | None, only_http2: bool = False
) -> Connect:
    """Return what opens connections to one backend over TLS, whose handshake decides what they speak.

    Args:
        dial: Opens them, and offers both versions.
        talk: What those of HTTP/2 have in common.
        heading: Writes the heads of requests of HTTP/1.1.
        response_header: Most octets of the head of an answer.
        memo: Heads that the backend has answered with before, by HTTP/1.1.
        only_http2: HTTP/2 was offered alone: a backend that does not take it cannot be asked.
    """
    memo = memo or ResponseMemo()

    def connect(keeper: Keeper) -> Deferred[Connection]:
        def make(version: bytes | None) -> Connection | None:
            if version == H2:
                return Http2Connection(keeper, talk)
            return None if only_http2 else Http1Connection(keeper, heading, response_header, memo)

        dialled = dial(lambda: cast("IProtocol", _Agreed(make)))
        return dialled.addCallback(_agreed)

    return connect


def _agreed(protocol: IProtocol) -> Connection:
    connection = cast("_Agreed", protocol).connection
    if connection is None:
        raise HandshakeFailed("the backend does not speak HTTP/2, which `protocol` asks for")
    return connection


@implementer(IProtocol)
class _Agreed:
    """Stands where the connection will, until its transport says what was agreed on (ALPN).

    Args:
        make: Makes the connection for a version; None where it cannot be spoken.

    Attributes:
        connection: What was made.
    """

    def __init__(self, make: Callable[[bytes | None], Connection | None]) -> None:
        self._make = make
        self.connection: Connection | None = None

    def makeConnection(self, transport: Any) -> None:
        """Put the connection in its own place."""
        secure = ISSLTransport.providedBy(transport)
        self.connection = connection = self._make(transport.negotiatedProtocol if secure else None)
        if connection is None:
            transport.abortConnection()
            return
        if secure:
            transport.wrappedProtocol = connection
        else:
            transport.protocol = connection
        cast("Any", connection).makeConnection(transport)

    def connectionMade(self) -> None:
        """See `makeConnection`."""

    def dataReceived(self, data: bytes) -> None:
        """Nothing is wanted of a backend that speaks something else."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection was aborted."""
