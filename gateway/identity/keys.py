"""Keys that signatures are verified with: from a secret, a PEM file or a JWK set.

Layer 2. The algorithms of a key are settled when it is read, so that a token
cannot have it used for another: a public RSA key never serves as an HMAC secret.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWK, get_algorithm_by_name
from jwt.exceptions import PyJWTError

LEAST_BITS = 2048
"""Least bits of an RSA key (RFC 7518 section 3.3)."""

_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_ECDSA = {"ES256": (32, ECDSA(SHA256())), "ES384": (48, ECDSA(SHA384())), "ES512": (66, ECDSA(SHA512()))}
"""Octets of each number of a signature, and how it is verified."""
_RSA = frozenset(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
_HMAC = frozenset(["HS256", "HS384", "HS512"])


class KeyUnusable(ValueError):
    """A key cannot be used; the text says why and does not show the key."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        algorithms: Algorithms that it may be used for.
        kid: Its name; None without one.
        material: The key as PyJWT takes it.
    """

    algorithms: frozenset[str]
    kid: str | None
    material: Any = field(repr=False)

    def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Whether a signature was made by this key; `algorithm` is one of its `algorithms`."""
        scheme = _ECDSA.get(algorithm)
        if scheme is not None:
            return _verifies_ecdsa(self.material, *scheme, signed, signature)
        return bool(get_algorithm_by_name(algorithm).verify(signed, self.material, signature))


def _verifies_ecdsa(key: EllipticCurvePublicKey, size: int, scheme: ECDSA, signed: bytes, signature: bytes) -> bool:
    """As PyJWT does it, without asking each time what kind of key it is: 2 of 68 µs, and more where nothing is cached.

    A signature is two numbers of the curve's size, one behind the other (RFC 7518 section 3.4); OpenSSL takes DER.
    """
    if len(signature) != 2 * size:
        return False
    numbers = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    try:
        key.verify(encode_dss_signature(*numbers), signed, scheme)
    except InvalidSignature:
        return False
    return True


class KeySource(Protocol):
    """The keys of a verifier."""

    def keys(self, kid: str | None) -> Sequence[Key]:
        """Return the keys that may have signed a token with this key name; all for None."""

    def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> Awaitable[None] | None:
        """Look for the key of a token that none of the keys has signed; None where there can be no other.

        Args:
            algorithm: The algorithm that the token is signed with.
            kid: The name that the token gives the key, None where it gives none.
            found: Returns whether one of `keys` has signed the token by now. It is not enough that `keys(kid)` is not
                empty: keys without a name are returned for every token.

        Raises:
            AuthUnavailable: When awaited: the issuer does not answer.
        """


class FixedKeys:
    """Keys from the configuration; there are no others, whatever name a token gives."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    def keys(self, kid: str | None) -> Sequence[Key]:
        """Return all keys, whatever name a token gives: keys of the configuration need not have one."""
        return self._keys

    def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> None:
        """Return None: there are no other keys."""


class JoinedKeys:
    """Keys from the configuration (a secret) together with keys that an issuer publishes."""

    def __init__(self, fixed: FixedKeys, published: KeySource) -> None:
        self._fixed = fixed
        self._published = published

    def keys(self, kid: str | None) -> Sequence[Key]:
        """Return both kinds."""
        return (*self._fixed.keys(kid), *self._published.keys(kid))

    def more(self, algorithm: str, kid: str | None, found: Callable[[], bool]) -> Awaitable[None] | None:
        """Look for the key among those that the issuer publishes."""
        return self._published.more(algorithm, kid, found)


def from_secret(secret: str, algorithms: Iterable[str]) -> Key:
    """Make the key of a secret.

    Raises:
        KeyUnusable: The secret is the text of a public or private key.
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
        KeyUnusable: It is neither, is too short, or is for none of these algorithms.
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
    """Make the keys of a JWK set (RFC 7517); those that cannot be used here are left out.

    Left out are secrets (anybody can read the set), keys that are not for verifying signatures, and keys for none of
    the algorithms.

    Raises:
        KeyUnusable: The document is not a JWK set.
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
    # Public members only: of a private key that was published by mistake the public half is used.
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
    # PyJWK does not find the algorithm of an Ed448 key by itself; `EdDSA` takes both curves.
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
