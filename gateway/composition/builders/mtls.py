"""Settings of `auth.mtls`: into what takes client certificates, refuses revoked ones and tells backends of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.logger import Logger

from gateway.composition.builders.content_files import read_content
from gateway.composition.foundation import Foundation
from gateway.config import ConfigError, Settings
from gateway.config.endpoint_strings import parse
from gateway.config.problems import Problem
from gateway.config.regular import read_regular
from gateway.config.schema.mtls import Mtls
from gateway.identity.certificate_lists import CertificateLists, ListUnusable, read_lists
from gateway.identity.certificates import CertificateRules, Client
from gateway.identity.tunnels import CertifiedTunnels
from gateway.limiting.sparing import Sparing
from gateway.middleware.client_certificate import CertificateField, RevokedCertificates
from gateway.middleware.mtls import CertificateAuthenticator
from gateway.telemetry.exposition import Sample
from gateway.transport import pem

_log = Logger()

KEY = "auth.mtls.crl"


def certificate_authenticator(settings: Settings, foundation: Foundation) -> CertificateAuthenticator:
    """Make what takes client certificates; one serves all routes of a configuration."""
    mtls = (settings.auth and settings.auth.mtls) or Mtls()
    if not any(":clientCA=" in listener.endpoint for listener in settings.listeners):
        # Not an error: a plugin's endpoint may ask for certificates in another way.
        _log.warn("Routes ask for client certificates, and no listener has `clientCA=`")
    clients = [
        Client(client.name, client.user or "", frozenset(client.roles), frozenset(client.scopes))
        for client in mtls.clients
    ]
    return CertificateAuthenticator(CertificateRules(mtls.user, clients, mtls.listed_only), foundation.wall_clock)


def certificate_field(settings: Settings) -> CertificateField | None:
    """Make the step that tells backends the client's certificate; None where that is not wished."""
    mtls = None if settings.auth is None else settings.auth.mtls
    return None if mtls is None or mtls.client_cert_header is None else CertificateField(mtls.client_cert_header)


def revoked_certificates(
    settings: Settings, foundation: Foundation, count: Callable[[str, str], None]
) -> RevokedCertificates | None:
    """Make the step that refuses revoked certificates; None where there is no list of them.

    Raises:
        ConfigError: A list cannot be used.
    """
    mtls = None if settings.auth is None else settings.auth.mtls
    if mtls is None or not mtls.crl:
        return None
    authorities = _authorities(settings)
    contents = [(file, read_content(file, f"{KEY}[{index}]")) for index, file in enumerate(mtls.crl)]
    seed = sha256(b"".join(sha256(content).digest() for _, content in contents))
    for each in authorities:
        seed.update(each.public_bytes(Encoding.DER))
    lists = foundation.carried.get(("revoked certificates", seed.digest()), lambda: _read(contents, authorities))
    _warn(lists, foundation.wall_clock())
    ends = _ends(lists)
    foundation.carried.then(partial(foundation.metrics.gauge, "gateway_crl_next_update_timestamp_seconds", ends))
    tunnels = foundation.carried.get("certified tunnels", CertifiedTunnels)
    foundation.carried.then(partial(tunnels.judge, lists))
    sparing = foundation.carried.get("refused certificates", lambda: Sparing(foundation.now))
    return RevokedCertificates(lists, foundation.wall_clock, tunnels, count, sparing)


def _ends(lists: CertificateLists) -> Callable[[], Iterator[Sample]]:
    return lambda: (((name,), until) for name, (_, until) in lists.times().items())


def _warn(lists: CertificateLists, now: float) -> None:
    for name, (since, until) in lists.times().items():
        if since > now:
            _log.warn(
                "{key}: the list of {name} is not valid yet: its certificates are refused",
                key=KEY,
                name=name,
                event="certificate_list.invalid",
            )
        if until <= now:
            _log.warn(
                "{key}: the list of {name} has expired: its certificates are refused",
                key=KEY,
                name=name,
                event="certificate_list.invalid",
            )
    for name in lists.without():
        _log.warn("{key}: {name} has no list: those of clients that it has issued are refused", key=KEY, name=name)


def _authorities(settings: Settings) -> list[x509.Certificate]:
    """Return the authorities of all listeners; a file that cannot be read is told of when its listener is opened."""
    endpoints = [*(listener.endpoint for listener in settings.listeners), settings.admin.endpoint]
    files = dict.fromkeys(parse(endpoint).named.get("clientCA", "") for endpoint in endpoints)
    found: list[x509.Certificate] = []
    for file in filter(None, files):
        try:
            found += pem.certificates(read_regular(file))
        except (OSError, ValueError, UnsupportedAlgorithm):
            continue
    return found


def _read(contents: list[tuple[str, bytes]], authorities: list[x509.Certificate]) -> CertificateLists:
    problems: list[Problem] = []
    found = CertificateLists([], authorities)
    for index, (file, content) in enumerate(contents):
        try:
            for each in read_lists(content):
                found.add(each)
        except ListUnusable as error:
            words = f"{file}: expected a list of revoked certificates, found {error}"
            problems.append(Problem("", 0, 0, f"{KEY}[{index}]", words))
    if problems:
        raise ConfigError(problems)
    return found
