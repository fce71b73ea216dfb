"""Regular expressions of a configuration take linear time, and say what they do not take."""

from __future__ import annotations

import time

import pytest

from gateway.http.expressions import check, searcher


@pytest.mark.parametrize("hostile", [r"^(a+)+$", r"^(a|a)*$", r"(x+x+)+y", r"^(\w+\s?)*$"])
def test_no_expression_takes_more_than_linear_time(hostile: str) -> None:
    """Four thousand octets would take Python's own engine longer than the sun has."""
    found = searcher(hostile)
    started = time.perf_counter()

    found(b"a" * 4000 + b"!")
    found(b"x" * 4000)

    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("expression", "text", "matches"),
    [
        ("^v[12]$", b"v2", True),
        ("^v[12]$", b"v3", False),
        ("b", b"abc", True),
        ("(?i)CHROME", b"Mozilla chrome", True),
        (r"^\d+$", b"12a", False),
        ("é", "caf\u00e9".encode(), True),
        (r"^.\xff", b"\x00\xff", True),
        ("(?P<name>a)", b"a", True),
        ("", b"", True),
    ],
)
def test_an_expression_is_searched_for_anywhere(expression: str, text: bytes, matches: bool) -> None:
    """In octets, whatever they are."""
    assert bool(searcher(expression)(text)) is matches


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("(", "missing"), ("(?=a)", "perl operator"), ("(?<!a)b", "perl operator"), (r"(a)\1", "escape sequence")],
)
def test_what_is_not_linear_is_no_expression(wrong: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The reason is told to the caller, and to nobody else."""
    with pytest.raises(ValueError, match=words):
        check(wrong)
    assert capfd.readouterr() == ("", "")
