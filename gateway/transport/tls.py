"""TLS over a transport that writes at once: by `ssl` where it can, else by pyOpenSSL.

Used by the listeners and by `gateway.dialling.dialer`; who is served by which is Note [Two OpenSSLs] in
`gateway.transport.sessions`. Twisted's default TLS transport gathers small writes until the next turn of the reactor,
for applications that write a line at a time; ours write a message at a time, so the wait and its `callLater` buy
nothing.

What it uses of Twisted's private parts is in `tests/transport/test_private_parts.py`.
"""

# mypy: allow-untyped-calls
# (Twisted's own methods, called through super(), carry no types.)

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IProtocolFactory, IReactorTime, ISSLTransport
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.transport.client_hello import answer_at_once
from gateway.transport.memory_tls import MemoryTLS
from gateway.transport.records import FLUSH, RECORD, UNASKED
from gateway.transport.sessions import Standard

OVERHEAD = 256
"""More than a record adds to its payload in any version and cipher that we allow."""


@implementer(ISSLTransport)
class DirectTLS(TLSMemoryBIOProtocol):
    """Twisted's TLS transport, with one system call for a write where it makes one per record."""

    _client = False
    _heard = False
    _writing = False
    _unasked = 0

    def dataReceived(self, data: bytes) -> None:
        """Decrypt what has come; or say to who speaks HTTP in the clear that this port does not."""
        if not self._heard:
            self._heard = True
            answer = b"" if self._client else answer_at_once(data)
            if answer:
                self._lostTLSConnection = True
                transport: Any = self.transport
                transport.write(answer)
                transport.loseConnection()
                return
        super().dataReceived(data)

    def abortConnection(self) -> None:
        """Reset the connection, without the `close_notify` of Twisted's, by which what was cut looks whole (D-253)."""
        self._aborted = self.disconnecting = True
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def _flushSendBIO(self) -> None:  # noqa: N802  # Twisted's name
        if self._writing or not self._handshakeDone:
            super()._flushSendBIO()
            return
        # Nobody writes: what OpenSSL has made is its own answer to something. See `UNASKED`.
        try:
            made = self._tlsConnection.bio_read(2**15)
        except SSL.WantReadError:
            return
        self._unasked += len(made)
        if self._unasked > UNASKED and not self._client:
            self.abortConnection()
        else:
            self.transport.write(made)  # type: ignore[union-attr]  # only a connected one has received anything

    def _write(self, data: bytes) -> None:
        self._writing = True
        try:
            self._write_records(data)
        finally:
            self._writing = False

    def _write_records(self, data: bytes) -> None:
        if len(data) <= RECORD or self._lostTLSConnection:
            super()._write(data)
            return
        # Several records: encrypted from the same buffer, no slice copied, and sent together.
        connection = self._tlsConnection
        view, done, flushed = memoryview(data), 0, 0
        try:
            while done < len(view) and not self._lostTLSConnection:
                # OpenSSL takes one record per call (pyOpenSSL sets SSL_MODE_ENABLE_PARTIAL_WRITE).
                done += connection.send(view[done : done + RECORD])
                if done - flushed >= FLUSH or done == len(view):
                    self._flush_records(done - flushed)
                    flushed = done
        except SSL.WantReadError:
            # Mid-handshake: what is encrypted goes, the rest waits for the peer.
            self._flush_records(done - flushed)
            self._bufferedWrite(data[done:])
        except SSL.Error:
            self._tlsShutdownFinished(Failure())

    def _flush_records(self, clear: int) -> None:
        """Send what OpenSSL made of `clear` bytes."""
        try:
            encrypted = self._tlsConnection.bio_read(clear + OVERHEAD * (clear // RECORD + 2))
        except SSL.WantReadError:
            return
        assert self.transport is not None  # for the type checker: only a connected one encrypts
        self.transport.write(encrypted)


class _Client(DirectTLS):
    """The same where we open the connection: a server may shake hands again, and has to read what we say to it."""

    _client = True


class OverTLS(WrappingFactory):
    """Makes connections over TLS by what their creator says at that moment: a reload may change it.

    Args:
        creator: Has the sessions.
        factory: Builds the protocols inside.
        reactor: A clock.
        client: True where we open the connection.
    """

    noisy = False

    def __init__(self, creator: Standard, factory: IProtocolFactory, reactor: Any, *, client: bool) -> None:
        super().__init__(factory)
        self._creator = creator
        self._reactor = reactor
        self._client = client
        self._by_pyopenssl: TLSMemoryBIOFactory | None = None

    def buildProtocol(self, addr: Any) -> Any:
        """Make one; see `IProtocolFactory.buildProtocol`."""
        sessions = self._creator.sessions
        if sessions is None:
            if self._by_pyopenssl is None:
                self._by_pyopenssl = _by_pyopenssl(
                    self._creator, self.wrappedFactory, self._reactor, client=self._client
                )
            return self._by_pyopenssl.buildProtocol(addr)
        protocol = self.wrappedFactory.buildProtocol(addr)
        return None if protocol is None else MemoryTLS(sessions, protocol, self._reactor)


def over_tls(creator: Any, factory: IProtocolFactory, reactor: IReactorTime, *, client: bool) -> Any:
    """Wrap a factory so that its protocols speak through TLS.

    Args:
        creator: Makes the OpenSSL connection: an `IOpenSSLServerConnectionCreator`, or `…Client…`; one that is
            `Standard` may have a session of `ssl` in its place.
        factory: Builds the protocols inside.
        reactor: Twisted wants a clock, and would take the global reactor.
        client: True where we open the connection.
    """
    make = OverTLS if isinstance(creator, Standard) else _by_pyopenssl
    return make(creator, factory, reactor, client=client)


def _by_pyopenssl(creator: Any, factory: IProtocolFactory, reactor: Any, *, client: bool) -> TLSMemoryBIOFactory:
    wrapped = TLSMemoryBIOFactory(creator, client, factory, clock=reactor)
    wrapped.protocol = _Client if client else DirectTLS
    return wrapped
