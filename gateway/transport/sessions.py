"""What makes the OpenSSL sessions of connections that the standard library's `ssl` serves.

Implemented by the certificates of a listener (`gateway.listening`) and by what is known of a backend
(`gateway.dialling.tls`); asked by `gateway.transport.memory_tls` for each connection.

# Note [Two OpenSSLs]
`ssl` is linked with the OpenSSL of the Python that runs, pyOpenSSL with the one that `cryptography` brings along.
A session of `ssl` costs a third of the processor's time (D-250), so it serves whatever it can. Listeners that ask for
certificates have pyOpenSSL's sessions, driven in the same way (`gateway.transport.pyopenssl_session`); what else `ssl`
has no call for is served by pyOpenSSL through Twisted's own TLS protocol. `Standard.sessions` says which it is, for
each connection anew: a reload may change it.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL
from twisted.logger import Logger

_log = Logger()

_PROC = "/proc/self/fd"


class Begun(NamedTuple):
    """A session, what takes for it what has come, and what has for it what is to be sent."""

    session: Any
    incoming: Any
    outgoing: Any


class Shown(ssl.SSLContext):
    """A server's context, which knows what it shows.

    Attributes:
        certificate: The server's own; None where none was loaded yet.
    """

    certificate: x509.Certificate | None = None


class ServerSessions:
    """Begins the sessions of clients."""

    def context(self, octets: bytes) -> ssl.SSLContext | None:
        """Return the context of one; None where more of the client's first message is needed.

        Args:
            octets: All that the client has sent so far.
        """
        raise NotImplementedError

    def begin(self, octets: bytes, protocol: Any) -> Begun | None:
        """Begin one; None where more of the client's first message is needed.

        Args:
            octets: All that the client has sent so far; they have still to be written into it.
            protocol: The one that is to be over TLS.
        """
        context = self.context(octets)
        if context is None:
            return None
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        return Begun(context.wrap_bio(incoming, outgoing, server_side=True), incoming, outgoing)

    def verify(self, session: Any, now: float) -> None:
        """Look whether a client may come in; called when the handshake is done, before anything is read from it.

        Raises:
            Exception: It may not; the connection ends with this.
        """

    def over(self, session: Any) -> None:
        """The connection has ended."""


class ClientSessions:
    """Begins sessions with one server."""

    def begin(self, now: float) -> Begun:
        """Begin one.

        Args:
            now: Seconds of the reactor's clock.
        """
        raise NotImplementedError

    def verify(self, session: ssl.SSLObject, now: float) -> None:
        """Look whether it is the server that was meant; called when the handshake is done, before anything is sent.

        Raises:
            Exception: It is another one; the connection ends with this.
        """
        raise NotImplementedError

    def over(self, session: ssl.SSLObject) -> None:
        """A connection whose server was verified has ended."""
        raise NotImplementedError


class Standard:
    """A creator of pyOpenSSL's connections that may have `ssl`'s in their place; Note [Two OpenSSLs].

    Attributes:
        sessions: What begins them now; None where Twisted's protocol has to.
    """

    sessions: ServerSessions | ClientSessions | None = None


class OneContext(ServerSessions):
    """The same for every client."""

    def __init__(self, made: ssl.SSLContext) -> None:
        self._made = made

    def context(self, octets: bytes) -> ssl.SSLContext:
        """Return it."""
        return self._made


def server_context(
    like: SSL.Context, key: Any, certificates: Sequence[x509.Certificate], alpn: Sequence[bytes]
) -> ssl.SSLContext:
    """Make a context for a server with the versions and ciphers of one that Twisted has made.

    Args:
        like: Twisted's.
        key: A private key of `cryptography`.
        certificates: The one for the key, and those that clients need to follow it to its root.
        alpn: Protocols that we speak, best first.

    Raises:
        ssl.SSLError: This OpenSSL cannot use the key or a certificate.
    """
    made = Shown(ssl.PROTOCOL_TLS_SERVER)
    made.certificate = certificates[0]
    adopt(made, manner(like))
    # Renegotiation would let a client make us do the costly half of the handshake again and again.
    made.options |= ssl.OP_NO_RENEGOTIATION
    set_alpn(made, alpn)
    show(made, key, certificates)
    return made


def show(made: ssl.SSLContext, key: Any, certificates: Sequence[x509.Certificate]) -> None:
    """Have a context show certificates; arguments and errors as for `server_context`."""
    shown = b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
    with file_of(shown + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())) as path:
        made.load_cert_chain(path)


def say_that_it_is_slower(error: Exception) -> None:
    """Log that pyOpenSSL serves what `ssl` might have."""
    _log.info("TLS is served by pyOpenSSL, which is slower: Python's own OpenSSL says {error}", error=str(error))


class Manner(NamedTuple):
    """The lowest version and the ciphers that are spoken."""

    lowest: ssl.TLSVersion
    ciphers: str


def manner(like: SSL.Context) -> Manner:
    """Return those of a context that Twisted has made and nobody has used."""
    newest_only = like.set_options(0) & SSL.OP_NO_TLSv1_2
    # Those of TLS 1.3 have names of their own (TLS_…), and are OpenSSL's choice in either library.
    older = [each for each in SSL.Connection(like, None).get_cipher_list() if not each.startswith("TLS_")]
    return Manner(ssl.TLSVersion.TLSv1_3 if newest_only else ssl.TLSVersion.TLSv1_2, ":".join(older))


def adopt(made: ssl.SSLContext, taken: Manner) -> None:
    """Speak in a manner; and see an end without `close_notify`, which Python leaves unseen."""
    made.minimum_version = taken.lowest
    if taken.ciphers:
        made.set_ciphers(taken.ciphers)
    made.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF


def set_alpn(made: ssl.SSLContext, alpn: Sequence[bytes]) -> None:
    """Offer protocols, best first; nothing in common is no error."""
    if alpn:
        made.set_alpn_protocols([each.decode("ascii") for each in alpn])


@contextmanager
def file_of(content: bytes) -> Iterator[str]:
    """Give octets a name in the file system, for `ssl`, which reads keys from files only; no disk has them."""
    if hasattr(os, "memfd_create") and Path(_PROC).is_dir():
        descriptor = os.memfd_create("gateway-tls", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            yield f"{_PROC}/{descriptor}"
        return
    with tempfile.NamedTemporaryFile(prefix="gateway-tls-") as named:  # mode 600
        named.write(content)
        named.flush()
        yield named.name
