from __future__ import annotations

from typing import Any

import pytest

from gateway.config import overrides, reading
from gateway.config.nodes import MapNode, to_data
from gateway.config.overrides import misspelt
from gateway.config.problems import Problem


def overridden(text: str, **environ: str) -> tuple[Any, list[str]]:
    """Give the data of a text under an environment, and what was wrong."""
    problems: list[Problem] = []
    root = reading.read(text, "g.yaml", problems)
    assert isinstance(root, MapNode)
    overrides.apply(root, environ, problems)
    return to_data(root), [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "environ", "data"),
    [
        ("limits: {in_flight: 1}", {"GATEWAY__LIMITS__IN_FLIGHT": "500"}, {"limits": {"in_flight": 500}}),
        ("a: {}", {"GATEWAY__LIMITS__IN_FLIGHT": "5"}, {"a": {}, "limits": {"in_flight": 5}}),
        ("limits:", {"GATEWAY__LIMITS__IN_FLIGHT": "5"}, {"limits": {"in_flight": 5}}),
        ("a: [{b: 1}, {b: 2}]", {"GATEWAY__A__1__B": "x"}, {"a": [{"b": 1}, {"b": "x"}]}),
        ("a: [1, 2]", {"GATEWAY__A__0": "9", "GATEWAY__A__2": "3"}, {"a": [9, 2, 3]}),
        ("b: 1", {"GATEWAY__LISTENERS__0__ENDPOINT": "tcp:80"}, {"b": 1, "listeners": [{"endpoint": "tcp:80"}]}),
        ("h: {X-Version: 1}", {"GATEWAY__H__X-VERSION": "2"}, {"h": {"X-Version": 2}}),
        ("h: {A: 1, a: 2}", {"GATEWAY__H__a": "3"}, {"h": {"A": 1, "a": 3}}),
        ("a: 1", {"gateway__a": "2"}, {"a": 2}),
        ("a: 1", {"GATEWAY__A": ""}, {"a": ""}),
        ("a: 1", {"GATEWAY_A": "2", "GATEWAY": "3"}, {"a": 1}),
    ],
)
def test_a_variable_sets_a_value(text: str, environ: dict[str, str], data: object) -> None:
    """In mappings and lists, there already or not, without regard to case; typed like a plain scalar."""
    assert overridden(text, **environ) == (data, [])


def test_what_was_set_stands_at_its_variable() -> None:
    """The schema's complaints then name it."""
    root = reading.read("a: 1", "g.yaml", [])
    assert isinstance(root, MapNode)

    overrides.apply(root, {"GATEWAY__A": "2"}, [])

    assert root.entries["a"].place == ("$GATEWAY__A", 1, 1)
    assert root.entries["a"].node.place == ("$GATEWAY__A", 1, 1)


def test_only_the_one_that_is_named_changes_where_an_alias_shares_a_value() -> None:
    """Two pools that were written as one are two."""
    text = "a: &x {b: {c: 1}}\nd: *x\ne: &y [[1]]\nf: *y\n"

    data, problems = overridden(text, GATEWAY__D__B__C="2", GATEWAY__F__0__0="2")

    assert problems == []
    assert data == {"a": {"b": {"c": 1}}, "d": {"b": {"c": 2}}, "e": [[1]], "f": [[2]]}


@pytest.mark.parametrize(
    ("text", "variable", "line"),
    [
        ("a: {b: 1}", "GATEWAY__A", "a: expected the name of a single value, found a section or list there"),
        ("a: [[1]]", "GATEWAY__A__0", "a[0]: expected the name of a single value, found a section or list there"),
        ("a: 1", "GATEWAY__A__B", "a: expected a section, found a single value there"),
        ("a: [1]", "GATEWAY__A__7", "a: expected a number from 0 to 1 for the list, found `7`"),
        ("a: [1]", "GATEWAY__A__X", "a: expected a number from 0 to 1 for the list, found `X`"),
        ("a: 1", "GATEWAY__", "expected names with `__` between them, found an empty name"),
        ("a: {}", "GATEWAY__A____B", "a: expected names with `__` between them, found an empty name"),
    ],
)
def test_a_variable_that_names_no_single_value_is_a_problem(text: str, variable: str, line: str) -> None:
    """Which says so under the variable's name."""
    assert overridden(text, **{variable: "1"})[1] == [f"${variable}:1:1: {line}"]


def test_what_looks_like_an_override_and_is_none_is_told() -> None:
    """One underscore too few, or another slip in the first word; what is of other programs is left alone."""
    environ = dict.fromkeys(
        ["GATEWAY_LIMITS__IN_FLIGHT", "gatway__log__level", "GATEWAY__LIMITS__IN_FLIGHT", "GATEWAY_TOKEN",
         "GATEWAY_SERVICE_HOST", "GATEWAY_DATABASE__URL", "MYAPP__LIMITS__IN_FLIGHT", "PATH"], "1"
    )  # fmt: skip

    assert [str(doubt) for doubt in misspelt(environ, ["limits", "log"])] == [
        "$GATEWAY_LIMITS__IN_FLIGHT:1:1: it changes nothing, did you mean `GATEWAY__LIMITS__IN_FLIGHT`?",
        "$gatway__log__level:1:1: it changes nothing, did you mean `GATEWAY__LOG__LEVEL`?",
    ]
