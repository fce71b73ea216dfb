"""From Twisted's and OpenSSL's failures to a `GatewayError`: the one table.

Asked by the forwarder when an attempt failed. Decides only. What the peers of
this module raise is unchanged up to here, so that the log can tell it as it was.
"""

from __future__ import annotations

from OpenSSL import SSL
from service_identity.exceptions import CertificateError, VerificationError
from twisted.internet import error
from twisted.python.failure import Failure

from gateway.dialling.tls import HandshakeFailed
from gateway.errors import (
    BackendConnectTimeout,
    BackendRefused,
    BackendReset,
    BackendTLSFailed,
    GatewayError,
    InternalError,
)

# The first that fits counts: Twisted's timeouts are kinds of ConnectError too.
TABLE: tuple[tuple[type[Exception], type[GatewayError]], ...] = (
    (HandshakeFailed, BackendTLSFailed),
    (SSL.Error, BackendTLSFailed),
    (VerificationError, BackendTLSFailed),
    (CertificateError, BackendTLSFailed),
    (error.VerifyError, BackendTLSFailed),
    (error.TimeoutError, BackendConnectTimeout),
    (error.TCPTimedOutError, BackendConnectTimeout),  # the kernel gave up before us
    (error.ConnectBindError, InternalError),  # no socket to be had here: that is not the backend's fault
    (error.DNSLookupError, BackendRefused),
    (error.ConnectError, BackendRefused),  # refused, no route
    (error.ConnectionClosed, BackendReset),  # lost, done, aborted
)


def failure_to_error(failure: Failure) -> GatewayError:
    """Say whose fault a failed attempt was; an error of ours stays as it is."""
    value = failure.value
    if isinstance(value, GatewayError):
        return value
    for kind, mapped in TABLE:
        if isinstance(value, kind):
            return mapped()
    return InternalError()
