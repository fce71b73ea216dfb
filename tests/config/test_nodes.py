from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.nodes import Entry, ListNode, MapNode, ScalarNode, describe, items, join, resolve, to_data
from gateway.config.problems import Place

HERE = Place("g.yaml", 1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("False", False),
        ("12", 12), ("-3", -3), ("+1", 1), ("0123", 123), ("0x1F", 31), ("0o17", 15),
        ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("6.02e+23", 6.02e23),
    ],
)  # fmt: skip
def test_a_plain_scalar_has_the_value_of_yaml_1_2(text: str, value: object) -> None:
    """The core schema: null, true and false, integers, floats."""
    found = resolve(text)

    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "12:30",
        "2024-01-01",
        "1_000",
        ".inf",
        ".nan",
        "-",
        "+",
        "0x",
        "0o9",
        "1.2.3",
    ],
)
def test_what_only_yaml_1_1_takes_for_something_else_is_text(text: str) -> None:
    """`on:` is a key of `retry`, and Norway is a country."""
    assert resolve(text) == text


@pytest.mark.parametrize("text", ["0123", "+1", "0x1F", "1.10", "1e3"])
def test_a_number_keeps_its_text_where_that_says_more(text: str) -> None:
    """A key that takes text gets what was written."""
    assert getattr(resolve(text), "text") == text  # noqa: B009 - not every value has it


@given(st.integers(-(10**17), 10**17))
def test_an_integer_resolves_to_itself(number: int) -> None:
    """However long, within 18 digits."""
    assert resolve(str(number)) == number


def test_a_quoted_scalar_is_text() -> None:
    """Whatever it looks like."""
    assert ScalarNode(HERE, "true", plain=False).value == "true"


def test_a_tree_becomes_plain_data() -> None:
    """Mappings, lists and values."""
    tree = MapNode(
        HERE, {"a": Entry(HERE, ListNode(HERE, [ScalarNode(HERE, "1", True), ScalarNode(HERE, "1", False)]))}
    )

    assert to_data(tree) == {"a": [1, "1"]}


@pytest.mark.parametrize(
    ("text", "plain", "words"),
    [
        ("three", True, '"three"'),
        ("3", True, "3"),
        ("~", True, "nothing"),
        ("0x1F", True, "0x1F"),
        ('a"\n', False, '"a\\"\\n"'),
    ],
)
def test_a_scalar_is_shown_as_it_was_written(text: str, plain: bool, words: str) -> None:
    """Texts in quotes, on one line."""
    assert describe(ScalarNode(HERE, text, plain)) == words


def test_a_long_text_is_cut() -> None:
    """So that a line stays a line."""
    assert describe(ScalarNode(HERE, "x" * 100, True)) == '"' + "x" * 57 + '..."'


def test_containers_are_named_not_shown() -> None:
    """Their content may be long, or secret."""
    assert describe(MapNode(HERE)) == "a mapping"
    assert describe(ListNode(HERE)) == "a list"


def test_the_path_of_a_key_quotes_what_is_no_word() -> None:
    """A key with dots in it does not look like several."""
    assert join(join(join("routes", 2), "levels"), "gateway.upstream") == "routes[2].levels['gateway.upstream']"


def test_a_mapping_gives_the_first_key_that_is_there() -> None:
    """And None where none is."""
    one = ScalarNode(HERE, "1", True)
    tree = MapNode(HERE, {"service": Entry(HERE, one)})

    assert tree.get("upstream", "service") is one
    assert tree.get("upstream") is None


def test_only_a_list_has_items() -> None:
    """A mapping and nothing have none."""
    assert list(items(MapNode(HERE))) == []
    assert list(items(None)) == []
