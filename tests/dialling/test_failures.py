from __future__ import annotations

import ssl

import pytest
from OpenSSL import SSL
from service_identity.exceptions import CertificateError, VerificationError
from twisted.internet import error
from twisted.python.failure import Failure

from gateway.dialling.failures import failure_to_error
from gateway.dialling.tls import HandshakeFailed
from gateway.errors import (
    BackendConnectTimeout,
    BackendRefused,
    BackendReset,
    BackendTLSFailed,
    GatewayError,
    InternalError,
    PoolExhausted,
    Retry,
    Source,
)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (error.ConnectionRefusedError(), BackendRefused),
        (error.NoRouteError(), BackendRefused),
        (error.ConnectError(), BackendRefused),
        (error.DNSLookupError(), BackendRefused),
        (error.TimeoutError(), BackendConnectTimeout),
        (error.TCPTimedOutError(), BackendConnectTimeout),
        (SSL.Error([]), BackendTLSFailed),
        (ssl.SSLError(), BackendTLSFailed),
        (ssl.SSLCertVerificationError(), BackendTLSFailed),
        (VerificationError(errors=[]), BackendTLSFailed),
        (CertificateError(), BackendTLSFailed),
        (HandshakeFailed(), BackendTLSFailed),
        (error.ConnectionLost(), BackendReset),
        (error.ConnectionDone(), BackendReset),
        (error.ConnectionAborted(), BackendReset),
        (error.ConnectBindError(), InternalError),
        (ZeroDivisionError(), InternalError),
    ],
)
def test_every_failure_has_its_error(failure: Exception, expected: type[GatewayError]) -> None:
    """The class of the error says whose fault it is, which status it has, and whether to try again."""
    assert type(failure_to_error(Failure(failure))) is expected


def test_an_error_of_ours_stays_what_it_is() -> None:
    """A `GatewayError` is returned as it is, with its header fields."""
    ours = PoolExhausted()

    assert failure_to_error(Failure(ours)) is ours


def test_a_connect_that_took_too_long_may_be_tried_elsewhere() -> None:
    """504 as for any slow backend; but nothing was sent, so it may be tried again."""
    assert BackendConnectTimeout.status == 504
    assert BackendConnectTimeout.reason == "upstream.timeout"
    assert BackendConnectTimeout.retry is Retry.IF_UNSENT


def test_what_fails_on_our_side_is_not_held_against_the_backend() -> None:
    """No free port, no free descriptor, a defect of the gateway."""
    for failure in (error.ConnectBindError(), ZeroDivisionError()):
        assert failure_to_error(Failure(failure)).source is Source.GATEWAY
