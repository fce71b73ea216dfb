"""Tell the operator of a client whose certificate ended the handshake: no request of it comes, so nothing else would.

Used by `gateway.listening.certificates`. The client is told by an alert, which says little; the log has why, and whose
certificate it was. What a listener asks of clients stays as it was: this listens only (D-235).

# Note [The context that a connection began with]
OpenSSL copies the callback that hears of certificates from the context that a connection begins with, and goes on
calling it after the connection was given another one (for the name that the client asks for). The callback's memory
belongs to the first context, which a reload may let go of in the middle of the handshake: so the connection keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from OpenSSL import SSL, crypto
from twisted.logger import Logger

from gateway.limiting.sparing import Sparing, more

LONGEST = 200
"""Characters of a subject that are written: a stranger may have made the certificate."""

_log = Logger()

_sparing = Sparing(time.monotonic)
"""For all listeners of the process: they share its log."""

_REASONS = {
    SSL.X509VerificationCodes.ERR_CERT_REVOKED: "it is revoked",
    SSL.X509VerificationCodes.ERR_CERT_HAS_EXPIRED: "it has expired",
    SSL.X509VerificationCodes.ERR_CERT_NOT_YET_VALID: "it is not valid yet",
    SSL.X509VerificationCodes.ERR_UNABLE_TO_GET_CRL: "no list of revoked certificates says anything of its issuer's",
    SSL.X509VerificationCodes.ERR_CRL_HAS_EXPIRED: "the list of revoked certificates of its issuer has expired",
    SSL.X509VerificationCodes.ERR_CRL_NOT_YET_VALID: "the list of revoked certificates of its issuer is not valid yet",
    SSL.X509VerificationCodes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "no authority in `clientCA` has signed it",
    SSL.X509VerificationCodes.ERR_SELF_SIGNED_CERT_IN_CHAIN: "no authority in `clientCA` has signed it",
    SSL.X509VerificationCodes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "no authority in `clientCA` has signed it",
    SSL.X509VerificationCodes.ERR_CERT_SIGNATURE_FAILURE: "no authority in `clientCA` has signed it",
}


class CertificateExpired(Exception):
    """The certificate of a client that has come back has expired since."""


def log_refusals(context: SSL.Context) -> None:
    """Have a context log each certificate that it refuses.

    Args:
        context: Not used for a connection yet; what it verifies is set.
    """
    context.set_verify(context.get_verify_mode(), _heard)


def keep_first(connection: SSL.Connection, context: SSL.Context) -> None:
    """Keep the context that a connection began with, before it is given another one; see the note."""
    setattr(connection, "gateway_began_with", context)  # noqa: B010  # pyOpenSSL has no place for it


def _heard(connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, right: int) -> bool:
    """Return OpenSSL's own verdict on a certificate."""
    if not right:
        _tell(connection, certificate, depth, _REASONS.get(error, f"OpenSSL's error {error}"))
    return bool(right)


def refuse_expired(connection: SSL.Connection, wall_clock: Callable[[], float] = time.time) -> None:
    """Refuse a client whose certificate has expired, though OpenSSL lets it in.

    A client that comes back with a ticket shows no certificate, so that OpenSSL asks for no date; and each time it is
    given a new ticket (D-299).

    Args:
        connection: Its handshake is done.
        wall_clock: Unix seconds.

    Raises:
        CertificateExpired: It has.
    """
    certificate = connection.get_peer_certificate(as_cryptography=True)
    if certificate is not None and certificate.not_valid_after_utc.timestamp() <= wall_clock():
        expired = SSL.X509VerificationCodes.ERR_CERT_HAS_EXPIRED
        _tell(connection, crypto.X509.from_cryptography(certificate), 0, _REASONS[expired])
        raise CertificateExpired()


def _tell(connection: SSL.Connection, certificate: crypto.X509, depth: int, cause: str) -> None:
    # The protocol is there, as Twisted has it.
    transport = getattr(connection.get_app_data(), "transport", None)
    peer = None if transport is None else transport.getPeer()
    # `ascii` ends no line of a log, whatever a stranger has written into the name.
    subject = ascii(_subject(certificate))[1:-1][:LONGEST]
    untold = _sparing.may_tell((subject, cause))
    if untold is None:
        return
    _log.info(
        "Refused the certificate of {client_ip} in the handshake: {subject}: {cause}{more}",
        client_ip=getattr(peer, "host", ""),
        subject=subject,
        depth=depth,
        cause=cause,
        untold=untold,
        more=more(untold),
        event="certificate.refused",
    )


def _subject(certificate: crypto.X509) -> str:
    try:
        return certificate.to_cryptography().subject.rfc4514_string()
    except ValueError:
        return "a subject that cannot be read"
