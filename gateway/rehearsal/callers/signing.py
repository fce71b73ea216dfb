"""Keys for callers that are made up, and the tokens that are signed with them.

Loaded by `gateway.rehearsal.callers.credentials` with the first verifier of a configuration, since the library of JWTs
takes longer to load than a configuration without one takes to be read.

Tests: `tests/rehearsal/callers/test_credentials.py::test_a_token_is_signed_as_the_verifier_wants_it`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

_MADE: Final[Mapping[str, Callable[[], Any]]] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
}
"""What makes a key of an algorithm, the quickest first; the others are RSA's."""


def make_key(algorithms: Sequence[str]) -> tuple[str, Any]:
    """Make a private key for the one of some asymmetric algorithms whose keys are made quickest.

    Returns:
        The algorithm and the key.
    """
    algorithm = next((one for one in _MADE if one in algorithms), algorithms[0])
    make = _MADE.get(algorithm, lambda: rsa.generate_private_key(65537, 2048))
    return algorithm, make()


def published(algorithm: str, public: Any, name: str | None = None) -> dict[str, Any]:
    """Return a public key as a key set has it (RFC 7517).

    Args:
        algorithm: That it verifies.
        public: The key.
        name: Its `kid`; None for one that is taken for tokens without.
    """
    made: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    return {**made, "use": "sig", **({} if name is None else {"kid": name, "alg": algorithm})}


def sign(claims: Mapping[str, Any], key: Any, algorithm: str, name: str | None) -> str:
    """Return a token.

    Args:
        claims: What it says.
        key: The private key, or the secret.
        algorithm: That it is signed by.
        name: `kid` of the key; None for a secret.
    """
    return jwt.encode(dict(claims), key, algorithm, None if name is None else {"kid": name})
