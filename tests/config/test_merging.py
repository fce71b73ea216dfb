from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import reading
from gateway.config.merging import JOINED, merge
from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode, to_data
from gateway.config.problems import Place, Problem


def merged(*texts: str) -> tuple[Any, list[str]]:
    """Merge texts as files `1.yaml`, `2.yaml`…, and give the data and what was wrong."""
    problems: list[Problem] = []
    roots = [reading.read(text, f"{number}.yaml", problems) for number, text in enumerate(texts, 1)]
    root = merge([root for root in roots if isinstance(root, MapNode)], problems)
    return to_data(root), [str(problem) for problem in problems]


def test_mappings_are_merged() -> None:
    """All the way down."""
    assert merged("a: {b: 1, c: {d: 1}}", "a: {c: {e: 2}}\nf: 3") == (
        {"a": {"b": 1, "c": {"d": 1, "e": 2}}, "f": 3},
        [],
    )


@pytest.mark.parametrize("path", sorted(JOINED))
def test_lists_of_named_things_are_joined(path: str) -> None:
    """In the order of the files."""
    *sections, key = path.split(".")
    first, second = f"{key}: [1]", f"{key}: [2]"
    for section in reversed(sections):
        first, second = f"{section}: {{{first}}}", f"{section}: {{{second}}}"

    data, problems = merged(first, second)

    assert problems == []
    for section in sections:
        data = data[section]
    assert data[key] == [1, 2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a: {b: 1}", "a: {b: 1}"),
        ("a: {b: [1]}", "a: {b: [2]}"),
        ("a: {b: 1}", "a: {b: {c: 1}}"),
        ("a: {b: {}}", "a: {b: []}"),
    ],
)
def test_anything_else_in_two_files_is_a_problem(first: str, second: str) -> None:
    """Even the same value: which file is to be edited?"""
    data, problems = merged(first, second)

    assert problems == ["2.yaml:1:5: a.b: expected a value in one file only, found it again, first at 1.yaml:1:5"]
    assert data == merged(first)[0]


HERE = Place("g.yaml", 1, 1)


def node_of(data: object) -> Node:
    """Make a tree of plain data."""
    if isinstance(data, dict):
        return MapNode(HERE, {key: Entry(HERE, node_of(value)) for key, value in data.items()})
    if isinstance(data, list):
        return ListNode(HERE, [node_of(item) for item in data])
    return ScalarNode(HERE, str(data), plain=True)


flat = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 9), max_size=6)
trees = st.dictionaries(st.sampled_from(["timeouts", "limits", "log"]), flat, max_size=3)


@given(trees, st.integers(0, 3))
def test_where_a_section_is_cut_does_not_matter(tree: dict[str, dict[str, int]], cut: int) -> None:
    """One file or its keys spread over two: the same configuration, and no problem."""
    first = {section: dict(list(keys.items())[:cut]) for section, keys in tree.items()}
    second = {section: dict(list(keys.items())[cut:]) for section, keys in tree.items()}
    problems: list[Problem] = []

    parts = [node_of(first), node_of(second)]
    whole = merge([part for part in parts if isinstance(part, MapNode)], problems)

    assert to_data(whole) == tree
    assert problems == []


def test_the_files_own_trees_are_not_changed() -> None:
    """A place in them is still looked up afterwards."""
    first, second = node_of({"a": {"b": 1}}), node_of({"a": {"c": 2}})
    assert isinstance(first, MapNode)
    assert isinstance(second, MapNode)

    merge([first, second], [])

    assert (to_data(first), to_data(second)) == ({"a": {"b": 1}}, {"a": {"c": 2}})
