"""Settings of `auth.introspection` and `auth.forward` into the ways that ask another server."""

from __future__ import annotations

from hyperlink import URL

from gateway.authorities.forward_auth import ForwardAuth
from gateway.authorities.introspection import Introspection
from gateway.composition.builders.claims import expected
from gateway.composition.builders.token_places import shown
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.problems import below
from gateway.config.schema.auth import Auth, AuthMethod
from gateway.config.schema.upstreams import BackendTLS
from gateway.dialling.fetching import Fetcher
from gateway.dialling.tls import client_tls_options, files_digest
from gateway.middleware.placed import PlacedIntrospection

MOST = 64 * 1024
"""Octets of an answer: what is said of a token, or a page for a client that is turned away."""


class Authorities:
    """Makes the authenticators of one configuration's routes that ask others.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        withheld: Request fields that no client may send.
        decisive: Request fields that something is decided by.
    """

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        withheld: frozenset[bytes] = frozenset(),
        decisive: frozenset[bytes] = frozenset(),
    ) -> None:
        self._auth = settings.auth or Auth.unwritten()
        self._foundation = foundation
        self._withheld = withheld
        self._decisive = decisive

    def introspection(self, way: AuthMethod) -> Introspection:
        """Make what has tokens judged.

        Raises:
            gateway.config.ConfigError: The file with whom to trust cannot be used.
        """
        (name,) = way.verifier
        said = self._auth.introspection[name]
        client = None
        if said.client_id is not None:
            secret = said.client_secret
            client = (said.client_id, "" if secret is None else secret.get_secret_value())
        with below(f"auth.introspection.{name}."):
            fetcher = self._fetcher(said.url, said.ca, said.timeout)
        parts = (fetcher, said.url, client, expected(way, said), self._foundation.wall_clock)
        return Introspection(*parts) if said.in_authorization_only else PlacedIntrospection(shown([said])[0], *parts)

    def forward(self, way: AuthMethod) -> ForwardAuth:
        """Make what has requests judged.

        Raises:
            gateway.config.ConfigError: The file with whom to trust cannot be used.
        """
        (name,) = way.verifier
        said = self._auth.forward[name]
        with below(f"auth.forward.{name}."):
            fetcher = self._fetcher(said.url, said.ca, said.timeout)
        return ForwardAuth(
            fetcher,
            said.url,
            said.request_headers,
            said.response_headers,
            said.client_headers,
            said.user_header,
            said.roles_header,
            self._withheld,
            self._decisive,
        )

    def told(self, way: AuthMethod) -> frozenset[bytes]:
        """Return the fields in which the backend believes an authority, and so no client, on this route.

        Most are on no route the client's (`gateway.config.callers`); an Authorization field that the authority
        sets is on this one only.
        """
        if way.type != "forward":
            return frozenset()
        said = self._auth.forward[way.verifier[0]]
        return frozenset(name.lower().encode() for name in said.response_headers)

    def _fetcher(self, url: str, ca: str | None, timeout: float) -> Fetcher:
        """Return what asks a server; its connections are kept through configurations."""
        server = URL.from_text(url)
        host = server.host.lower()
        foundation = self._foundation

        trusts = BackendTLS(ca=ca) if server.scheme == "https" else None

        def make() -> Fetcher:
            tls = None if trusts is None else client_tls_options(host, trusts)
            return Fetcher(foundation.reactor, foundation.dialer, tls, timeout, MOST)

        # The file's content is part of the identity: after a renewal a reload makes another fetcher, which reads it.
        digest = b"" if trusts is None else files_digest(trusts)
        return foundation.carried.get(("authority", server.scheme, host, server.port, ca, digest, timeout), make)
