"""The first that fits, by routes of which the most specific counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MethodNotAllowed, RouteNotFound
from gateway.headers import Headers
from gateway.importing.order import Candidate, as_expression, settle
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable

PATHS = ["/*", "/a/*", "/a/b/*", "/a/b", "/c/*", "~/a/.*x"]
HOSTS = [None, "h.example", "*.example"]


def test_one_that_takes_all_leaves_nothing_for_those_behind_it() -> None:
    """They are dead, and need no place."""
    found = settle([Candidate(None, "/a/*"), Candidate(None, "/a/b/*"), Candidate("h", "/a/b"), Candidate(None, "/*")])

    assert found.dead == {1: 0, 2: 0}
    assert not found.copies


def test_one_with_a_condition_gets_the_path_of_who_would_go_before_it() -> None:
    """Of the same path, the one with more conditions goes first here."""
    found = settle([Candidate(None, "/*", conditions=1), Candidate(None, "/a/*")])

    assert found.copies == {0: [(None, "/a/*")]}
    assert found.otherwise == []


def test_one_with_more_conditions_cannot_be_kept_behind() -> None:
    """That is told."""
    found = settle([Candidate(None, "/*", conditions=1), Candidate(None, "/a/*", conditions=2)])

    assert found.otherwise == [(0, 1)]


def test_one_of_certain_methods_lets_the_others_through() -> None:
    """Here the method makes no route give way: the broader route gets the narrower path."""
    found = settle([Candidate(None, "/a/*", methods=True), Candidate(None, "/*")])

    assert found.copies == {1: [(None, "/a/*")]}


def test_one_without_a_host_that_comes_first() -> None:
    """It gets the host of who would go before it."""
    found = settle([Candidate(None, "/a/*"), Candidate("h", "/*")])

    assert found.copies == {0: [("h", "/a/*")]}


def test_patterns_behind_an_expression_are_expressions() -> None:
    """Those from which it may take paths."""
    found = settle([Candidate(None, "~/a/.*x"), Candidate(None, "/a/b/*"), Candidate(None, "/c/*")])

    assert found.paths == ["~/a/.*x", "~/a/b(?:/.*)?", "/c/*"]
    assert as_expression("/a.b") == r"~/a\.b"


def first_that_fits(candidates: list[Candidate], host: str, path: str, *, conditions: int, method: str) -> int | None:
    """Choose as the source does; a request meets so many conditions, and GET alone is a method of some."""
    for index, one in enumerate(candidates):
        table = RouteTable([(RouteRule("x", one.host, one.path), 0)])
        try:
            table.match(host.encode(), path.encode(), b"GET", Headers(), b"")
        except RouteNotFound:
            continue
        if one.conditions <= conditions and (method == "GET" or not one.methods):
            return index
    return None


CANDIDATES = st.builds(Candidate, st.sampled_from(HOSTS), st.sampled_from(PATHS), st.integers(0, 1), st.booleans())


@given(
    candidates=st.lists(CANDIDATES, max_size=5),
    host=st.sampled_from(["h.example", "g.example", "other.test"]),
    path=st.sampled_from(["/", "/a", "/a/b", "/a/b/c", "/a/b/x", "/a/x", "/c/d", "/z"]),
    conditions=st.integers(0, 1),
    method=st.sampled_from(["GET", "POST"]),
)
def test_ours_choose_as_the_source_does(
    candidates: list[Candidate], host: str, path: str, conditions: int, method: str
) -> None:
    """Whatever the routes and the request are, but for pairs that are told to be otherwise."""
    found = settle(candidates)
    rules = []
    for index, one in enumerate(candidates):
        if index in found.dead:
            continue
        headers = {f"X-{number}": "1" for number in range(one.conditions)}
        methods = frozenset([b"GET"]) if one.methods else None
        for at, where in ((one.host, found.paths[index]), *found.copies.get(index, ())):
            rules.append((RouteRule(f"{index}", at, where, methods, headers), index))
    sent = Headers([(f"X-{number}".encode(), b"1") for number in range(conditions)])
    chosen: int | None
    try:
        chosen = RouteTable(rules).match(host.encode(), path.encode(), method.encode(), sent, b"").value
    except (RouteNotFound, MethodNotAllowed):
        chosen = None
    expected = first_that_fits(candidates, host, path, conditions=conditions, method=method)
    told = {index for pair in found.otherwise for index in pair}
    if expected not in told and chosen not in told:
        assert chosen == expected
