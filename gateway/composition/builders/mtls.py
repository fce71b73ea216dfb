"""Settings of `auth.mtls` into what takes client certificates."""

from __future__ import annotations

from twisted.logger import Logger

from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.auth import Mtls
from gateway.identity.certificates import CertificateRules, Client
from gateway.middleware.mtls import CertificateAuthenticator

_log = Logger()


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
