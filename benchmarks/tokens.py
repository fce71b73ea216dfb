"""Tokens made before a run, each with a signature of its own, and the key that they are verified with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from benchmarks.workload import claims

_AT_ONCE = 500


@dataclass(frozen=True)
class Signed:
    """Tokens with one algorithm.

    Attributes:
        algorithm: `RS256` with a key of 2048 bits, or `ES256`.
        one: A token that is not among the others.
        others: A file, a token on each line; none stands there twice.
        public_key: A PEM file.
        jwk: The same key.
    """

    algorithm: str
    one: str
    others: Path
    public_key: Path
    jwk: Mapping[str, Any]


def make(algorithm: str, count: int, directory: Path) -> Signed:
    """Sign tokens of as many users with a new key, on all cores."""
    private: Any
    if algorithm == "RS256":
        private = rsa.generate_private_key(65537, 2048)
        jwk = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        private = ec.generate_private_key(ec.SECP256R1())
        jwk = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_key, others = directory / f"{algorithm}.pem", directory / f"{algorithm}.txt"
    public_key.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    parts = [range(start, min(start + _AT_ONCE, count)) for start in range(0, count, _AT_ONCE)]
    # Not forked: who calls may have threads (those of grpcio, in the tests), and a fork may then wait for ever.
    apart = get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), apart) as pool, others.open("w") as file:
        for tokens in pool.map(partial(_sign, pem, algorithm), parts):
            file.writelines(f"{token}\n" for token in tokens)
    (one,) = _sign(pem, algorithm, range(count, count + 1))
    return Signed(algorithm, one, others, public_key, {**jwk, "alg": algorithm})


def _sign(pem: bytes, algorithm: str, users: range) -> list[str]:
    key: Any = serialization.load_pem_private_key(pem, None)
    return [jwt.encode(claims(f"user-{user:05}"), key, algorithm=algorithm) for user in users]
