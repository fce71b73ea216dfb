from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import reading
from gateway.config.nodes import MapNode, to_data
from gateway.config.problems import Problem


def read(text: str, file: str = "g.yaml") -> tuple[object, list[str]]:
    """Give the data of a text and what is wrong with it."""
    problems: list[Problem] = []
    root = reading.read(text, file, problems)
    return (None if root is None else to_data(root)), [str(problem) for problem in problems]


def test_every_node_knows_its_place() -> None:
    """Lines and columns count from 1; a key has a place of its own."""
    root = reading.read("a: 1\nroutes:\n  - path: /x\n", "g.yaml", [])

    assert isinstance(root, MapNode)
    routes = root.entries["routes"]
    assert (routes.place, routes.node.place) == (("g.yaml", 2, 1), ("g.yaml", 3, 3))


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("on: yes\n", {"on": "yes"}),
        ("a: &x [1, 2]\nb: *x\n", {"a": [1, 2], "b": [1, 2]}),
        ("a: &x 1\nb: [*x]\n", {"a": 1, "b": [1]}),
        ("404: 410\n", {"404": 410}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: '1'\nb: \"2\"\n", {"a": "1", "b": "2"}),
        ("---\na: 1\n", {"a": 1}),
    ],
)
def test_yaml_is_read(text: str, data: object) -> None:
    """Block and flow, quotes, aliases; keys are texts."""
    assert read(text) == (data, [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b: c\n", "g.yaml:1:5: expected YAML, found an error: mapping values are not allowed in this context"),
        (
            "a: [1\n",
            (
                "g.yaml:2:1: expected YAML, found an error: did not find expected ',' or ']' (while parsing a "
                "flow sequence)"
            ),
        ),
        ("a: \x01\n", "g.yaml:1:4: expected printable characters, found U+0001"),
        ("a: 1\nb: 2\na: 3\n", "g.yaml:3:1: a: expected the key once, found it again, first at g.yaml:1:1"),
        (
            "a: [1]\nb: [[], {c: {}, d: {e: 1, e: 2}}]\n",
            "g.yaml:2:27: b[1].d.e: expected the key once, found it again, first at g.yaml:2:21",
        ),
        ("a: !!str 1\n", "g.yaml:1:4: expected a value without a tag, found `!!str`"),
        (
            "a: !python/object:os.system x\n",
            "g.yaml:1:4: expected a value without a tag, found one; a text that begins with `!` needs quotes",
        ),
        ("a: !!set {}\n", "g.yaml:1:4: expected a value without a tag, found `!!set`"),
        ("a: 1\n---\nb: 2\n", "g.yaml:2:1: expected one document in a file, found a second one"),
        (
            "a: {b: ${X}}\n",
            (
                "g.yaml:1:9: expected YAML, found an error: did not find expected ',' or '}' (while parsing a flow "
                'mapping); inside of `{…}` and `[…]`, write "${VAR}" in quotes'
            ),
        ),
        (
            "token: *hunter2\n",
            "g.yaml:1:8: expected quotes around a text that begins with `*`, found an alias without an anchor",
        ),
        ("a: &x [*x]\n", "g.yaml:1:8: expected an alias of something complete, found *x inside of &x"),
        ("? [a]\n: 1\n", "g.yaml:1:3: expected a text as key, found a list or mapping"),
        ("a: &x k\n*x : 1\n", "g.yaml:2:1: expected a text as key, found the alias *x"),
        ("[" * 100000, "g.yaml:1:65: expected at most 64 levels, found more"),
    ],
)
def test_what_is_wrong_has_a_place(text: str, line: str) -> None:
    """Syntax, and the parts of YAML that are not let in."""
    assert read(text)[1] == [line]


def test_aliases_that_unfold_without_end_are_stopped() -> None:
    """A "billion laughs" file is refused by counting, not by unfolding."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    data, lines = read("\n".join(levels))

    assert data is None
    assert len(lines) == 1
    assert "expected aliases that unfold to at most 500000 values, found more" in lines[0]


def test_json_with_tabs_and_surrogates_is_read() -> None:
    """Which JSON allows and YAML's parser does not."""
    text = json.dumps({"a": "tab\there", "b": "😀", "c": ["\\ud83d", "x/y"]}, indent="\t").replace("/", "\\/")

    assert read(text, "g.json") == ({"a": "tab\there", "b": "😀", "c": ["\\ud83d", "x/y"]}, [])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcdef", min_size=1), json_values, max_size=5), st.booleans())
def test_json_means_what_json_says(data: dict[str, object], ascii_only: bool) -> None:
    """Whatever a JSON writer makes of a value reads back as that value."""
    text = json.dumps(data, ensure_ascii=ascii_only, indent=1)

    assert read(text, "g.json") == (data, [])


@given(st.text())
def test_no_text_makes_the_reader_fail(text: str) -> None:
    """It gives a tree or a problem, never a traceback."""
    root, lines = read(text)

    assert root is None or isinstance(root, (dict, list, str, int, float))
    assert all(line.startswith("g.yaml:") for line in lines)
