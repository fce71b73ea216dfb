from __future__ import annotations

import ssl
from ipaddress import ip_address

import pytest
from OpenSSL import SSL
from service_identity.exceptions import CertificateError, DNSMismatch, IPAddressMismatch, VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID
from twisted.internet import error
from twisted.python.failure import Failure

from gateway.dialling.failures import failure_to_error, words
from gateway.dialling.tls_errors import HandshakeFailed
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


def refused() -> ssl.SSLError:
    """What OpenSSL says of a certificate."""
    error = ssl.SSLCertVerificationError()
    error.reason, error.verify_message = "CERTIFICATE_VERIFY_FAILED", "certificate has expired"
    return error


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (
            SSL.Error([("SSL routines", "", "certificate verify failed")]),
            "TLS: certificate verify failed",
        ),
        (SSL.Error([]), "TLS: the handshake failed"),
        (ssl.SSLError(), "TLS: the handshake failed"),
        (refused(), "TLS: certificate verify failed: certificate has expired"),
        (
            VerificationError(errors=[DNSMismatch(mismatched_id=DNS_ID("orders.internal"))]),
            "TLS: the certificate is not for orders.internal",
        ),
        (
            VerificationError(errors=[IPAddressMismatch(mismatched_id=IPAddress_ID(ip_address("10.0.0.1")))]),
            "TLS: the certificate is not for 10.0.0.1",
        ),
        (VerificationError(errors=[]), "TLS: the certificate is not for this server"),
        (CertificateError("Certificate's DNS-ID b'*.test' is odd."), "TLS: Certificate's DNS-ID '*.test' is odd."),
        (error.ConnectionRefusedError(osError=111), "Connection was refused"),
        (error.DNSLookupError("address 'a' not found"), "address 'a' not found"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_a_cause_is_one_line(failure: Exception, expected: str) -> None:
    """In the words of who knows: OpenSSL, the kernel, the resolver."""
    said = words(failure)

    assert expected in said
    assert "\n" not in said
