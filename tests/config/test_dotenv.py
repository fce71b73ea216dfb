from __future__ import annotations

import pytest

from gateway.config import dotenv
from gateway.config.problems import Problem


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=value", "value"),
        ("export A=value", "value"),
        ("  A = value  ", "value"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=two words # and a comment", "two words"),
        ("A=has#hash", "has#hash"),
        ("A=#hash", "#hash"),
        ("A='it\\'s'", "it's"),
        ("A='two\nlines'", "two\nlines"),
        ('A="-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n"', "-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n"),
        ("A=windows\r\n", "windows"),
        ("A='as $it is \\n'", "as $it is \\n"),
        ('A="line\\nand \\"quote\\"" # comment', 'line\nand "quote"'),
        ("A=a=b", "a=b"),
    ],
)
def test_a_line_sets_a_variable(line: str, value: str) -> None:
    """With `export`, quotes (over several lines too), escapes and comments."""
    assert dotenv.parse(line, ".env", []) == {"A": value}


def test_comments_and_empty_lines_set_nothing() -> None:
    """And the last of several lines wins."""
    assert dotenv.parse("# A=0\n\n   \nA=1\nA=2\n", ".env", []) == {"A": "2"}


@pytest.mark.parametrize("line", ["hunter2", "1A=x", "A='open", 'A="x" y', "=x", 'A="open', "A-B=1"])
def test_a_line_that_sets_nothing_is_reported_but_not_shown(line: str) -> None:
    """It may be a secret in the wrong place."""
    problems: list[Problem] = []

    assert dotenv.parse(f"B=1\n{line}\n", ".env", problems) == {"B": "1"}
    assert [str(problem) for problem in problems] == [".env:2:1: expected NAME=value, found something else"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\n\n  hunter2\n", 3),
        ("# a comment\n\n# another\nhunter2\n", 4),
        ("A='one\ntwo'\nhunter2\n", 3),
        ("A=1\r\n\r\nhunter2\r\n", 3),
        ('A=1\nB="open\nC=2\n', 2),
        ('A="open\nB=2\nC="x"\n', 1),
    ],
)
def test_a_problem_names_the_line_where_it_begins(text: str, line: int) -> None:
    """Neither empty lines nor values of several lines shift it; a quote left open is where it was opened."""
    problems: list[Problem] = []

    dotenv.parse(text, ".env", problems)

    assert [str(problem) for problem in problems] == [f".env:{line}:1: expected NAME=value, found something else"]
