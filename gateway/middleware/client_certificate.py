"""What becomes of a client's certificate: refused where it is revoked, told to the backend where that is wished.

Both steps are there only where `auth.mtls` says so.

Tests: `tests/flow/test_client_certificates.py::test_the_backend_sees_the_certificate`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from twisted.logger import Logger

from gateway.errors import CertificateRevoked, Forbidden
from gateway.exchange import Exchange
from gateway.identity.certificate_lists import CertificateLists
from gateway.identity.tunnels import CertifiedTunnels
from gateway.limiting.sparing import Sparing, more

LONGEST = 12 * 1024
"""Most octets of a certificate that is told to a backend: as a field of 16 KiB most servers take no more."""

_log = Logger()


class RevokedCertificates:
    """Refuses who shows a certificate that is revoked, or of which nothing is known any more.

    Asked for each request, not only in the handshake: a certificate may be revoked while its connection is open, and a
    list expires.

    Args:
        lists: What is revoked.
        wall_clock: Unix seconds.
        tunnels: The open tunnels of those who have shown a certificate.
        count: Counts results; takes the method and `revoked`.
        sparing: Says what may be told of.
    """

    name = "revoked_certificates"
    __slots__ = ("_count", "_lists", "_sparing", "_tunnels", "_wall_clock")

    def __init__(
        self,
        lists: CertificateLists,
        wall_clock: Callable[[], float],
        tunnels: CertifiedTunnels,
        count: Callable[[str, str], None],
        sparing: Sparing,
    ) -> None:
        self._sparing = sparing
        self._lists = lists
        self._tunnels = tunnels
        self._wall_clock = wall_clock
        self._count = count

    def on_request(self, exchange: Exchange) -> None:
        """Let an exchange pass, or refuse it.

        Raises:
            CertificateRevoked: The client's certificate is revoked, or its authority's list has expired.
        """
        chain = exchange.peer.chain()
        if not chain:
            return
        cause, since, until = self._lists.verdict(chain)
        if not cause and since <= self._wall_clock() < until:
            return
        self._count("mtls", "revoked")
        cause = cause or "the list of its authority is not valid now"
        untold = self._sparing.may_tell((cause, exchange.client_address))
        if untold is not None:
            _log.info(
                "Refused the certificate of {client_ip}: {cause}{more}",
                client_ip=exchange.client_address,
                cause=cause,
                request_id=exchange.request_id,
                untold=untold,
                more=more(untold),
                event="certificate.refused",
            )
        raise CertificateRevoked()

    def on_response(self, exchange: Exchange) -> None:
        """Enter a tunnel that is about to be opened: it may outlast the certificate."""
        response = exchange.response
        if response is not None and response.tunnel is not None and (chain := exchange.peer.chain()):
            self._tunnels.add(exchange, response.tunnel, chain)

    def on_finish(self, exchange: Exchange) -> None:
        """Forget the tunnel of the exchange, if it had one."""
        self._tunnels.remove(exchange)


class CertificateField:
    """Tells the backend the client's certificate (RFC 9440 section 2.2).

    Args:
        name: Of the field; no client may send it.
    """

    name = "client_certificate"
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name.encode()

    def on_request(self, exchange: Exchange) -> None:
        """Add the field, where the client has shown a certificate.

        Raises:
            Forbidden: It is too long for a field.
        """
        certificate = exchange.peer.certificate()
        if certificate is None:
            return
        if len(certificate) > LONGEST:
            raise Forbidden("The client certificate is too long to be told to the backend.")
        exchange.headers_out.append((self._name, b":%b:" % b64encode(certificate)))
