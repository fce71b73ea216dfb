"""One client connection below its exchanges: its phase, holding reading back, halves, lingering, closing.

`gateway.serving.http1_channel` is what is served on it; the phases and their theory are in `gateway.serving.phases`.

Tests: `tests/serving/test_phases.py::test_what_an_event_makes_of_a_phase`.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.interfaces import ISSLTransport

from gateway.body import Body
from gateway.exchange import Downstream
from gateway.http1.request_parser import RequestParser
from gateway.listening.peers import READERS
from gateway.peer import Peer
from gateway.serving.carrying import Carrying
from gateway.serving.contract import Host
from gateway.serving.phases import AFTER, Event, Half, Phase
from gateway.serving.times import CLOSE, CLOSE_IDLE, HALF_CLOSED_PROBE, LINGER, LINGER_TOTAL, between
from gateway.transport.deadlines import NEVER, aged

PIPELINE: Final = 1
"""Why reading is held back: requests wait their turn. Both reasons may be so at once."""
BODY: Final = 2
"""Another: a body waits for its backend."""


class ClientConnection(Downstream, Carrying):
    """The transport of a client, and its parser.

    Attributes:
        site: Whose connection it is.
        address: Of the other end; empty where the socket has none.
        peer: The other end, once the connection is made.
        phase: What is on it now.
        half: The client's half.
        transport: Of the client, once the connection is made.
        deadline: When the connection, or what is served on it, is out of time.
        closed: It is gone.
    """

    __slots__ = (
        "_full",
        "_held_back",
        "_lingers_until",
        "_parser",
        "_secure",
        "address",
        "deadline",
        "expires",
        "half",
        "peer",
        "phase",
        "site",
        "transport",
    )

    peer: Peer

    def __init__(self, site: Host, address: str) -> None:
        self.site = site
        self.address = address
        self.transport: Any = None
        self.phase = Phase.NEW
        self.half = Half.OPEN
        self.deadline = NEVER
        self.expires = NEVER
        self._secure = False
        self._held_back = 0
        self._lingers_until = 0.0
        self._full = False  # the client reads slowly: what was written waits in the transport
        options = site.options
        self._parser = RequestParser(self, options.request_header, options.header_fields, site.memo)

    @property
    def closed(self) -> bool:
        """Whether the transport is gone."""
        return self.phase is Phase.CLOSED

    def makeConnection(self, transport: Any) -> None:
        """The connection is there (`twisted.internet.interfaces.IProtocol`)."""
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Begin to wait for a request."""
        self._secure = ISSLTransport.providedBy(self.transport)
        forwarding = self.site.forwarding(self.address, self._secure)
        self.peer = Peer(self.address, forwarding, self._secure, self.transport, READERS)
        site = self.site
        now, options = site.now(), site.options
        self.deadline = between(self.phase, now, options)
        if options.client_max_age:
            self.expires = now + aged(options.client_max_age, site.random)
        self.transport.registerProducer(self, True)

    def writeConnectionLost(self) -> None:
        """Our half is closed: nothing to do, the client's half ends the connection."""

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""

    def close(self, aborting: bool = False) -> None:
        """Serve nothing more, and end the connection once what is written is sent, or (aborting) at once."""
        transport = self.transport
        self.phase = AFTER[self.phase][Event.CLOSED]
        self._parser.stopped = True
        self._parser.requests.clear()
        # The client may take its time to read what is written, and so may the other side of TLS to say goodbye; neither
        # may take for ever.
        self.deadline = between(self.phase, self.site.now(), self.site.options)
        transport.unregisterProducer()
        if aborting:
            transport.abortConnection()
        else:
            transport.loseConnection()

    def close_write(self) -> None:
        """Say that we send no more; over TLS, which cannot close one half, that is the end."""
        if not self._secure:
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def carry(self, data: bytes) -> None:
        """Send what a tunnel's other end has read."""
        self.transport.write(data)

    def wait_while_silent(self) -> None:
        """Give a tunnel up when nothing moves."""
        self.deadline = self.site.now() + self.site.options.client_idle

    def wait_for_close(self) -> None:
        """Give it up when it is not closed soon."""
        self.deadline = self.site.now() + CLOSE

    def close_gently(self) -> None:
        """Close, and let the client read what was written: nothing that it still sends may take that from it."""
        if self._secure or self.half is not Half.OPEN:
            self.close()  # TLS waits for the client's own goodbye
        else:
            self._linger()

    def drain(self) -> None:
        """Accept no further request; close when idle."""
        if AFTER[self.phase][Event.DRAINED] is not self.phase:
            self.close()
            if not self._full:
                # Nothing is left to write: only TLS waits for an answer, and an idle client may give none.
                self.deadline = self.site.now() + CLOSE_IDLE

    # The bodies of requests (gateway.body.BodySource).

    def pause_reading(self) -> None:
        """A backend has no room for more of a body."""
        self._pause(BODY)

    def resume_reading(self) -> None:
        """The backend has room again."""
        self._resume(BODY)

    def body_over_limit(self, body: Body) -> None:
        """A body is longer than its route takes."""
        raise NotImplementedError

    def _asked_whether_it_is_there(self, now: float, latest: float) -> float:
        """A half-closed client has been sent an interim response; returns when something has to happen next.

        Note [A half-closed client may be gone]: FIN says "no more requests" from one client and "I have gone" from
        another. Any octet tells: a peer that is gone answers with RST, so one interim response is sent, which HTTP/1.1
        clients must take (RFC 9110 section 15.2). Reading does not tell: after FIN, Linux gives the end again and
        again, also after a reset. So it is sent once more, and writing to a connection that was reset does fail.

        Args:
            now: Monotonic seconds.
            latest: When the exchange is out of time.
        """
        asked_before, self.half = self.half is Half.ASKED, Half.ASKED
        return latest if asked_before else min(latest, now + HALF_CLOSED_PROBE)

    def _enter(self, event: Event) -> None:
        """Go where an event leads from here, into a phase without an exchange; its time begins."""
        phase = self.phase = AFTER[self.phase][event]
        self.deadline = between(phase, self.site.now(), self.site.options)

    def _linger(self) -> None:
        """Read and drop what the client still sends, until it has read the answer and closes, or for a while."""
        # RFC 9112 section 9.6: closing at once, with octets of the request still coming, makes the peer's TCP throw
        # away the response.
        self.phase = AFTER[self.phase][Event.PARTED]
        now = self.site.now()
        self._lingers_until = now + LINGER_TOTAL
        self.deadline = between(self.phase, now, self.site.options)
        # Twisted does not close a half while its producer is paused.
        self.transport.unregisterProducer()
        if not self._secure:
            # Over TLS the response ends with its length; the client closes.
            self.close_write()
        self._held_back = 0
        self.transport.resumeProducing()

    def _dropped(self) -> None:
        """Octets came from a client that is let finish: it is not silent."""
        self.deadline = min(self._lingers_until, self.site.now() + LINGER)

    def _pause(self, why: int) -> None:
        if not self._held_back:
            self.transport.pauseProducing()
        self._held_back |= why

    def _resume(self, why: int) -> None:
        if self._held_back & why:
            self._held_back &= ~why
            if not self._held_back and self.phase is not Phase.CLOSED:
                self.transport.resumeProducing()
