"""Texts with names in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.http.templates import literals, names, split, without


def test_literals_and_names_in_turns() -> None:
    """A doubled dollar is no name."""
    assert split("a${b}$${c}${d}") == ["a", "b", "${c}", "d", ""]
    assert names("a${b}$${c}${d}") == ["b", "d"]
    assert literals("a${b}$${c}${d}") == "a${c}"


@given(st.text("ab$", max_size=20))
def test_text_without_braces_stays(text: str) -> None:
    """A `$` elsewhere stands for itself."""
    assert split(text) == [text]


def test_a_text_loses_names_that_are_left_out() -> None:
    """What is literal stays so, and so do other names."""
    assert without("/a/${now}/$${now}/${param.id}${latency}", ("now", "latency")) == "/a//$${now}/${param.id}"
    assert without("plain", ("now",)) == "plain"
