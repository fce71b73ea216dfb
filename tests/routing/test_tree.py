"""The tree of one host: order of the leaves, and order within a leaf."""

from __future__ import annotations

from typing import Any

from gateway.headers import Headers
from gateway.routing.pattern import parse_pattern
from gateway.routing.rule import RouteRule
from gateway.routing.tree import Leaf, Tree


def tree_of(*paths: str) -> Tree[str]:
    """Build a tree whose values are the patterns."""
    tree: Tree[str] = Tree()
    for path in paths:
        tree.add(RouteRule(path, path=path), parse_pattern(path), path)
    return tree


def walk(tree: Tree[str], path: bytes) -> list[str]:
    """List the patterns of the leaves for a path."""
    return [leaf.entries[0].match.value for leaf in tree.leaves(path.split(b"/"))]


def test_leaves_come_most_specific_first() -> None:
    """Literal before parameter before rest, decided at the first segment that differs."""
    tree = tree_of("/*", "/a/*", "/:x/b", "/a/:y", "/:x/:y", "/:x/*")

    assert walk(tree, b"/a/b") == ["/a/:y", "/a/*", "/:x/b", "/:x/:y", "/:x/*", "/*"]


def test_a_rest_matches_its_bare_prefix() -> None:
    """With and without the final slash, and everything below."""
    tree = tree_of("/a/b/*")

    assert [walk(tree, path) for path in (b"/a/b", b"/a/b/", b"/a/b/c/d")] == [["/a/b/*"]] * 3
    assert walk(tree, b"/a/bc") == []


def test_a_parameter_needs_a_segment_with_content() -> None:
    """`/a/` has none."""
    assert walk(tree_of("/a/:x"), b"/a/") == []


def test_an_exact_pattern_is_found_without_a_walk() -> None:
    """It stands in a dictionary of its own."""
    tree = tree_of("/a/b", "/a/:x")

    assert list(tree.literals) == [b"/a/b"]
    assert walk(tree, b"/a/b") == ["/a/:x"]


def test_a_walk_visits_only_what_matches() -> None:
    """Ten thousand siblings cost nothing: the steps are counted, not timed."""
    steps = 0

    class Counting(list[bytes]):
        def __getitem__(self, index: Any) -> Any:  # list's overloads would be noise here
            nonlocal steps
            steps += 1
            return super().__getitem__(index)

    tree = tree_of(*(f"/api/s{number}/:id" for number in range(10_000)))

    leaves = list(tree.leaves(Counting(b"/api/s77/1".split(b"/"))))

    assert [leaf.entries[0].match.value for leaf in leaves] == ["/api/s77/:id"]
    assert steps == 3


def leaf_of(*rules: RouteRule) -> Leaf[str]:
    """Build a leaf whose values are the names of the rules."""
    tree: Tree[str] = Tree()
    for rule in rules:
        tree.add(rule, parse_pattern("/"), rule.name)
    return tree.literals[b"/"]


def test_routes_with_more_conditions_go_first() -> None:
    """Then the order of the configuration decides."""
    leaf = leaf_of(
        RouteRule("plain"),
        RouteRule("one", headers={"A": "1"}),
        RouteRule("other", query={"q": "*"}),
        RouteRule("two", headers={"A": "1"}, query={"q": "*"}),
    )

    assert [entry.rule.name for entry in leaf.entries] == ["two", "one", "other", "plain"]


def test_the_first_route_that_accepts_the_method_is_found() -> None:
    """A later one for the same method, or after one for any, is never reached."""
    get, put = frozenset([b"GET"]), frozenset([b"GET", b"PUT"])
    leaf = leaf_of(
        RouteRule("get", methods=get),
        RouteRule("put", methods=put),
        RouteRule("any"),
        RouteRule("late", methods=frozenset([b"PATCH"])),
    )

    found = [leaf.find(method, Headers(), b"") for method in (b"GET", b"PUT", b"PATCH")]

    assert [entry and entry.rule.name for entry in found] == ["get", "put", "any"]
