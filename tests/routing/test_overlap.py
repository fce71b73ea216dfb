"""How the paths of two patterns lie to each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.overlap import Overlap, matches, overlap
from gateway.routing.pattern import Pattern, parse_pattern


@pytest.mark.parametrize(
    ("pattern", "route", "found"),
    [
        ("/*", "/users/:id", Overlap.ALL),
        ("/users/*", "/users", Overlap.ALL),
        ("/users/*", "/users/:id/*", Overlap.ALL),
        ("/users/:id", "/users/{name}", Overlap.ALL),
        ("/users/:id", "/users/7", Overlap.ALL),
        ("/users/7", "/users/:id", Overlap.SOME),
        ("/users", "/users/*", Overlap.SOME),
        ("/users/:id/orders", "/users/*", Overlap.SOME),
        ("/users/*", "/:kind/7", Overlap.SOME),
        ("/users/*", "/orders/*", Overlap.NONE),
        ("/users/:id", "/users", Overlap.NONE),
        ("/users/:id", "/users/", Overlap.NONE),
        ("/users", "/users/:id", Overlap.NONE),
        ("/users/:id/orders", "/users/7", Overlap.NONE),
    ],
)
def test_what_a_pattern_takes_in_of_a_route(pattern: str, route: str, found: Overlap) -> None:
    """All of its paths, some, or none."""
    assert overlap(parse_pattern(pattern), parse_pattern(route)) is found


def written(segments: list[str], wild: bool) -> str:
    """A pattern; `:` is a parameter, of which each needs a name of its own."""
    named = [f":x{position}" if segment == ":" else segment for position, segment in enumerate(segments)]
    return "/" + "/".join([*named, *("*" if wild else "")])


PATTERNS = st.builds(written, st.lists(st.sampled_from(["a", "b", ":"]), max_size=3), st.booleans()).map(parse_pattern)
PATHS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=4).map(lambda parts: b"/" + "/".join(parts).encode())


@given(pattern=PATTERNS, route=PATTERNS, path=PATHS)
def test_it_is_as_the_paths_themselves_say(pattern: Pattern, route: Pattern, path: bytes) -> None:
    """Of every path that the route matches."""
    if matches(route, path):
        assert overlap(pattern, route) is not (Overlap.NONE if matches(pattern, path) else Overlap.ALL)
