"""JSON Web Tokens as a way to authenticate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from mypy_extensions import mypyc_attr

from gateway.errors import CredentialInvalid
from gateway.exchange import Exchange
from gateway.identity.bearer import FIELDS, bearer_token, may_be_jwt
from gateway.identity.jwt import TokenVerifier, unverified_issuer
from gateway.principal import Principal


@mypyc_attr(allow_interpreted_subclasses=True)
class JwtAuthenticator:
    """Looks for a bearer token and has it verified; see `gateway.interfaces.Authenticator`.

    Attributes:
        by_fields: Nothing but the fields of a request decides which token it shows
            (Note [The same credential again] in `gateway.middleware.verification`).

    Args:
        verifiers: Each verifies the tokens of its issuers; the issuer that a token names decides which is asked.
        wall_clock: Unix seconds.
        max_size: Most octets of a token whose issuer is read.
    """

    name = "jwt"
    challenge = b'Bearer realm="api"'
    cacheable = True
    by_fields = True
    fields: frozenset[bytes]

    def __init__(
        self,
        verifiers: Sequence[TokenVerifier],
        wall_clock: Callable[[], float],
        max_size: int,
    ) -> None:
        self.fields = FIELDS
        self._verifiers = verifiers
        self._wall_clock = wall_clock
        self._max_size = max_size

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the bearer token."""
        return bearer_token(exchange.request)

    def verify(self, credential: bytes, exchange: Exchange) -> Principal | Awaitable[Principal]:
        """Say whose token it is."""
        return choose(self._verifiers, credential, self._max_size).verify(credential, self._wall_clock())

    def withhold(self, exchange: Exchange) -> None:
        """Do nothing: a token is shown in its field only."""


def choose(verifiers: Sequence[TokenVerifier], token: bytes, max_size: int) -> TokenVerifier:
    """Return the verifier that is for a token.

    Args:
        verifiers: To choose from.
        token: As shown.
        max_size: Most octets of a token whose issuer is read.

    Raises:
        CredentialInvalid: None of them is.
    """
    if len(verifiers) == 1:
        return verifiers[0]
    issuer = unverified_issuer(token, max_size)
    for verifier in verifiers:
        # A verifier without issuers comes last: it takes every token that no verifier before it claims.
        if not verifier.issuers or issuer in verifier.issuers:
            return verifier
    raise CredentialInvalid("other issuer")


class SharingJwtAuthenticator(JwtAuthenticator):
    """Leaves bearer tokens that cannot be JWTs to those after it: introspection, API keys sent as `Bearer KEY`."""

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the bearer token, if it may be a JWT."""
        token = bearer_token(exchange.request)
        return token if token is not None and may_be_jwt(token) else None
