"""Keys that signatures are verified with: from a secret, a PEM file or a JWK set.

Layer 2. A key says for which algorithms it may be used when it is read, so
that nothing a token says can choose another: an RSA key is never a secret.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK, get_algorithm_by_name
from jwt.exceptions import PyJWTError

LEAST_BITS = 2048
"""Of an RSA key (RFC 7518 section 3.3)."""

_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA = frozenset(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
_HMAC = frozenset(["HS256", "HS384", "HS512"])


class KeyUnusable(ValueError):
    """Nothing can be verified with a key; the words say why and do not show it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        algorithms: What it may be used for.
        kid: Its name, where it has one.
        material: As the library wants it.
    """

    algorithms: frozenset[str]
    kid: str | None
    material: Any = field(repr=False)

    def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether a signature is this key's; `algorithm` is one of its own."""
        return bool(get_algorithm_by_name(algorithm).verify(signed, self.material, signature))


class KeySource(Protocol):
    """Where the keys of a verifier come from."""

    def keys(self, kid: str | None) -> Sequence[Key]:
        """Return the keys that may have signed a token: those of that name, for None all."""

    def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> Awaitable[None] | None:
        """Look for the key of a token that none of the keys has signed; None where that is not worth while.

        Args:
            algorithm: How the token is signed.
            kid: The name that the token gives the key, None where it gives none.
            found: Whether the key is among `keys` by now. That there are keys which may have signed the token does
                not say so: keys without a name fit every token.

        Raises:
            AuthUnavailable: When awaited: it cannot be found out whether there is one.
        """


class FixedKeys:
    """Keys out of the configuration. There are no others, whatever name a token gives."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    def keys(self, kid: str | None) -> Sequence[Key]:
        """Return all: a name says nothing where keys have none."""
        return self._keys

    def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> None:
        """There are no more."""


class JoinedKeys:
    """Keys out of the configuration (a secret) and keys that are published, in one verifier."""

    def __init__(self, fixed: FixedKeys, published: KeySource) -> None:
        self._fixed = fixed
        self._published = published

    def keys(self, kid: str | None) -> Sequence[Key]:
        """Return both kinds."""
        return (*self._fixed.keys(kid), *self._published.keys(kid))

    def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> Awaitable[None] | None:
        """Look among those that are published."""
        return self._published.more(algorithm, kid, found)


def from_secret(secret: str, algorithms: Iterable[str]) -> Key:
    """Make the key of a secret.

    Raises:
        KeyUnusable: It is the text of a key of another kind.
    """
    chosen = _HMAC.intersection(algorithms)
    material = secret.encode()
    for name in chosen:
        try:
            get_algorithm_by_name(name).prepare_key(material)
        except PyJWTError:
            raise KeyUnusable("expected a secret, found a public key, a certificate or a JWK") from None
    return Key(chosen, None, material)


def lacks(secret: str, algorithms: Iterable[str]) -> int:
    """Return how many octets a secret is shorter than the longest hash of its algorithms (RFC 7518 section 3.2)."""
    hashes = [int(name[2:]) // 8 for name in _HMAC.intersection(algorithms)]
    return max(0, max(hashes, default=0) - len(secret.encode()))


def from_pem(pem: bytes, algorithms: Iterable[str]) -> Key:
    """Make the key of a PEM file: a public key or a certificate.

    Raises:
        KeyUnusable: It is neither, too short, or for none of these algorithms.
    """
    try:
        if b"-----BEGIN CERTIFICATE-----" in pem:
            public: Any = x509.load_pem_x509_certificate(pem).public_key()
        else:
            public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnusable("expected a public key or a certificate in PEM") from None
    wanted = frozenset(algorithms)
    chosen = _fit(public) & wanted
    if not chosen:
        raise KeyUnusable(f"expected a key for {' or '.join(sorted(wanted - _HMAC))}, found one of another kind")
    return Key(chosen, None, public)


def from_jwks(document: dict[str, Any], algorithms: Iterable[str]) -> list[Key]:
    """Make the keys of a JWK set (RFC 7517); what cannot be used here is left out.

    Secrets are: a set that anybody can read has none. So are keys that are not for verifying signatures, and those of
    a kind that is not among the algorithms.

    Raises:
        KeyUnusable: It is no set at all.
    """
    members = document.get("keys")
    if not isinstance(members, list):
        raise KeyUnusable("expected a JWK set")
    wanted = frozenset(algorithms)
    return [key for member in members if (key := _from_jwk(member, wanted)) is not None]


def _from_jwk(member: Any, wanted: frozenset[str]) -> Key | None:
    if not isinstance(member, dict) or member.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    operations = member.get("key_ops")
    if member.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations):
        return None
    kid, algorithm = member.get("kid"), member.get("alg")
    if not isinstance(kid, str | None) or not isinstance(algorithm, str | None):
        return None
    # Public members only: a private key that was published by mistake is read as what it should have been.
    public = {name: member[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in member}
    try:
        material = PyJWK(public, _reader(public)).key
        chosen = _fit(material) & wanted
    except (PyJWTError, KeyUnusable, KeyError, TypeError, ValueError, UnsupportedAlgorithm):
        return None
    if algorithm is not None:
        chosen &= {algorithm}
    return Key(chosen, kid, material) if chosen else None


def _reader(member: dict[str, Any]) -> str | None:
    # PyJWK knows no Ed448 by itself; its EdDSA does.
    return "EdDSA" if member["kty"] == "OKP" else None


def _fit(public: Any) -> frozenset[str]:
    """Return the algorithms that a public key is for."""
    if isinstance(public, RSAPublicKey):
        if public.key_size < LEAST_BITS:
            raise KeyUnusable(f"expected an RSA key of {LEAST_BITS} bits or more, found {public.key_size}")
        return _RSA
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return frozenset([_CURVES[public.curve.name]])
    if isinstance(public, Ed25519PublicKey | Ed448PublicKey):
        return frozenset(["EdDSA"])
    raise KeyUnusable("expected an RSA key, one on a NIST curve, Ed25519 or Ed448")
