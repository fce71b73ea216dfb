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
        ("A='as $it is \\n'", "as $it is \\n"),
        ('A="line\\nand \\"quote\\"" # comment', 'line\nand "quote"'),
        ("A=a=b", "a=b"),
    ],
)
def test_a_line_sets_a_variable(line: str, value: str) -> None:
    """With `export`, quotes, escapes and comments as a shell has them."""
    assert dotenv.parse(line, ".env", []) == {"A": value}


def test_comments_and_empty_lines_set_nothing() -> None:
    """And the last of several lines wins."""
    assert dotenv.parse("# A=0\n\n   \nA=1\nA=2\n", ".env", []) == {"A": "2"}


@pytest.mark.parametrize("line", ["hunter2", "1A=x", "A='open", 'A="open', "A-B=1"])
def test_a_line_that_sets_nothing_is_reported_but_not_shown(line: str) -> None:
    """It may be a secret in the wrong place."""
    problems: list[Problem] = []

    assert dotenv.parse(f"B=1\n{line}\n", ".env", problems) == {"B": "1"}
    assert [str(problem) for problem in problems] == [".env:2:1: expected NAME=value, found something else"]
