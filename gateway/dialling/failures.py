"""The table from Twisted's and OpenSSL's failures to a `GatewayError`, and what the log says of them.

Asked by the forwarder when an attempt failed. Decides only. The other modules of
this room pass failures on unchanged, so that the log can name the first cause.
"""

from __future__ import annotations

import re
import ssl
from typing import Any

from OpenSSL import SSL
from service_identity.exceptions import CertificateError, VerificationError
from twisted.internet import error
from twisted.python.failure import Failure

from gateway.dialling.tls_errors import HandshakeFailed
from gateway.errors import (
    BackendConnectTimeout,
    BackendRefused,
    BackendReset,
    BackendTLSFailed,
    GatewayError,
    InternalError,
)

# The first entry that fits counts: Twisted's timeouts are subclasses of ConnectError.
TABLE: tuple[tuple[type[Exception], type[GatewayError]], ...] = (
    (HandshakeFailed, BackendTLSFailed),
    (SSL.Error, BackendTLSFailed),
    (ssl.SSLError, BackendTLSFailed),
    (VerificationError, BackendTLSFailed),
    (CertificateError, BackendTLSFailed),
    (error.VerifyError, BackendTLSFailed),
    (error.TimeoutError, BackendConnectTimeout),
    (error.TCPTimedOutError, BackendConnectTimeout),  # the kernel gave up before us
    (error.ConnectBindError, InternalError),  # this machine has no socket left: not the backend's fault
    (error.DNSLookupError, BackendRefused),
    (error.ConnectError, BackendRefused),  # refused, no route
    (error.ConnectionClosed, BackendReset),  # lost, done, aborted
)


def failure_to_error(failure: Failure) -> GatewayError:
    """Return the error that a failure stands for; a `GatewayError` stays as it is."""
    value = failure.value
    if isinstance(value, GatewayError):
        return value
    kind = next((mapped for kind, mapped in TABLE if isinstance(value, kind)), InternalError)
    error = kind()
    error.__cause__ = value  # for who explains it: `gateway.serving.explaining`
    return error


def reset_by(failure: Failure | None) -> BackendReset:
    """Return the error of a backend that ended an open connection; TLS may have said why.

    In TLS 1.3 a server refuses the client's certificate, or its absence, when the client has shaken hands already.

    Args:
        failure: What the connection was lost by; None for a plain end.
    """
    made = BackendReset()
    if failure is not None and isinstance(failure.value, (SSL.Error, ssl.SSLError)):
        made.__cause__ = failure.value
    return made


def words(error: BaseException | None) -> str:
    """Say in one line what went wrong, to who reads the log."""
    if isinstance(error, SSL.Error):
        queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
        return "TLS: " + ("; ".join(str(entry[-1]) for entry in queue) or "the handshake failed")
    if isinstance(error, ssl.SSLError):
        # By name, such as CERTIFICATE_VERIFY_FAILED; of a certificate OpenSSL says further what is wrong with it.
        reason = (getattr(error, "reason", None) or "the handshake failed").lower().replace("_", " ")
        why = getattr(error, "verify_message", "")
        return f"TLS: {reason}: {why}" if why else f"TLS: {reason}"
    if isinstance(error, VerificationError):
        return f"TLS: the certificate is not for {', '.join(map(_asked_for, error.errors)) or 'this server'}"
    if isinstance(error, CertificateError):
        return "TLS: " + re.sub(r"\bb(?=')", "", str(error) or "the certificate cannot be read")
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def _asked_for(mismatch: Any) -> str:
    """Return the name or the address that a certificate was to have."""
    asked = mismatch.mismatched_id
    name = getattr(asked, "hostname", None)
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(getattr(asked, "ip", asked))
