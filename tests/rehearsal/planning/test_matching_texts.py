"""Texts that a regular expression matches as a whole."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http import expressions
from gateway.rehearsal.planning.matching_texts import MOST, matching_texts


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ("/x/.*", ["/x/sample", "/x/s", "/x/"]),
        ("/x/[a-z]+", ["/x/sample", "/x/s"]),
        ("/v(?P<version>[0-9]+)/.+", ["/v0/sample", "/v0/s"]),
        ("/(users|orders)/?", ["/users/", "/orders/", "/users"]),
        ("/[^/]{2}/\\d", ["/ss/0"]),
        ("/a.b", ["/asb"]),
        ("(?i)/A$", ["/A"]),
        ("/[^s]", ["/0"]),
        ("/[^s/]*?x", ["/0x", "/x"]),
        ("", [""]),
    ],
)
def test_what_an_expression_is_for(expression: str, texts: list[str]) -> None:
    """A word where any may stand, the least and one of what is repeated, one of each branch."""
    assert list(matching_texts(expression)) == texts


@pytest.mark.parametrize("expression", [r"/\pL", r"/\z", "/[[:alpha:]]", r"/\C", "/" + "(" * 400 + ")" * 400])
def test_what_python_reads_otherwise_has_no_samples(expression: str) -> None:
    """Or has those that RE2 matches too."""
    match, _ = expressions.matcher(expression)

    assert all(match(text.encode()) for text in matching_texts(expression))


def test_there_are_not_too_many() -> None:
    """Of a hundred words, and of what repeats what is repeated."""
    words = "|".join(f"w{number}" for number in range(100))

    assert len(list(matching_texts(f"/({words})/({words})"))) == MOST
    assert all(len(text) < 10_000 for text in matching_texts("/(((a{100}){5}){2})?"))


@given(st.lists(st.sampled_from(["a", "[b-d]", ".", "(x|y)", "\\d", "z?", "w*", "(?:q+)", "[^/]"]), max_size=6))
def test_each_is_matched(parts: list[str]) -> None:
    """By Python as well as by RE2; and there is at least one."""
    expression = "/" + "".join(parts)

    texts = list(matching_texts(expression))

    assert texts
    assert all(re.fullmatch(expression, text) for text in texts)
