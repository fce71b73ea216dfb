"""Sign and read the access tokens of the gateway's own token endpoint, and publish the keys.

Layer 2. A token is a JWT access token (RFC 9068). The key decides on the
algorithm, never the token; `kid` is the key's thumbprint (RFC 7638), so that the
same file gives the same name on every instance.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

LEAST_BITS = 2048
"""Least bits of an RSA key (RFC 7518 section 3.3)."""

_THUMBPRINT = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}
"""Members of a JWK that a thumbprint is taken of, in this order (RFC 7638 section 3.2)."""


class SigningKeyUnusable(ValueError):
    """Tokens cannot be signed with a key; the text says why and does not show the key."""


class SigningKey:
    """A key that tokens are signed with, and verified with when they come back.

    Attributes:
        algorithm: RS256 or ES256, or HS256 for a secret.
        kid: Thumbprint of the public key; empty for a secret.
        public: The public key as a JWK; None for a secret.
        verifying: The public key or the secret, to verify signatures with.
    """

    __slots__ = ("_signing", "algorithm", "kid", "public", "verifying")

    def __init__(self, algorithm: str, signing: Any, verifying: Any, public: dict[str, str] | None) -> None:
        self.algorithm = algorithm
        self.verifying = verifying
        self._signing = signing
        self.kid = "" if public is None else _thumbprint(public)
        self.public = None if public is None else {**public, "kid": self.kid, "alg": algorithm, "use": "sig"}

    @classmethod
    def of_secret(cls, secret: str) -> SigningKey:
        """Make a key of a secret that all verifiers have, for HS256."""
        return cls("HS256", secret.encode(), secret.encode(), None)

    @classmethod
    def of_pem(cls, pem: bytes) -> SigningKey:
        """Make a key of a PEM private key.

        Raises:
            SigningKeyUnusable: It is not an unencrypted key for RS256 or ES256.
        """
        try:
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
            raise SigningKeyUnusable("expected a PEM private key without a password") from None
        if isinstance(key, RSAPrivateKey):
            if key.key_size < LEAST_BITS:
                raise SigningKeyUnusable(f"expected an RSA key of {LEAST_BITS} bits or more, found {key.key_size}")
            return cls("RS256", key, key.public_key(), _members(RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)))
        if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
            return cls._elliptic(key)
        raise SigningKeyUnusable("expected an RSA key or an elliptic one on P-256")

    @classmethod
    def generated(cls) -> SigningKey:
        """Make a new key, known to this process only: its tokens cannot be verified after a restart (D-53)."""
        return cls._elliptic(generate_private_key(SECP256R1()))

    @staticmethod
    def new_pem() -> bytes:
        """Make such a key as `of_pem` takes it, for who shares it."""
        key = generate_private_key(SECP256R1())
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @classmethod
    def _elliptic(cls, key: EllipticCurvePrivateKey) -> SigningKey:
        return cls("ES256", key, key.public_key(), _members(ECAlgorithm.to_jwk(key.public_key(), as_dict=True)))

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a token with these claims."""
        headers = {"typ": "at+jwt"}
        if self.kid:
            headers["kid"] = self.kid
        return jwt.encode(claims, self._signing, self.algorithm, headers=headers)


class Issued(NamedTuple):
    """A token that was made.

    Attributes:
        token: The token, in compact form.
        token_id: Its `jti`.
        expires: Unix seconds.
    """

    token: str
    token_id: str
    expires: int


class Issuer:
    """Makes tokens, and reads the ones that it has made.

    Args:
        key: Signs new tokens.
        previous: Keys that signed before: their tokens are still good, and they stay published.
        issuer: `iss`; empty for none.
        audience: `aud`; empty for none.
        expires_in: Seconds for which a token is good.
    """

    def __init__(
        self, key: SigningKey, previous: Sequence[SigningKey], issuer: str, audience: str, expires_in: float
    ) -> None:
        self.keys = (key, *previous)
        self.issuer = issuer
        self.audience = audience
        self.expires_in = int(expires_in)
        self._key = key

    def issue(self, client: str, scopes: Sequence[str], roles: Sequence[str], now: float, token_id: str) -> Issued:
        """Make a token for a client.

        Args:
            client: Its `client_id`, which is also the subject (RFC 9068 section 2.2).
            scopes: Scopes of the token.
            roles: Roles of the client.
            now: Unix seconds.
            token_id: A `jti` that no other token has.
        """
        claims: dict[str, Any] = {"iss": self.issuer, "sub": client, "client_id": client, "aud": self.audience}
        claims = {name: value for name, value in claims.items() if value}
        expires = int(now) + self.expires_in
        claims |= {"iat": int(now), "exp": expires, "jti": token_id}
        if scopes:
            claims["scope"] = " ".join(scopes)
        if roles:
            claims["roles"] = list(roles)
        return Issued(self._key.sign(claims), token_id, expires)

    def read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token that was made here, expired or not; None for any other token."""
        for key in self.keys:
            try:
                return jwt.decode(
                    token,
                    key.verifying,
                    algorithms=[key.algorithm],
                    options={"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_nbf": False},
                )
            except (jwt.PyJWTError, ValueError):
                continue
        return None

    def jwks(self) -> bytes:
        """Return the JWK set to publish (RFC 7517); a secret is never in it."""
        return json.dumps({"keys": [key.public for key in self.keys if key.public is not None]}).encode()


def _members(jwk: Any) -> dict[str, str]:
    return {name: jwk[name] for name in _THUMBPRINT[jwk["kty"]]}


def _thumbprint(public: dict[str, str]) -> str:
    text = json.dumps({name: public[name] for name in _THUMBPRINT[public["kty"]]}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
