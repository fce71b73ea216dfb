"""A file of users: which lines are taken, and what is said of the others."""

from __future__ import annotations

import bcrypt
import pytest

from gateway.identity.users import UsersUnreadable, read_users

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
ARGON2 = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43
SCRYPT = "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$" + "A" * 43
WERKZEUG = "scrypt:16:8:1$saltsalt$" + "0" * 64


def mistakes(content: str | bytes) -> list[str]:
    """What is wrong with a file, as it is told."""
    octets = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(UsersUnreadable) as told:
        read_users(octets)
    return [f"{one.line}:{one.column}: expected {one.expected}, found {one.found}" for one in told.value.misread]


@pytest.mark.parametrize(
    "encoded",
    [HASH, HASH.replace("$2b$", "$2y$"), HASH.replace("$2b$", "$2a$"), ARGON2, SCRYPT, WERKZEUG],
    ids=["2b", "2y", "2a", "Argon2", "scrypt", "Werkzeug"],  # a hash has its salt: another name each time
)
def test_hashes_that_are_slow_on_purpose_are_taken(encoded: str) -> None:
    """In every way of writing them that the token endpoint takes too."""
    assert read_users(f"alice:{encoded}\n".encode()).find("alice") == encoded


def test_comments_blank_lines_and_ends_of_lines_count_for_nothing() -> None:
    """As in Apache and nginx; nginx takes a comment after the hash, and editors of Windows begin with a mark."""
    written = f"\ufeff# people\r\n\r\n  \n  # indented\n alice:{HASH}  \r\nbob:{HASH}:of the night shift\nçelik:{HASH}"

    users = read_users(written.encode())

    assert len(users) == 3
    assert [users.find(name) for name in ("alice", "bob", "çelik", "# people")] == [HASH, HASH, HASH, None]


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        ("$apr1$saltsalt$" + "a" * 22, "found MD5"),
        ("$1$saltsalt$" + "a" * 22, "found MD5"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "found SHA,"),
        ("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "found SHA,"),
        ("$5$saltsalt$" + "a" * 43, "found SHA-crypt"),
        ("$6$saltsalt$" + "a" * 86, "found SHA-crypt"),
        ("$y$j9T$saltsalt$" + "a" * 43, "found yescrypt"),
        ("{PLAIN}secret", "found a password as it is"),
        ("{MD5}secret", "found a scheme which"),
        ("rqXexS6ZhobKA", "found DES crypt or a password as it is"),
        ("correct horse", "found a password as it is"),
        ("", "found a password as it is, or no hash"),
        (HASH[:-1], "found one that cannot be used: it is no hash of bcrypt"),
        ("$2b$31$" + "." * 53, "its cost is 31, where 4 to 14 may be"),
        ("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43, "more than 1 GiB"),
        (WERKZEUG.replace("saltsalt", "salt\0salt"), "found one with"),
    ],
    ids=range(16),
)
def test_others_are_refused_with_what_to_do(encoded: str, words: str) -> None:
    """Line and column, and no word of the hash."""
    (told,) = mistakes(f"bob:{HASH}\n alice:{encoded}\n")

    assert told.startswith("2:8: expected a hash")
    assert words in told
    assert "without control characters" in words + told or "`gateway hash-secret --user NAME` makes one" in told
    assert not encoded or encoded not in told


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """A line without a colon, a name that is none, a user twice, octets that are no text."""
    written = f"alice\n:{HASH}\n{'x' * 256}:{HASH}\na\tb:{HASH}\nbob:{HASH}\nbob:{HASH}\n".encode() + b"a\xff:x\n"

    assert [one.partition(", found ")[::2] for one in mistakes(written)] == [
        ("1:1: expected `NAME:HASH` (`gateway hash-secret --user NAME` makes one)", "a line without a colon"),
        ("2:1: expected a name of 1 to 255 octets without control characters", "another"),
        ("3:1: expected a name of 1 to 255 octets without control characters", "another"),
        ("4:1: expected a name of 1 to 255 octets without control characters", "another"),
        ("6:1: expected each user once", '"bob", which stands on line 5 already'),
        ("7:2: expected text in UTF-8", "octets that are none"),
    ]


@pytest.mark.parametrize("content", ["", "\n\n", "# nobody\n"])
def test_a_file_with_nobody_in_it_is_a_mistake(content: str) -> None:
    """It is more likely one that is just being written."""
    (told,) = mistakes(content)

    assert told.startswith("1:1: expected at least one user")


def test_what_comparing_costs_is_counted() -> None:
    """By kind and parameters."""
    users = read_users(f"a:{HASH}\nb:{HASH}\nc:{ARGON2}\n".encode())

    assert users.costs == {"bcrypt 4": 2, "Argon2 m=8,t=1,p=1": 1}
    assert {users.decoy(f"name-{number}") for number in range(99)} == {HASH, ARGON2}


def test_another_password_is_another_credential() -> None:
    """So that what was opened with the one before can be told."""
    one, other = (read_users(f"alice:{encoded}\nbob:{HASH}\n".encode()).credentials for encoded in (HASH, ARGON2))

    assert one["basic:bob"] == other["basic:bob"]
    assert one["basic:alice"] != other["basic:alice"]
