"""Slow hashes: which are read, which secrets match, and what is remembered for how long."""

from __future__ import annotations

import base64
import hashlib
import time

import argon2
import bcrypt
import pytest
from werkzeug.security import generate_password_hash

from gateway.config.secret_hashes import MOST_BCRYPT, check_readable
from gateway.identity.secrets import LONGEST, VerifiedSecrets, hash_secret, matches

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
KEY = b"k" * 32


def passlib(secret: str) -> str:
    """A hash as passlib writes it."""
    digest = hashlib.scrypt(secret.encode(), salt=b"saltsalt", n=16, r=8, p=1, dklen=32)
    texts = [base64.b64encode(octets).decode().rstrip("=") for octets in (b"saltsalt", digest)]
    return "$scrypt$ln=4,r=8,p=1$" + "$".join(texts)


HASHES = {
    "argon2id": CHEAP.hash("correct"),
    "argon2i": argon2.PasswordHasher(1, 8, 1, type=argon2.Type.I).hash("correct"),
    "werkzeug": generate_password_hash("correct", "scrypt:1024:8:1"),
    "passlib": passlib("correct"),
    # The vector of libxcrypt's tests, which is escrypt's.
    "libcrypt": "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
    "bcrypt": bcrypt.hashpw(b"correct", bcrypt.gensalt(4)).decode(),
    "bcrypt of PHP": bcrypt.hashpw(b"correct", bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
    "bcrypt of old": bcrypt.hashpw(b"correct", bcrypt.gensalt(4, b"2a")).decode(),
}


@pytest.mark.parametrize("way", HASHES)
def test_the_right_secret_matches_and_no_other(way: str) -> None:
    """In each of the formats of hashes."""
    check_readable(HASHES[way])

    assert matches("pleaseletmein" if way == "libcrypt" else "correct", HASHES[way])
    assert not matches("Correct", HASHES[way])
    assert not matches("", HASHES[way])


def test_what_the_command_makes_matches() -> None:
    """Argon2id with its library's parameters; another salt makes another hash."""
    made = hash_secret("s3cret", b"0" * 16)

    check_readable(made)
    assert made.startswith("$argon2id$v=19$m=65536,")
    assert matches("s3cret", made)
    assert hash_secret("s3cret", b"1" * 16) != made


def test_a_secret_longer_than_any_is_not_looked_at() -> None:
    """The time of hashing grows with the length."""
    long = "x" * (LONGEST + 1)

    assert not matches(long, CHEAP.hash(long))


def test_bcrypt_looks_at_all_of_a_secret_or_at_nothing() -> None:
    """A secret of more than 72 octets is refused: bcrypt would compare its beginning only, as other programs do."""
    long = "ä" * 36
    encoded = bcrypt.hashpw(long.encode(), bcrypt.gensalt(4)).decode()

    assert matches(long, encoded)
    assert not matches(long + "x", encoded)
    assert not matches(long[:-1], encoded)


def test_the_dearest_hash_of_bcrypt_that_is_taken_is_compared_within_seconds() -> None:
    """It shows that the bound on the cost is low enough."""
    encoded = bcrypt.hashpw(b"correct", bcrypt.gensalt(4)).decode().replace("$04$", f"${MOST_BCRYPT}$")
    check_readable(encoded)
    begin = time.process_time()

    assert not matches("correct", encoded)
    assert time.process_time() - begin < 10


def test_a_right_secret_is_known_for_a_while() -> None:
    """And only with the hash that it was compared with."""
    verified = VerifiedSecrets(KEY, ttl=60.0)
    verified.add("correct", "hash", 100.0)

    assert verified.knows("correct", "hash", 159.9)
    assert not verified.knows("correct", "hash", 160.0)
    assert not verified.knows("correct", "other", 101.0)
    assert not verified.knows("wrong", "hash", 101.0)


def test_only_so_many_are_known() -> None:
    """The oldest is dropped; none can be read from memory."""
    verified = VerifiedSecrets(KEY, most=2)
    for number in range(3):
        verified.add(f"secret-{number}", "hash", 0.0)

    assert [verified.knows(f"secret-{number}", "hash", 1.0) for number in range(3)] == [False, True, True]
    assert "secret" not in repr(vars(verified))
