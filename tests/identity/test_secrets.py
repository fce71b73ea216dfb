"""Hashes made slow on purpose: what is read, what matches, what is remembered and for how long."""

from __future__ import annotations

import base64
import hashlib

import argon2
import pytest
from werkzeug.security import generate_password_hash

from gateway.identity.secrets import (
    LONGEST,
    HashUnreadable,
    VerifiedSecrets,
    check_readable,
    hash_secret,
    matches,
)

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
}


@pytest.mark.parametrize("way", HASHES)
def test_the_right_secret_matches_and_no_other(way: str) -> None:
    """In each of the ways in which hashes are written."""
    check_readable(HASHES[way])

    assert matches("correct", HASHES[way])
    assert not matches("Correct", HASHES[way])
    assert not matches("", HASHES[way])


def test_what_the_command_makes_matches() -> None:
    """Argon2id at its library's cost; another salt is another hash."""
    made = hash_secret("s3cret", b"0" * 16)

    check_readable(made)
    assert made.startswith("$argon2id$v=19$m=65536,")
    assert matches("s3cret", made)
    assert hash_secret("s3cret", b"1" * 16) != made


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "begins with neither"),
        ("secret", "begins with neither"),
        ("sha256:" + "0" * 64, "begins with neither"),
        ("$argon2id$", "no hash of Argon2"),
        ("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$", "too short"),
        ("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43, "more than 1 GiB"),
        ("scrypt:15:8:1$saltsalt$" + "0" * 64, "none of scrypt"),
        ("scrypt:16:0:1$saltsalt$" + "0" * 64, "none of scrypt"),
        ("scrypt:33554432:8:1$saltsalt$" + "0" * 64, "more than 1 GiB"),
        ("scrypt:16:8:1$saltsalt$" + "0" * 33, "cannot be read"),
        ("$scrypt$ln=4,r=8,p=1$AAAAA$" + "A" * 43, "cannot be read"),
        ("$scrypt$ln=60,r=8,p=1$AAAA$" + "A" * 43, "more than 1 GiB"),
    ],
)
def test_what_cannot_be_compared_with_is_told_at_once(written: str, words: str) -> None:
    """With the configuration, not when the first client comes; and without the hash in the words."""
    with pytest.raises(HashUnreadable, match=words) as told:
        check_readable(written)

    assert not written or written not in str(told.value)


def test_a_secret_longer_than_any_is_not_looked_at() -> None:
    """Hashing costs by the octet."""
    long = "x" * (LONGEST + 1)

    assert not matches(long, CHEAP.hash(long))


def test_a_right_secret_is_known_for_a_while() -> None:
    """And only together with the hash that it was compared with."""
    verified = VerifiedSecrets(KEY, ttl=60.0)
    verified.add("correct", "hash", 100.0)

    assert verified.knows("correct", "hash", 159.9)
    assert not verified.knows("correct", "hash", 160.0)
    assert not verified.knows("correct", "other", 101.0)
    assert not verified.knows("wrong", "hash", 101.0)


def test_only_so_many_are_known() -> None:
    """The oldest goes; none of them can be read out."""
    verified = VerifiedSecrets(KEY, most=2)
    for number in range(3):
        verified.add(f"secret-{number}", "hash", 0.0)

    assert [verified.knows(f"secret-{number}", "hash", 1.0) for number in range(3)] == [False, True, True]
    assert "secret" not in repr(vars(verified))
