"""Client certificates as a way to authenticate.

Tests: `tests/composition/builders/test_mtls.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.exchange import Exchange
from gateway.identity.certificates import CertificateRules
from gateway.principal import Principal


class CertificateAuthenticator:
    """Takes the certificate of the client's connection; see `gateway.interfaces.Authenticator`.

    Args:
        rules: Turn a certificate into a principal.
        wall_clock: Unix seconds.
    """

    name = "mtls"
    challenge = b""  # a certificate is shown in the TLS handshake: no field of a second request could add it
    cacheable = True
    fields: frozenset[bytes] = frozenset()

    def __init__(self, rules: CertificateRules, wall_clock: Callable[[], float]) -> None:
        self._rules = rules
        self._wall_clock = wall_clock

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the certificate that the connection was opened with."""
        return exchange.peer.certificate()

    def verify(self, credential: bytes, exchange: Exchange) -> Principal:
        """Return the principal that the certificate stands for."""
        return self._rules.principal(credential, self._wall_clock())

    def withhold(self, exchange: Exchange) -> None:
        """Do nothing: a certificate is not part of the request."""
