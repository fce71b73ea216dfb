"""TLS by the standard library's `ssl`, in memory, between a connection and the transport below it.

Made by `gateway.transport.tls` for each connection that `ssl` can serve; Note [Two OpenSSLs] in
`gateway.transport.sessions` says which these are. It keeps the promises of Twisted's own TLS protocol, which
`tests/transport/test_tls.py` holds both to, for a third of its processor's time.

# Note [A connection over TLS]
It is *shaking hands* until `_open`: what is written waits in `_waiting`, and whoever produces it is paused at the first
octet. At a listener there is no session (and none of its 20 kB) until the client's first message is whole. Once
`_open`, each write is encrypted and handed down at once. `disconnecting` says that the protocol has closed it: when
nothing waits and nobody produces, `close_notify` is sent, and the other end's is waited for. `_lost` says that TLS has
ended, by the other end's `close_notify` or by a failure; what remains is that the transport closes. `_aborted`: nothing
is heard or said any more, and no `close_notify` is sent, so that nobody takes what was cut for whole.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener, INegotiated, IProtocol, ISSLTransport
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure
from zope.interface import classImplements

from gateway.transport.client_hello import answer_at_once, server_name
from gateway.transport.producers import Membrane, Pulled
from gateway.transport.records import FLUSH, RECORD, SEGMENT, UNASKED, Burst
from gateway.transport.secure_transport import FAILURES, SecureTransport
from gateway.transport.sessions import Begun, ClientSessions, ServerSessions


class MemoryTLS(SecureTransport):
    """A connection over TLS; Note [A connection over TLS].

    Args:
        sessions: Begins the session.
        protocol: What is spoken inside.
        reactor: A clock.

    Attributes:
        wrappedProtocol: What is spoken inside; Twisted's name.
        connected: Until the transport is gone.
        disconnecting: The protocol has closed it.
    """

    __slots__ = (
        "_aborted",
        "_burst",
        "_decrypt",
        "_direct",
        "_encrypt",
        "_hello",
        "_incoming",
        "_lost",
        "_open",
        "_outgoing",
        "_producer",
        "_reactor",
        "_reason",
        "_receiving",
        "_sessions",
        "_shutdown_waits",
        "_unasked",
        "_verified",
        "_waiting",
        "connected",
        "disconnecting",
        "wrappedProtocol",
    )

    _incoming: Any
    _outgoing: Any
    _encrypt: Callable[[Any], int]
    _decrypt: Callable[[int], bytes]

    def __init__(self, sessions: ServerSessions | ClientSessions, protocol: Any, reactor: Any) -> None:
        self.wrappedProtocol = protocol
        super().__init__()
        self.connected = False
        self.disconnecting = False
        self._sessions = sessions
        self._reactor = reactor
        self._hello = b""
        self._waiting: list[bytes] = []
        self._producer: Membrane | None = None
        self._reason: Failure | None = None
        self._open = self._direct = self._lost = self._aborted = False
        self._receiving = self._shutdown_waits = self._verified = False
        self._burst = Burst()
        self._unasked = 0

    # What the transport below calls.

    def makeConnection(self, transport: Any) -> None:
        """The transport is there: tell the protocol, and begin to shake hands where we are the client."""
        self.transport = transport
        self.connected = True
        self.wrappedProtocol.makeConnection(self)
        sessions = self._sessions
        if isinstance(sessions, ClientSessions) and not self._aborted:
            self._begin(sessions.begin(self._reactor.seconds()))
            self._shake_hands()

    def dataReceived(self, data: bytes) -> None:
        """Decrypt what has come, and hand it on."""
        if self._open:
            if len(data) <= RECORD:
                self._incoming.write(data)
                self._receive()
                return
            # OpenSSL keeps room for the most that it was given at once, as long as the connection lasts.
            for start in range(0, len(data), RECORD):
                self._incoming.write(data[start : start + RECORD])
                self._receive()
        elif not self._aborted and not self._lost:
            if self._session is None:
                sessions = self._sessions
                assert isinstance(sessions, ServerSessions)  # a client has begun
                data = self._hello + data if self._hello else data
                answer = answer_at_once(data)
                if answer:
                    self._lost = True
                    self.transport.write(answer)
                    self.transport.loseConnection()
                    return
                begun = sessions.begin(data, self)
                if begun is None:
                    self._hello = data
                    return
                self._hello = b""
                self.asked_name = server_name(data) or b""
                self._begin(begun)
            self._incoming.write(data)
            self._shake_hands()

    def connectionLost(self, reason: Failure) -> None:
        """The transport is gone; an end that neither side has announced is a loss."""
        if not self.connected:
            return
        self.connected = self._direct = self._open = False
        if not self._lost and not self.disconnecting and reason.check(ConnectionDone):
            reason = Failure(CONNECTION_LOST)
        self._lost = True
        reason, self._reason = self._reason or reason, None
        protocol, self.wrappedProtocol = self.wrappedProtocol, None
        self._waiting = []
        sessions, session = self._sessions, self._session
        if session is not None and (self._verified or isinstance(sessions, ServerSessions)):
            sessions.over(session)
        protocol.connectionLost(reason)
        self._producer = None

    # The session.

    def _begin(self, begun: Begun) -> None:
        self._session, self._incoming, self._outgoing = begun.session, begun.incoming, begun.outgoing
        # The object of C inside: its methods without the line of Python around each.
        inner = getattr(begun.session, "_sslobj", begun.session)
        self._encrypt = inner.write
        self._decrypt = inner.read

    def _shake_hands(self) -> None:
        session = self._session
        assert session is not None
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except FAILURES:
            self._fail(Failure())
            return
        try:
            self._sessions.verify(session, self._reactor.seconds())
        except Exception:  # noqa: BLE001  # whatever is wrong with the certificate, nothing is said to its owner
            self._reason = Failure()
            self.abortConnection()
            return
        self._flush()  # not before: in TLS 1.3 our own certificate is in it
        self._open = self._verified = True
        self._direct = not self._waiting and not self.disconnecting
        if IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()
        if self._waiting and not self._lost:
            self._send_waiting()
        if self._incoming.pending:
            self._receive()

    def _receive(self) -> None:
        """Hand on what has come.

        Asking OpenSSL once more than it has records would cost an exception for each request. A read ends with its
        record: what is shorter than it might have been, and leaves nothing to read from, was the last. More than has
        come is not in it, so that no more memory is asked for either.
        """
        decrypt, incoming = self._decrypt, self._incoming
        self._receiving = True
        while not self._lost and not self._aborted:
            size = min(incoming.pending, RECORD) or RECORD
            try:
                data = decrypt(size)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            except FAILURES:
                self._fail(Failure())
                break
            if not data:
                self._other_end_closed()
                break
            try:
                self.wrappedProtocol.dataReceived(data)
            except BaseException:
                self._receiving = False
                raise
            if len(data) < size and not incoming.pending:
                break
        self._receiving = False
        if not self._lost:
            self._after_receiving()

    def _after_receiving(self) -> None:
        if self._outgoing.pending:
            self._answer_unasked()
        if self._waiting:
            self._send_waiting()  # they waited for what has just come: a server that shook hands again
        if self._shutdown_waits:
            self._shutdown_waits = False
            self._shut_down()

    def _answer_unasked(self) -> None:
        """Send what OpenSSL has made by itself, unless it is too much: see `UNASKED`."""
        made = self._outgoing.read()
        self._unasked += len(made)
        if self._unasked > UNASKED and isinstance(self._sessions, ServerSessions):
            self.abortConnection()
        elif made:
            self.transport.write(made)

    def _other_end_closed(self) -> None:
        """It has said `close_notify`: say it too, and close."""
        if not self._lost:
            self._direct = False
            self._say_goodbye()
            self._lost = True
            self.transport.loseConnection()

    def _fail(self, failure: Failure) -> None:
        """TLS cannot go on: send the alert that says why, and close."""
        self._direct = False
        self._lost = True
        if self._reason is None:
            self._reason = failure
        self._flush()
        self.transport.loseConnection()

    def _shut_down(self) -> None:
        """Say that we write no more; the transport is closed when the other end has said it too."""
        if self._receiving:
            # OpenSSL would meet the records that were not read yet, and give the session up.
            self._shutdown_waits = True
        elif not self._lost and self._say_goodbye():
            self.transport.loseConnection()

    def _say_goodbye(self) -> bool:
        """Send `close_notify`; returns whether both ends have."""
        session = self._session
        if session is None:
            return True
        try:
            session.unwrap()
            both = True
        except FAILURES:  # most often because there is nothing to read yet
            both = False
        self._flush()
        return both

    def _flush(self) -> None:
        """Send what OpenSSL has made."""
        made = self._outgoing.read() if self._outgoing.pending else b""
        if made:
            self.transport.write(made)

    # What the protocol calls.

    def write(self, data: bytes) -> None:
        """Encrypt and send; see `ITransport.write`."""
        if self._direct and data.__class__ is bytes and 0 < len(data) <= SEGMENT:
            try:
                self._encrypt(data)
            except FAILURES:
                self._send(data)  # it meets the same
                return
            self.transport.write(self._outgoing.read())
            return
        if not isinstance(data, bytes):
            raise TypeError("Data must be bytes")
        if not data or self._lost or self._aborted or (self.disconnecting and self._producer is None):
            return
        if self._open and not self._waiting:
            self._send(data)
        else:
            self._wait_with(data)

    def loseConnection(self) -> None:
        """Say `close_notify` when everything is written, and close; see `ITransport.loseConnection`."""
        if self.disconnecting or not self.connected:
            return
        if not self._open and not self._waiting:
            # There is nobody yet to say it to.
            self.abortConnection()
            return
        self.disconnecting = True
        self._direct = False
        if not self._waiting and self._producer is None:
            self._shut_down()

    def abortConnection(self) -> None:
        """Reset the connection, without `close_notify`; see `ITCPTransport.abortConnection`."""
        self._aborted = self.disconnecting = True
        self._direct = False
        if self.transport is not None:
            self.transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Couple a producer to the queue below; see `IConsumer.registerProducer`."""
        if self._lost:
            producer.stopProducing()
            return
        pushing = producer if streaming else Pulled(producer, self._reactor.callLater, self._producer_failed)
        membrane = Membrane(pushing)
        self.transport.registerProducer(membrane, True)
        self._producer = membrane
        if not streaming:
            pushing.resumeProducing()

    def unregisterProducer(self) -> None:
        """Let the producer go; see `IConsumer.unregisterProducer`."""
        membrane, self._producer = self._producer, None
        if membrane is None:
            return
        if isinstance(membrane.producer, Pulled):
            membrane.producer.stop_asking()
        self.transport.unregisterProducer()
        if self.disconnecting and not self._waiting and not self._aborted:
            self._shut_down()

    def _producer_failed(self) -> None:
        self.unregisterProducer()
        self.loseConnection()

    # Writing.

    def _send(self, data: bytes) -> None:
        """Encrypt: at the start of a burst in records of a segment, then in whole ones, several to a system call."""
        view, done, size = memoryview(data), 0, len(data)
        try:
            if size > SEGMENT:
                burst = self._burst
                burst.large_write(self._reactor.seconds())
                while burst.left and done < size:
                    burst.left -= 1
                    done += self._encrypt(view[done : done + SEGMENT])
            while done < size:
                # Some versions of Python take one record at a call, others all.
                done += self._encrypt(view[done : done + FLUSH])
                if done == size or self._outgoing.pending >= FLUSH:
                    self.transport.write(self._outgoing.read())
        except ssl.SSLWantReadError:
            self._burst.left = 0  # OpenSSL wants to be asked again for no less
            self._flush()
            self._wait_with(data[done:])
            return
        except FAILURES:
            self._fail(Failure())
            return
        self._flush()

    def _wait_with(self, data: bytes) -> None:
        self._direct = False
        self._waiting.append(data)
        if self._producer is not None:
            self._producer.pause_for_tls()

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._send(b"".join(waiting))
        if self._waiting or self._lost:
            return
        self._direct = not self.disconnecting
        if self._producer is not None:
            self._producer.resume_after_tls()
        elif self.disconnecting:
            self._shut_down()


classImplements(MemoryTLS, IProtocol, ISSLTransport, INegotiated)
