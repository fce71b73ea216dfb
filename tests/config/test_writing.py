"""A tree that is written down reads back as the same tree."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import reading
from gateway.config.nodes import ListNode, MapNode, Node, ScalarNode
from gateway.config.problems import Place, Problem
from gateway.config.writing import as_text, copied, text_node


def read(text: str, file: str = "a.yaml") -> Node:
    """Read a text that is right."""
    problems: list[Problem] = []
    node = reading.read(text, file, problems)
    assert node is not None, problems
    return node


def same(one: Node, other: Node) -> bool:
    """Whether two trees say the same, quotes included; a key with nothing after it says nothing."""
    if isinstance(one, ScalarNode):
        return isinstance(other, ScalarNode) and (one.plain, one.value) == (other.plain, other.value)
    if isinstance(one, ListNode):
        return (
            isinstance(other, ListNode)
            and len(one.items) == len(other.items)
            and all(map(same, one.items, other.items))
        )
    said = {key: entry.node for key, entry in one.entries.items() if not blank(entry.node)}
    return (
        isinstance(other, MapNode)
        and list(said) == list(other.entries)
        and all(same(node, other.entries[key].node) for key, node in said.items())
    )


def blank(node: Node) -> bool:
    """Whether there is nothing after a key."""
    return isinstance(node, ScalarNode) and node.plain and not node.text


@pytest.mark.parametrize(
    "text",
    [
        "port: ${PORT}",
        'port: "${PORT}"',
        "[1.10, 0x1F, +1, 0123, null, ~, '', \"null\", true, 'true', .5]",
        "a: {b: , c: null, d: {}, e: []}",
        "a: |\n  two\n  lines ${X}\n",
        '"<<": 1\n"a: b": 2\n"": 3\n"- x": 4\n"#": 5\n"1.0": 6',
        "path: ~^/[a-z]+$\nendpoint: tcp:8080\nx: '*'\ny: 'a: b # c'",
        "x: '\u00e9\u4e2d\U0001f600'",
    ],
)
def test_what_was_written_is_written_again(text: str) -> None:
    """Quotes where there were quotes: `1.10` and `${PORT}` mean something else in them."""
    node = read(text)
    again = read(as_text(node))

    assert same(node, again)
    assert copied(node) == node


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_whatever_json_says_is_written_again(value: object) -> None:
    """No text ends a line, becomes a comment, a number or an anchor."""
    node = reading.read(json.dumps({"x": value}), "a.json", [])
    if node is not None:  # some characters no configuration may have
        assert same(node, read(as_text(node)))


def test_a_text_that_looks_like_a_variable_is_a_text() -> None:
    """A name may hold `${`."""
    assert text_node(Place("a", 1, 1), "a ${B}").text == "a $${B}"
