"""Expressions that choose tests by their names."""

from __future__ import annotations

import pytest

from gateway.commands.test.choosing import chooser


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("users", {"Users are read", "users are slow"}),
        ("users and not slow", {"Users are read"}),
        ("not users", {"orders are SLOW"}),
        ("orders or read", {"Users are read", "orders are SLOW"}),
        ("orders or users and read", {"Users are read", "orders are SLOW"}),
        ("(orders or users) and slow", {"users are slow", "orders are SLOW"}),
        ("not (users and slow)", {"Users are read", "orders are SLOW"}),
        ('"are slow"', {"users are slow", "orders are SLOW"}),
        ("'not'", set()),
    ],
)
def test_names_are_chosen(expression: str, chosen: set[str]) -> None:
    """By what they hold, in any case of letters; `and` binds more than `or`."""
    names = ["Users are read", "users are slow", "orders are SLOW"]

    assert set(filter(chooser(expression), names)) == chosen


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("a and", "a word"),
        ("and", "a word"),
        ("(a", "`)`"),
        ("a b", "`and` or `or`"),
        ("a)", "`and` or `or`"),
        ('"a', "a closing quote"),
        ("not", "a word"),
    ],
)
def test_what_is_no_expression(expression: str, wanted: str) -> None:
    """Is refused with what was wanted."""
    with pytest.raises(ValueError, match=f"^expected {wanted} in ".replace("(", r"\(").replace(")", r"\)")):
        chooser(expression)


@pytest.mark.parametrize("expression", ["(" * 5000, "not " * 5000 + "a", "(" * 60 + "a" + ")" * 60])
def test_an_expression_that_is_too_deep(expression: str) -> None:
    """Is refused in words."""
    with pytest.raises(ValueError, match="expected at most 50 times"):
        chooser(expression)


def test_many_words_are_not_deep() -> None:
    """Of a list that a program has made."""
    assert chooser(" or ".join(f"w{number}" for number in range(2000)))("w1999")
