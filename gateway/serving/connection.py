"""One client connection below its exchanges: holding reading back, halves, lingering, closing.

`gateway.serving.http1_channel` is what is served on it.
"""

from __future__ import annotations

from functools import partial

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol

from gateway.body import Body
from gateway.http1.request_parser import RequestParser
from gateway.listening.certificates import peer_certificate
from gateway.peer import Peer
from gateway.serving.contract import Host
from gateway.transport.deadlines import NEVER

LINGER = 5.0
"""Seconds of silence, at most, while a client that was answered early is let finish sending."""
LINGER_TOTAL = 30.0
CLOSE = 10.0
"""Seconds that a close may take: the client reads what is written, and answers TLS's closing alert."""
CLOSE_IDLE = 0.5

PIPELINE, BODY = 1, 2
"""Why reading is held back: requests wait their turn, or a body waits for its backend."""


class ClientConnection(Protocol):
    """The transport of a client, and its parser.

    Attributes:
        site: Whose connection it is.
        address: Of the other end; empty where the socket has none.
        peer: The other end, once the connection is made.
        deadline: When the connection, or what is served on it, is out of time.
        closed: It is gone.
    """

    peer: Peer

    def __init__(self, site: Host, address: str) -> None:
        self.site = site
        self.address = address
        self.deadline = NEVER
        self.closed = False
        self._secure = False
        self._pauses = 0
        self._half_closed = False
        self._closing = False
        self._linger_until = 0.0
        options = site.options
        self._parser = RequestParser(self, options.request_header, options.header_fields, site.memo)

    def connectionMade(self) -> None:
        """Begin to wait for a request."""
        self._secure = ISSLTransport.providedBy(self.transport)
        forwarding = self.site.forwarding(self.address, self._secure)
        self.peer = Peer(self.address, forwarding, self._secure, partial(peer_certificate, self.transport))
        self.deadline = self.site.now() + self.site.options.client_header
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]

    def writeConnectionLost(self) -> None:
        """Our half is closed: nothing to do, the client's half ends the connection."""

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""

    def close(self, aborting: bool = False) -> None:
        """Serve nothing more, and end the connection once what is written is sent, or (aborting) at once."""
        transport = self.transport
        self._parser.stopped = True
        self._parser.requests.clear()
        self._closing = True
        # What is written may take its time, and so may the other side of TLS to say goodbye; neither for ever.
        self.deadline = self.site.now() + CLOSE
        transport.unregisterProducer()  # type: ignore[union-attr]
        if aborting:
            transport.abortConnection()  # type: ignore[union-attr]
        else:
            transport.loseConnection()  # type: ignore[union-attr]

    def close_write(self) -> None:
        """Say that we send no more; over TLS, which cannot close one half, that is the end."""
        if not self._secure:
            self.transport.loseWriteConnection()  # type: ignore[union-attr]
        else:
            self.transport.loseConnection()  # type: ignore[union-attr]

    def close_gently(self) -> None:
        """Close, and let the client read what was written: nothing that it still sends may take that from it."""
        if self._secure or self._half_closed:
            self.close()  # TLS waits for the client's own goodbye
        else:
            self._start_lingering()

    # The bodies of requests (gateway.body.BodySource).

    def pause_reading(self) -> None:
        """A backend has no room for more of a body."""
        self._pause(BODY)

    def resume_reading(self) -> None:
        """It has."""
        self._resume(BODY)

    def body_over_limit(self, body: Body) -> None:
        """A body is longer than its route takes."""
        raise NotImplementedError

    def _start_lingering(self) -> None:
        # RFC 9112 section 9.6: closing at once, with octets of the request
        # still coming, makes the peer's TCP throw away the response.
        now = self.site.now()
        self._linger_until = now + LINGER_TOTAL
        self.deadline = now + LINGER
        # Twisted does not close a half while its producer is paused.
        self.transport.unregisterProducer()  # type: ignore[union-attr]
        if not self._secure:
            # Over TLS the response ends with its length; the client closes.
            self.close_write()
        self._pauses = 0
        self.transport.resumeProducing()  # type: ignore[union-attr]

    def _linger(self) -> None:
        self.deadline = min(self._linger_until, self.site.now() + LINGER)

    def _pause(self, why: int) -> None:
        if not self._pauses:
            self.transport.pauseProducing()  # type: ignore[union-attr]
        self._pauses |= why

    def _resume(self, why: int) -> None:
        if self._pauses & why:
            self._pauses &= ~why
            if not self._pauses and not self.closed:
                self.transport.resumeProducing()  # type: ignore[union-attr]
