"""The patterns of all routes as a tree of segments, which says whose route takes a path before all others.

Asked by `gateway.config.doubts.answers` for each path of a redirect. A tree, since one route may have thousands of
paths: what a question costs depends on the length of the path. Hosts, methods and conditions do not count here.

Tests: `tests/config/doubts/test_paths.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from gateway.config.patterns import PARAMETER, REST
from gateway.config.schema.routes import Route


def is_rest(segment: str) -> bool:
    """Whether the last segment of a pattern stands for all that follows."""
    return segment == "*" or REST.fullmatch(segment) is not None


def is_parameter(segment: str) -> bool:
    """Whether a segment of a pattern stands for one of any value."""
    return PARAMETER.fullmatch(segment) is not None


class _Node:
    """A place between two slashes; routes are known by their numbers."""

    __slots__ = ("ending", "literals", "parameter", "rest")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.ending: set[int] = set()
        self.rest: set[int] = set()


class Paths:
    """The patterns of routes; expressions are not looked at.

    Args:
        routes: All of a configuration. Their tree is made at the first question.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    def first(self, path: str) -> list[Route]:
        """Return the routes with the most specific pattern that matches a path; none where no pattern does."""
        return [self._routes[number] for number in sorted(_first(self._root, path[1:].split("/"), 0))]

    @cached_property
    def _root(self) -> _Node:
        root = _Node()
        for number, route in enumerate(self._routes):
            for pattern in route.path:
                if not pattern.startswith("~"):
                    _add(root, pattern, number)
        return root


def _add(node: _Node, pattern: str, number: int) -> None:
    for segment in pattern[1:].split("/"):
        if is_rest(segment):
            node.rest.add(number)
            return
        if is_parameter(segment):
            node.parameter = node.parameter or _Node()
            node = node.parameter
        else:
            node = node.literals.setdefault(segment, _Node())
    node.ending.add(number)


def _first(node: _Node, segments: list[str], depth: int) -> set[int]:
    """Return whose pattern goes first below a node: at each segment a literal, then a parameter, then the rest."""
    if depth == len(segments):
        return node.ending or node.rest
    for child in (node.literals.get(segments[depth]), node.parameter):
        if child is not None and (found := _first(child, segments, depth + 1)):
            return found
    return node.rest
