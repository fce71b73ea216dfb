from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ConfigError, Settings, load, reading
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


MERGED = """\
x-defaults: &defaults
  timeout: 7s
  request_body: 1MiB
x-limits: &limits {in_flight: 3, timeout: 9s}
upstreams: [{name: api, backends: []}]
routes:
  - <<: *defaults
    path: /a
    upstream: api
  - {path: /b, upstream: api, <<: [*defaults, *limits], request_body: 2MiB}
"""


def test_merge_keys(load_text: Callable[..., Settings]) -> None:
    """What stands beside `<<` wins, and of several mappings the first that has a key."""
    first, second = load_text(MERGED).routes

    assert (first.timeout, first.request_body, first.in_flight) == (7, 2**20, 0)
    assert (second.timeout, second.request_body, second.in_flight) == (7, 2**21, 3)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("7s", "soon", "2:12: routes[0].timeout: expected a duration such as 250ms, 10s, 5m, 1h, 1d or 1h30m"),
        ("request_body: 1MiB", "request_boby: 1", "3:3: routes[0].request_boby: expected a known key"),
        ("*defaults\n", "7\n", "7:9: routes[0].<<: expected a mapping, or a list of mappings, to be merged, found 7"),
        ("[*defaults, ", "[a, ", "10:36: routes[1].<<: expected a mapping, or a list of mappings, to be merged, found"),
    ],
)
def test_what_is_wrong_in_a_merged_part_stands_where_it_was_written(
    load_text: Callable[..., Settings], before: str, after: str, line: str
) -> None:
    """And the key is the one that it became."""
    with pytest.raises(ConfigError) as refused:
        load_text(MERGED.replace(before, after))

    assert any(line in str(problem).replace("['<<']", ".<<") for problem in refused.value.problems)


def test_keys_that_are_the_users_own(load_text: Callable[..., Settings]) -> None:
    """In every section; names that begin so, of fields for example, are names as before."""
    settings = load_text(
        """
        x-note: [anything, {at: all}]
        admin: {x-owner: me}
        upstreams: [{name: api, x-team: a, backends: [{url: "http://a", x-rack: 4}]}]
        routes: [{path: /, upstream: api, x-ticket: 7, headers: {x-version: "2"}}]
        """
    )

    assert settings.routes[0].headers == {"x-version": "2"}


def test_each_file_may_have_parts_of_its_own(tmp_path: Path) -> None:
    """Under a name that another file has as well."""
    (tmp_path / "a.yaml").write_text("x-common: 1\n")
    (tmp_path / "b.yaml").write_text("x-common: 2\n")

    assert load(tmp_path, {}) == Settings()


def test_quoted_it_is_a_key_like_any_other(tmp_path: Path) -> None:
    """As in JSON, which has no merging."""
    (tmp_path / "a.json").write_text('{"<<": {"timeouts": {}}}')

    with pytest.raises(ConfigError, match="expected a known key"):
        load(tmp_path / "a.json", {})
