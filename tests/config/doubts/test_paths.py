"""Whose route takes a path before all others."""

from __future__ import annotations

import pytest

from gateway.config.doubts.paths import Paths
from gateway.config.schema.routes import Route


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/a/b", ["literal"]),
        ("/a/c", ["parameter"]),
        ("/a/c/d", ["rest", "named rest"]),
        ("/a", ["rest", "named rest"]),
        ("/x/b/c", ["deep"]),
        ("/x/b/d", ["any"]),
        ("/", ["any"]),
    ],
)
def test_the_most_specific_goes_first(path: str, first: list[str]) -> None:
    """Segment by segment: a literal, a parameter, the rest; where a branch ends, the next best one is looked at."""
    patterns = {
        "rest": ["/a/*"],
        "named rest": ["/a/{*others}"],
        "parameter": ["/z", "/a/:id"],
        "literal": ["/a/b"],
        "deep": ["/{one}/b/c"],
        "branch": ["/x/b/c/d"],
        "any": ["/*"],
        "expression": ["~/a/b"],
    }
    routes = [Route.model_construct(name=name, path=paths) for name, paths in patterns.items()]

    assert [route.name for route in Paths(routes).first(path)] == first


def test_no_pattern_matches() -> None:
    """Nobody takes the path."""
    assert Paths([Route.model_construct(name="a", path=["/a", "~/.*"])]).first("/b") == []
