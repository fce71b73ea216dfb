from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import reading
from gateway.config.nodes import MapNode, ScalarNode, to_data
from gateway.config.problems import Place, Problem
from gateway.config.substitution import RUNTIME, substitute


def substituted(text: str, **variables: str) -> tuple[Any, list[str]]:
    """Give the data of a text after substitution, and what was wrong."""
    problems: list[Problem] = []
    root = reading.read(text, "g.yaml", problems)
    assert root is not None
    substitute(root, variables, problems)
    return to_data(root), [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "variables", "value"),
    [
        ("a: ${X}", {"X": "one"}, "one"),
        ("a: pre-${X}-${Y}", {"X": "one", "Y": "two"}, "pre-one-two"),
        ("a: ${X:-default}", {}, "default"),
        ("a: ${X:-default}", {"X": ""}, "default"),
        ("a: ${X:-default}", {"X": "set"}, "set"),
        ("a: ${X:-}", {}, ""),
        ("a: ${X}", {"X": ""}, ""),
        ("a: '${X:-a:b-c?d}'", {}, "a:b-c?d"),
        ("a: ${X:?needed}", {"X": "set"}, "set"),
        ("a: ${PORT}", {"PORT": "8080"}, 8080),
        ("a: '${PORT}'", {"PORT": "8080"}, "8080"),
        ("a: ${YES}", {"YES": "true"}, True),
        ("a: ${NUL}", {"NUL": "null"}, None),
        ("a: $${X}", {}, "${X}"),
        ("a: $$${X}", {"X": "one"}, "$${X}"),
        ("a: $argon2id$v=19$m", {}, "$argon2id$v=19$m"),
        ("a: ^/x$", {}, "^/x$"),
        ("a: ${X}", {"X": "${Y}"}, "${Y}"),
        ("a: ${X}", {"X": "- [not, yaml]"}, "- [not, yaml]"),
    ],
)
def test_variables_are_put_in(text: str, variables: Mapping[str, str], value: object) -> None:
    """With defaults, within text, typed where the scalar is plain, once, and never as YAML."""
    assert substituted(text, **variables) == ({"a": value}, [])


def test_keys_are_not_touched() -> None:
    """Only what stands under them."""
    assert substituted('"${X}": ${X}', X="one") == ({"${X}": "one"}, [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, '${X}']", "g.yaml:1:8: a[1]: expected the environment variable X, found none, and no default"),
        ("a: ${X:?set it}", "g.yaml:1:4: a: expected the environment variable X, found none: set it"),
        ("a: ${X:?}", "g.yaml:1:4: a: expected the environment variable X, found none"),
        ("a: x${", "g.yaml:1:4: a: expected a closing `}` after `${`, found none"),
        (
            "a: ${not a name}",
            (
                "g.yaml:1:4: a: expected `${VAR}`, `${VAR:-default}` or `${VAR:?message}` (`$${` for a literal `${`), "
                "found `${not a name}`"
            ),
        ),
    ],
)
def test_what_cannot_be_put_in_has_a_place(text: str, line: str) -> None:
    """The scalar's, and its key."""
    assert substituted(text)[1] == [line]


def test_a_scalar_that_could_not_be_replaced_is_marked() -> None:
    """So that nothing else is said about it."""
    root = reading.read("a: ${X}", "g.yaml", [])
    assert root is not None
    substitute(root, {}, [])

    assert isinstance(root, MapNode)
    assert root.get("a") == ScalarNode(Place("g.yaml", 1, 4), "${X}", plain=True, settled=True, broken=True)


def test_an_alias_is_not_replaced_twice() -> None:
    """The first round's literal `${` would be the second's variable."""
    assert substituted("a: &x $${Y}\nb: *x\n") == ({"a": "${Y}", "b": "${Y}"}, [])


def test_runtime_names_stay_inside_transformations() -> None:
    """They belong to the exchange, even if the environment has a variable of that name."""
    text = "transformations:\n  set: {A: '${latency} ${claim.sub} ${X:-d}', B: '$${latency}', C: '${X}'}\n"

    data, lines = substituted(text, latency="env", X="in ${place}")

    assert lines == []
    assert data["transformations"]["set"] == {
        "A": "${latency} ${claim.sub} in $${place}",
        "B": "$${latency}",
        "C": "in $${place}",
    }


def test_runtime_names_are_reserved_in_the_tags_of_a_cache() -> None:
    """They are nobody's there; other names are the environment's, and so are `tags` of anything else."""
    text = "routes: [{cache: {tags: '${path}'}, tags: '${path}'}, {cache: {tags: '${FIELD}'}}]\n"

    data, lines = substituted(text, path="env", FIELD="X-Tags")

    assert lines == []
    assert data["routes"] == [{"cache": {"tags": "${path}"}, "tags": "env"}, {"cache": {"tags": "X-Tags"}}]


def test_runtime_names_are_variables_elsewhere() -> None:
    """`${path}` outside of transformations is the environment's."""
    assert substituted("a: ${path}", path="x") == ({"a": "x"}, [])


def test_an_unknown_name_inside_transformations_lists_the_runtime_names() -> None:
    """And the one that was probably meant."""
    lines = substituted("transformations: {a: '${latncy}'}")[1]

    assert lines == [
        (
            "g.yaml:1:22: transformations.a: expected one of latency, request_id, client_ip, route, "
            "upstream, method, path, "
            "status, now, claim.NAME, param.NAME, header.NAME, query.NAME or an environment variable, "
            "found `${latncy}`, which is not set "
            "either, did you mean `latency`?"
        )
    ]


def test_a_malformed_name_inside_transformations_lists_them_too() -> None:
    """`claim` needs a name."""
    (line,) = substituted("transformations: {a: '${claim.}'}")[1]

    assert all(name in line for name in RUNTIME)


@given(st.text(st.characters(exclude_characters="$", exclude_categories=["Cs", "Cc"])))
def test_text_without_dollars_is_left_alone(text: str) -> None:
    """Whatever else it holds."""
    node = ScalarNode(Place("g.yaml", 1, 1), text, plain=False)

    substitute(node, {}, [])

    assert node.text == text


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=5), st.text(max_size=5))
def test_a_value_is_put_in_as_it_is(value: str, before: str, after: str) -> None:
    """No character of a variable means anything, whatever stands around it."""
    around = (before + after).replace("$", "")
    node = ScalarNode(Place("g.yaml", 1, 1), around + "${X}" + around, plain=False)

    substitute(node, {"X": value}, [])

    assert node.text == around + value + around
