"""The certificate of an `ssl:` endpoint, which can be read again.

Twisted reads it while it parses the string, and keeps it as long as the port
is open; a certificate that is renewed every few weeks asks for more than that.
"""

# mypy: allow-untyped-calls
# (OpenSSL contexts as Twisted makes them carry no types.)

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions
from zope.interface import implementer

from gateway.config.endpoint_strings import parse
from gateway.listening.certificates import pem_blocks, shown_as
from gateway.listening.hardening import harden, leave_weak_ciphers_out
from gateway.transport.sessions import OneContext, Standard, say_that_it_is_slower, server_context


@implementer(IOpenSSLServerConnectionCreator)
class SingleCertificate(Standard):
    """Makes connections with what an `ssl:` endpoint says, and can be told that its files have changed.

    Args:
        description: The endpoint string.
        made: What Twisted made of it.
        alpn: Protocols that we speak, best first.

    Attributes:
        shown: The name and the end of its certificate; see `gateway.listening.certificates.CertificateStore`.
    """

    def __init__(self, description: str, made: Any, alpn: Sequence[bytes]) -> None:
        self._description = description
        self._alpn = tuple(alpn)
        self._context, self.sessions, self.shown = self._made_of(made)

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Make the connection object for a handshake; see `IOpenSSLServerConnectionCreator`."""
        return SSL.Connection(self._context, None)

    def read_again(self) -> Callable[[], None]:
        """Read the files again; see `gateway.listening.certificates.CertificateStore.read_again`."""
        reactor = _Listener()
        serverFromString(reactor, self._description).listen(Factory())
        fresh = self._made_of(reactor.made)

        def use() -> None:
            self._context, self.sessions, self.shown = fresh

        return use

    def _made_of(self, made: Any) -> tuple[SSL.Context, OneContext | None, list[tuple[str, float]]]:
        # The context is made now, not at the first handshake: a certificate that OpenSSL refuses is an error now.
        context: SSL.Context = made.getContext()
        chain = self._chain()
        for certificate in chain:
            context.add_extra_chain_cert(crypto.X509.from_cryptography(certificate))
        harden(context, self._alpn)
        if self._description.startswith("ssl:"):
            leave_weak_ciphers_out(context)
        # The context factory of another endpoint (a plugin's) need not have a certificate that it shows us.
        leaf: Any = getattr(made, "certificate", None)
        shown = [shown_as(leaf.to_cryptography())] if isinstance(leaf, crypto.X509) else []
        return context, self._sessions(made, context, chain), shown

    def _sessions(self, made: Any, context: SSL.Context, chain: list[x509.Certificate]) -> OneContext | None:
        """Return what has `ssl` serve the clients; None for what only pyOpenSSL can do.

        That is what another endpoint (a plugin's) has made: whatever it asks of clients, its context does. And `ssl:`
        with `sslmethod` or `dhParameters`, which the standard library cannot be told.
        """
        ours = self._description.startswith("ssl:") and made.__class__ is CertificateOptions
        if not ours or made.method != SSL.TLS_METHOD or made.dhParameters is not None:
            return None
        own: Any = made.certificate
        key: Any = made.privateKey
        above = [each.to_cryptography() for each in made.extraCertChain]
        certificates = (own.to_cryptography(), *above, *chain)
        try:
            return OneContext(server_context(context, key.to_cryptography_key(), certificates, self._alpn))
        except ssl.SSLError as error:
            say_that_it_is_slower(error)
            return None

    def _chain(self) -> list[x509.Certificate]:
        """Return the certificates that follow the first one in its file: Twisted reads the first one only.

        `fullchain.pem` of certbot is such a file; without the rest of it, the certificate is trusted only by clients
        that have met its issuer before.
        """
        kind, named = parse(self._description)
        file = named.get("certKey") or named.get("privateKey")
        if kind != "ssl" or file is None or "extraCertChain" in named:
            return []
        certificates, _ = pem_blocks(Path(file))
        # A root is left out: clients have it, or do not trust it.
        return [each for each in certificates[1:] if each.subject != each.issuer]


class _Listener:
    """Stands in for a reactor: it does not listen, and remembers the context factory that it was to listen with."""

    made: Any = None

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, backlog: int, interface: str) -> None:  # noqa: N803  # the interface's
        self.made = contextFactory
