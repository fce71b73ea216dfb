"""Why no connection came about is told, and not too often."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from OpenSSL import SSL
from service_identity.exceptions import DNSMismatch, VerificationError
from service_identity.hazmat import DNS_ID
from twisted.internet import error
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from gateway.testing import Harness
from gateway.upstream.complaints import AGAIN, ANOTHER, Complaints, words


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
        (VerificationError(errors=[DNSMismatch(mismatched_id=DNS_ID("orders.internal"))]), "orders.internal"),
        (error.ConnectionRefusedError(osError=111), "Connection was refused"),
        (error.DNSLookupError("address 'a' not found"), "address 'a' not found"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_a_cause_is_one_line(failure: Exception, expected: str) -> None:
    """In the words of who knows: OpenSSL, the kernel, the resolver."""
    said = words(Failure(failure))

    assert expected in said
    assert "\n" not in said


def test_the_same_cause_is_told_once_a_minute_another_one_at_once() -> None:
    """But not more often than once a second, when two take turns."""
    clock = Clock()
    complaints = Complaints("orders", "http://10.0.0.1", clock.seconds)
    refused, lost = Failure(error.ConnectionRefusedError()), Failure(error.ConnectionLost())

    def told(failure: Any, after: float) -> int:
        clock.advance(after)
        with capturedLogs() as events:
            complaints.dial_failed(failure)
        return len(events)

    assert [told(refused, 0), told(refused, 1), told(lost, 0), told(refused, 0), told(lost, 0)] == [1, 0, 1, 0, 0]
    assert told(refused, ANOTHER) == 1
    assert told(refused, AGAIN - 0.1) == 0
    assert told(refused, 0.1) == 1


def test_a_backend_that_refuses_is_named_with_the_cause() -> None:
    """And one whose dial was given up, because its client has gone, is not."""
    harness = Harness("orders", "users")
    harness.backend("orders").refuse_connections()
    harness.backend("users").swallow_connections()
    with capturedLogs() as events:
        assert harness.get("/orders/1").status == 502
        assert harness.get("/orders/1").status == 502
        client = harness.send(b"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.reset()
        harness.advance(2)

    said = [formatEvent(event) for event in events if event["log_namespace"] == "gateway.upstream.complaints"]
    assert len(said) == 1
    assert said[0].startswith("orders: no connection to http://127.0.0.1:9001: ")
