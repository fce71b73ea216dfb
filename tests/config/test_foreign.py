"""What code from outside says when it fails: in one line, whatever it is, and without what is secret."""

from __future__ import annotations

import pytest

from gateway.config import foreign
from gateway.config.texts import MASK
from tests.hostile import MUTE, Mute, Odd, OddText


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("no licence"), "RuntimeError: no licence"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (ValueError("two\n  lines\x1b[2J"), "ValueError: two lines\\x1b[2J"),
        (Mute(), f"Mute, {MUTE}"),
        (Odd("a"), "an exception: a"),
        (RuntimeError(OddText("a b")), "RuntimeError: a b"),
    ],
)
def test_words(error: BaseException, line: str) -> None:
    """The class and what it says; one whose `__str__` raises says that."""
    assert foreign.words(error) == line


def test_words_are_bounded() -> None:
    """An exception may quote all of a document."""
    assert len(foreign.words(RuntimeError("a" * 100_000))) < 2 * foreign.LONGEST


SECRET = 'hunter2"\n7ü'
URL = "redis://user:pa%24s-word@db.internal/0"


@pytest.mark.parametrize(
    "said",
    [
        SECRET,
        repr(SECRET),
        repr(SECRET.encode()),
        '"hunter2\\"\\n7\\u00fc"',
        "a=hunter2%22%0A7%C3%BC",
        'the line hunter2"',
        URL,
        "the password pa$s-word",
        "the password pa%24s-word",
        "the pin 482913",
        "in a list: listed-token",
    ],
)
def test_values_of_the_configuration_are_masked(said: str) -> None:
    """However they are written."""
    config = {"deep": {"token": SECRET, "url": URL}, "pin": 482913, "list": ["listed-token"], "verb": "GET", "on": True}

    found = foreign.words(RuntimeError(f"bad: {said} (GET, True)"), config)

    for part in ("hunter2", "pa%24s", "pa$s", "482913", "listed"):
        assert part not in found
    assert MASK in found
    assert found.endswith("(GET, True)")


def test_a_secret_that_is_a_part_of_another() -> None:
    """Nothing of the longer one stays."""
    assert foreign.masked("abcdefgh abcd", {"a": "abcd", "b": "abcdefgh"}) == f"{MASK} {MASK}"
