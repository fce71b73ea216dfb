"""Keys and tokens for tests: made by hand where a library would refuse to make them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.testing import Harness

SECRET = "a-secret-of-forty-octets-for-the-tests-only"
ISSUER = "https://issuer.example.com"
START = 1_781_000_000
"""Unix seconds at which a harness begins."""


_MAKE: dict[str, Callable[[], Any]] = {
    "RSA": partial(rsa.generate_private_key, 65537, 2048),
    "EC": partial(ec.generate_private_key, ec.SECP256R1()),
    "Ed": ed25519.Ed25519PrivateKey.generate,
}


@cache
def _key(kind: str, name: str) -> Any:
    return _MAKE[kind]()


def rsa_key(name: str = "one") -> rsa.RSAPrivateKey:
    """Make an RSA key, the same for the same name."""
    key: rsa.RSAPrivateKey = _key("RSA", name)
    return key


def ec_key(name: str = "one") -> ec.EllipticCurvePrivateKey:
    """Make a key on P-256, the same for the same name."""
    key: ec.EllipticCurvePrivateKey = _key("EC", name)
    return key


def ed_key(name: str = "one") -> ed25519.Ed25519PrivateKey:
    """Make an Ed25519 key, the same for the same name."""
    key: ed25519.Ed25519PrivateKey = _key("Ed", name)
    return key


def public_pem(key: Any) -> bytes:
    """Return the public half in PEM."""
    pem: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


def private_pem(key: Any) -> bytes:
    """Return a key in PEM."""
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem


def jwk(key: Any, kid: str | None = None, **members: Any) -> dict[str, Any]:
    """Return the public half as a JWK."""
    kinds = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256", ed25519.Ed25519PrivateKey: "EdDSA"}
    algorithm = next(name for kind, name in kinds.items() if isinstance(key, kind))
    made: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**made, **({} if kid is None else {"kid": kid}), **members}


def jwks(*members: dict[str, Any]) -> bytes:
    """Return a JWK set."""
    return json.dumps({"keys": list(members)}).encode()


def b64(octets: bytes | str | dict[str, Any]) -> str:
    """Return octets, text or an object as a part of a token."""
    if isinstance(octets, dict):
        octets = json.dumps(octets)
    return urlsafe_b64encode(octets.encode() if isinstance(octets, str) else octets).rstrip(b"=").decode()


def said(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good token, with changes; None takes a claim out."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": "api",
        "sub": "alice",
        "exp": START + 3600,
        "iat": START - 10,
        "jti": "token-1",
        "roles": ["editor", "admin"],
        "scope": "read write",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def sign(
    key: Any,
    algorithm: str,
    claims: bytes | str | dict[str, Any] | None = None,
    header: bytes | str | dict[str, Any] | None = None,
) -> str:
    """Make a token whose header and claims are written as they are given.

    Args:
        key: Signs.
        algorithm: How it signs; the header says so too, unless it is given whole, as octets or text.
        claims: By default those of `said`.
        header: Members beside `alg`, or the whole.
    """
    if not isinstance(header, bytes | str):
        header = {"alg": algorithm, "typ": "JWT", **(header or {})}
    signed = f"{b64(header)}.{b64(said() if claims is None else claims)}"
    maker = jwt.get_algorithm_by_name(algorithm)
    return f"{signed}.{b64(maker.sign(signed.encode(), maker.prepare_key(key)))}"


def protected(settings: dict[str, Any] | None = None, *more: str, **auth: Any) -> Harness:
    """Make a gateway that asks for a token in front of `orders`.

    Args:
        settings: Of the verifier `default`; by default HS256 with the secret, the issuer and the audience.
        more: Further backends.
        auth: What the route asks.
    """
    verifier = {"algorithms": ["HS256"], "secret": SECRET, "issuer": ISSUER, "audience": ["api"]}
    gateway = Harness(
        "orders",
        *more,
        routes=[
            {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt", **auth}},
            {"name": "open", "path": "/open/*", "upstream": "orders"},
        ],
        auth={"jwt": {"default": verifier if settings is None else settings}},
    )
    assert gateway.gateway.foundation.wall_clock() == START
    return gateway
