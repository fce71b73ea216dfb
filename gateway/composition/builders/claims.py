"""Settings of what claims must say, for tokens that are verified here and those that an authority judges."""

from __future__ import annotations

from gateway.config.schema.auth import AuthMethod
from gateway.config.schema.authorities import Introspection
from gateway.config.schema.tokens import JwtVerifier
from gateway.identity.claims import Expected
from gateway.identity.fields import claims_describer


def expected(way: AuthMethod, verifier: JwtVerifier | Introspection) -> Expected:
    """Return what a verifier expects, with what a route says in its place."""
    return Expected(
        issuers=frozenset(way.issuer or verifier.issuer),
        audience=frozenset(way.audience or verifier.audience),
        values=tuple((name, frozenset(values)) for name, values in verifier.require.items()),
        user=verifier.user_claim,
        roles=verifier.roles_claim,
        scopes=verifier.scopes_claim,
        told=claims_describer(verifier.claim_headers) if verifier.claim_headers else None,
    )
