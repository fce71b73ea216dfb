"""Client certificates, as the configuration sets them up."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from gateway.composition.builders.mtls import certificate_authenticator
from gateway.config import from_mapping
from gateway.middleware.mtls import CertificateAuthenticator
from gateway.testing import Harness
from tests.pki import Authority

ORDERS = Authority().issue("orders.example", common="Orders")[0].public_bytes(serialization.Encoding.DER)


def built(endpoint: str = "sni:8443:certificates=live:clientCA=ca.pem", **auth: Any) -> CertificateAuthenticator:
    """Return what these settings build."""
    settings = from_mapping({"listeners": [{"endpoint": endpoint}], "auth": auth})
    return certificate_authenticator(settings, Harness().gateway.foundation)


def test_every_key_counts() -> None:
    """The kind of name, and the entries."""
    listed = {"name": "orders.*", "user": "orders", "roles": ["shop"], "scopes": ["read"]}
    made = built(mtls={"user": "san_dns", "clients": [listed], "listed_only": True})

    principal = made.verify(ORDERS, None)  # type: ignore[arg-type]  # a certificate says it all

    assert (principal.subject, *principal.roles, *principal.scopes) == ("orders", "shop", "read")


@pytest.mark.parametrize(("endpoint", "lines"), [("tcp:8080", 1), ("sni:8443:certificates=live:clientCA=ca.pem", 0)])
def test_a_gateway_that_asks_nobody_for_a_certificate_is_warned_about(endpoint: str, lines: int) -> None:
    """No listener asks clients for one, so every request would be refused."""
    heard: list[LogEvent] = []

    @implementer(ILogObserver)
    def hear(event: LogEvent) -> None:
        heard.append(event)

    globalLogPublisher.addObserver(hear)
    try:
        built(endpoint)
    finally:
        globalLogPublisher.removeObserver(hear)

    assert sum("clientCA" in str(event.get("log_format")) for event in heard) == lines
