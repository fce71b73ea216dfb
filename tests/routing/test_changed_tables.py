"""A table that is made from another by what differs is the one that is made from nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable
from gateway.routing.tree import Leaf, Node, Tree

HOSTS = [None, "a.example", "*.example", "b.a.example"]
PATHS = ["/", "/*", "/a", "/a/*", "/a/:id", "/a/:name", "/a/:id/b", "/a/b", "/A/b", "/c/d/*", "~/a/.*", "~/b(?P<x>.)"]

routes = st.lists(
    st.tuples(
        st.lists(st.sampled_from(HOSTS), min_size=1, max_size=2, unique=True),
        st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True),
        st.sampled_from([None, frozenset([b"GET"]), frozenset([b"POST", b"PUT"])]),
        st.sampled_from([{}, {"X-One": "1"}, {"X-One": "1", "X-Two": "*"}]),
    ),
    max_size=6,
)
"""Hosts, paths, methods and conditions of routes."""

Rules = dict[str, list[RouteRule]]


def rules(drawn: list[Any], first: int = 0) -> Rules:
    """Make the rules of routes, by their names."""
    return {
        f"r{number}": [RouteRule(f"r{number}", host, path, methods, headers) for host in hosts for path in paths]
        for number, (hosts, paths, methods, headers) in enumerate(drawn, first)
    }


def shape(thing: Any, value: Callable[[Any], Any] = str) -> Any:
    """Return what a table is made of, in a form that can be compared.

    Args:
        thing: A table, or a part of one.
        value: Returns what stands for a value.
    """
    part = partial(shape, value=value)
    if isinstance(thing, RouteTable):
        trees = {host: part(tree) for host, tree in [*thing._exact.items(), *thing._wildcard.items()]}
        kinds = sorted(thing._exact), sorted(thing._wildcard), thing._hosts, thing._asks_case
        return kinds, trees, part(thing._any), None if thing.caseless is None else part(thing.caseless)
    if isinstance(thing, Tree):
        expressions = [(expression.text, part(leaf)) for expression, leaf in thing.expressions]
        return part(thing._root), {path: part(leaf) for path, leaf in thing.literals.items()}, expressions
    if isinstance(thing, Node):
        children = {segment: part(child) for segment, child in thing.literals.items()}
        return children, part(thing.param), part(thing.rest), part(thing.leaf)
    if isinstance(thing, Leaf):
        entries = [(entry.rule, entry.pattern.text, value(entry.match.value)) for entry in thing.entries]
        default = None if thing._default is None else thing._default.rule
        methods = {method: None if entry is None else entry.rule for method, entry in thing._methods.items()}
        return entries, default, methods, thing._plain, [entry.rule for entry in thing._conditional]
    return thing


@given(before=routes, fresh=routes, gone=st.sets(st.integers(0, 5)), place=st.integers(0, 6), asks_case=st.booleans())
@profile(deadline=None)
def test_a_changed_table_is_as_made_anew(
    before: list[Any], fresh: list[Any], gone: set[int], place: int, asks_case: bool
) -> None:
    """Whatever comes and goes, and wherever it comes; the one before is as it was."""
    old, new = rules(before), rules(fresh, 10)
    left = [name for number, name in enumerate(old) if number not in gone]
    order = [*left[:place], *new, *left[place:]]
    after = {name: old[name] if name in old else new[name] for name in order}
    everything = [(rule, rule.name) for each in after.values() for rule in each]
    table = RouteTable([(rule, rule.name) for each in old.values() for rule in each], asks_case)
    was = shape(table)

    made = table.changed(
        [rule for name, each in old.items() if name not in after for rule in each],
        [(rule, name) for name, each in new.items() for rule in each],
        {id(rule): number for number, (rule, _) in enumerate(everything)},
    )

    assert shape(made) == shape(RouteTable(everything, asks_case))
    assert shape(table) == was
