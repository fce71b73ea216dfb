"""Sessions of the standard library's `ssl` with one server: whom to trust, which name to find, and coming back.

Made by `gateway.dialling.tls`; Note [Two OpenSSLs] in `gateway.transport.sessions` says why there are two ways.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address
from twisted.internet.ssl import CertificateOptions

from gateway.dialling.resolver import is_literal
from gateway.http.idn import to_ascii
from gateway.transport.sessions import Begun, ClientSessions, Manner, adopt, manner, set_alpn, show

RESUMED_FOR = 3600.0
"""Seconds that a session may be taken up again: after that the server has to show its certificate once more."""


class Sessions(ClientSessions):
    """Sessions with one server.

    Args:
        made: With what they are begun.
        name: Looked for in the certificate, and sent, unless it is an address.
        verify: False where any certificate is accepted.

    Raises:
        ValueError: `ssl` cannot ask for the name.
    """

    def __init__(self, made: ssl.SSLContext, name: str, *, verify: bool) -> None:
        self._made = made
        self._literal = is_literal(name)
        self._name = name if self._literal else to_ascii(name)
        self._verify = verify
        self._kept: ssl.SSLSession | None = None
        self._shown = 0.0
        self.begin(0.0)  # for its complaints of the name: a dial is too late for them

    def begin(self, now: float) -> Begun:
        """See `ClientSessions.begin`. A session that was kept is offered once (RFC 8446 appendix C.4)."""
        kept, self._kept = self._kept, None
        if now - self._shown > RESUMED_FOR:
            kept = None
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if self._literal else self._name
        session = self._made.wrap_bio(incoming, outgoing, server_hostname=name, session=kept)
        return Begun(session, incoming, outgoing)

    def verify(self, session: ssl.SSLObject, now: float) -> None:
        """See `ClientSessions.verify`. OpenSSL has verified who signed the certificate; whose it is, is asked here."""
        if not session.session_reused:
            self._shown = now
        if not self._verify:
            return
        shown = session.getpeercert(True)
        assert shown is not None  # it was required
        check_name(x509.load_der_x509_certificate(shown), self._name)

    def over(self, session: ssl.SSLObject) -> None:
        """See `ClientSessions.over`: keep its last ticket for the next connection."""
        last = session.session
        if last is not None and last.has_ticket:
            self._kept = last


def check_name(certificate: x509.Certificate, name: str) -> None:
    """Look for a name in a certificate, for an address among its addresses (RFC 9525).

    Raises:
        service_identity.VerificationError: It is another's.
        service_identity.CertificateError: It has no name that could be compared.
    """
    check = verify_certificate_ip_address if is_literal(name) else verify_certificate_hostname
    check(certificate, name)


def sessions_with(
    name: str,
    authorities: Sequence[x509.Certificate] | None,
    identity: tuple[Any, Sequence[x509.Certificate]] | None,
    alpn: Sequence[bytes],
    *,
    verify: bool,
) -> Sessions | None:
    """Return the sessions with a server; None where `ssl` finds no authorities of the system.

    Args:
        name: The server's.
        authorities: That are trusted; None for the system's.
        identity: Key and certificates to be shown; None for none.
        alpn: Protocols that we speak, best first.
        verify: False where any certificate is accepted.

    Raises:
        ssl.SSLError: This OpenSSL cannot use the key or a certificate.
        ValueError: `ssl` cannot ask for the name.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False  # by `Sessions.verify`
    made.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    adopt(made, _as_twisted())
    set_alpn(made, alpn)
    if identity is not None:
        show(made, *identity)
    if verify and authorities is not None:
        made.load_verify_locations(cadata=b"".join(each.public_bytes(Encoding.DER) for each in authorities))
    elif verify:
        places = ssl.get_default_verify_paths()
        named = os.environ.get(places.openssl_cafile_env) or os.environ.get(places.openssl_capath_env)
        if not named and places.cafile is None and places.capath is None:
            return None  # a Python from elsewhere; pyOpenSSL looks where distributions have them
        made.set_default_verify_paths()
    return Sessions(made, name, verify=verify)


@cache
def _as_twisted() -> Manner:
    """Return how Twisted's clients speak."""
    return manner(CertificateOptions().getContext())
