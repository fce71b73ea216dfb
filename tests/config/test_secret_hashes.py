"""Hashes of secrets that are refused with the configuration; those that are taken: `tests/identity/test_secrets.py`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config.secret_hashes import HashUnreadable, check_readable, cost_of


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "begins with none"),
        ("secret", "begins with none"),
        ("sha256:" + "0" * 64, "begins with none"),
        ("$argon2id$", "no hash of Argon2"),
        ("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$", "too short"),
        ("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43, "more than 1 GiB"),
        ("$argon2id$v=19$m=8,t=4294967295,p=1$c2FsdHNhbHQ$" + "A" * 43, "takes too long"),
        ("$argon2id$v=19$m=65536,t=65,p=1$c2FsdHNhbHQ$" + "A" * 43, "takes too long"),
        ("$argon2id$v=19$m=65536,t=1,p=8000$c2FsdHNhbHQ$" + "A" * 43, "takes too long"),
        ("$argon2id$v=19$m=8,t=0,p=1$c2FsdHNhbHQ$" + "A" * 43, "none of Argon2"),
        ("$argon2id$v=19$m=8,t=1,p=2$c2FsdHNhbHQ$" + "A" * 43, "none of Argon2"),
        ("$argon2x$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43, "no hash of Argon2"),
        ("$argon2id$v=19$m=8,t=1,p=1$A$" + "A" * 43, "no hash of Argon2"),
        ("$2b$31$" + "." * 53, "cost is 31, where 4 to 14 may be"),
        ("$2b$15$" + "." * 53, "cost is 15"),
        ("$2b$03$" + "." * 53, "cost is 3"),
        ("$2b$12$" + "." * 52, "no hash of bcrypt"),
        ("$2b$12$" + "." * 54, "no hash of bcrypt"),
        ("$2b$12$" + "z" * 53, "no hash of bcrypt"),
        ("$2b$12$" + "." * 52 + "z", "no hash of bcrypt"),
        ("$2x$12$" + "." * 53, "no hash of bcrypt"),
        ("$2b$4$" + "." * 53, "no hash of bcrypt"),
        ("scrypt:15:8:1$saltsalt$" + "0" * 64, "none of scrypt"),
        ("scrypt:16:0:1$saltsalt$" + "0" * 64, "none of scrypt"),
        ("scrypt:33554432:8:1$saltsalt$" + "0" * 64, "more than 1 GiB"),
        ("scrypt:16:8:1$saltsalt$" + "0" * 33, "cannot be read"),
        ("$scrypt$ln=4,r=8,p=1$AAAAA$" + "A" * 43, "cannot be read"),
        ("$scrypt$ln=60,r=8,p=1$AAAA$" + "A" * 43, "more than 1 GiB"),
        ("$7$K6..../....salt$" + "A" * 43, "more than 1 GiB"),
        ("$7$C6..../....salt$" + "A" * 42, "cut short"),
        ("$7$C...../....salt$" + "A" * 43, "none of scrypt"),
    ],
)
def test_what_cannot_be_compared_with_is_told_at_once(written: str, words: str) -> None:
    """With the configuration, not when the first client comes; and without the hash in the words."""
    with pytest.raises(HashUnreadable, match=words) as told:
        check_readable(written)

    assert not written or written not in str(told.value)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("$2b$31$" + "." * 53, "its cost is 31, where 4 to 14 may be"),
        ("plain", "it begins with none of `$argon2`, `$scrypt$`, `scrypt:`, `$7$` and `$2b$`, or is cut short"),
    ],
)
def test_where_it_stands_is_told_and_not_what_it_is(
    complaints: Callable[..., list[str]], written: str, words: str
) -> None:
    """File, line, column and key, as for every other value."""
    (line,) = complaints(f"auth:\n  oauth:\n    clients:\n      - {{id: acme, secret_hash: '{written}'}}\n")

    place, _, rest = line.partition(" ")
    assert ":4:" in place
    said = f"expected a hash of Argon2, scrypt or bcrypt ({words}), found something secret"
    assert rest == f"auth.oauth.clients[0].secret_hash: {said}"
    assert written not in line


@pytest.mark.parametrize(
    ("written", "cost"),
    [
        ("$2y$10$" + "." * 53, "bcrypt 10"),
        ("$argon2id$v=19$m=8,t=2,p=1$c2FsdHNhbHQ$" + "A" * 43, "Argon2 m=8,t=2,p=1"),
        ("$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$" + "A" * 43, "scrypt N=16,r=8,p=1"),
        ("scrypt:16:8:1$saltsalt$" + "0" * 64, "scrypt N=16,r=8,p=1"),
        ("$7$26..../....salt$" + "A" * 43, "scrypt N=16,r=8,p=1"),
    ],
)
def test_what_costs_the_same_is_called_the_same(written: str, cost: str) -> None:
    """Whoever wrote it."""
    check_readable(written)

    assert cost_of(written) == cost


@pytest.mark.parametrize("written", ["plain", "$argon2id$"])
def test_what_is_no_hash_costs_nothing_that_could_be_told(written: str) -> None:
    """It is refused, as by `check_readable`."""
    with pytest.raises(HashUnreadable):
        cost_of(written)
