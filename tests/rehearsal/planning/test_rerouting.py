"""Which requests go elsewhere."""

from __future__ import annotations

import random
from typing import Any

from gateway.composition.snapshot import Snapshot
from gateway.config import Settings, from_mapping
from gateway.memory.gateway import MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.rehearsal.planning.rerouting import moves

LISTENERS = [{"name": "a", "endpoint": "tcp:1"}, {"name": "b", "endpoint": "tcp:2"}]


def settings(routes: list[dict[str, Any]], **said: Any) -> Settings:
    """A configuration with routes that answer by themselves."""
    return from_mapping({"routes": [{"respond": {}, **route} for route in routes], **said})


def tree(said: Settings) -> Snapshot:
    """The routing tables of a configuration."""
    return MemoryGateway(said, MemoryNetwork(virtual_clock()), random.Random(1)).parts.root.tree


def moved(
    before: list[dict[str, Any]], after: list[dict[str, Any]], renamed: dict[str, str] | None = None, **said: Any
) -> dict[str, tuple[str | None, str | None, int, int]]:
    """By request, who took it, who takes it, the status where nobody does, and how many moved so."""
    old, new = settings(before, **said), settings(after, **said)
    found = moves((tree(old), tree(new)), (old, new), renamed or {})
    return {str(one.sample): (one.before, one.after, one.answer, one.samples) for one in found}


ALL = {"name": "all", "path": "/*"}
ONE = {"name": "one", "path": "/users/:id", "methods": ["GET"]}


def test_nothing_moves_where_nothing_changes() -> None:
    """Whatever the order is."""
    assert moved([ALL, ONE], [ONE, ALL]) == {}


def test_a_route_that_stands_before_another() -> None:
    """It takes what it is for, the other keeps the rest."""
    assert moved([ONE], [ONE, {"name": "me", "path": "/users/me", "methods": ["GET"]}]) == {
        "GET /users/me": ("one", "me", 0, 1)
    }


def test_a_route_that_is_gone() -> None:
    """What it took goes to a less specific one, or nowhere."""
    assert moved([ALL, ONE], [ALL]) == {"GET /users/sample": ("one", "all", 0, 1)}
    assert moved([ONE], []) == {"GET /users/sample": ("one", None, 404, 1)}


def test_a_path_that_the_gateway_answers_itself() -> None:
    """Where a route has claimed it, and does not any more."""
    assert moved([{"name": "one", "path": "/health", "methods": ["GET"]}], []) == {"GET /health": ("one", None, 0, 1)}


def test_many_expressions_have_fewer_samples() -> None:
    """Each is tried on all of them; one that stands before another is seen all the same."""
    few, many = (
        [{"name": f"r{number}", "path": f"~/r{number}/(a|b)/.+"} for number in range(count)] for count in (2, 750)
    )
    first = {"name": "first", "path": "~/r1/.+/.+"}

    assert moved(few, [first, *few])["GET /r1/a/sample"] == ("r1", "first", 0, 4)
    assert moved(many, [first, *many])["GET /r1/a/sample"] == ("r1", "first", 0, 1)


def test_a_method_that_is_not_taken_any_more() -> None:
    """It is 405, and not another route's."""
    assert moved([{"name": "one", "path": "/a"}], [{"name": "one", "path": "/a", "methods": ["GET"]}]) == {
        "POST /a": ("one", None, 405, 1)
    }


def test_alike_moves_are_told_once() -> None:
    """With how many there are."""
    paths = {"name": "one", "path": ["/a", "/b"]}
    assert moved([ALL, paths], [ALL]) == {"GET /a": ("one", "all", 0, 4)}


def test_hosts_conditions_and_queries_are_met() -> None:
    """By a sample that has them; where it cannot be told what an expression is for, there is none."""
    special = {"name": "one", "path": "/", "host": "*.x.org", "methods": ["GET"], "headers": {"A": "*", "B": "2"},
               "query": {"q": "1"}}  # fmt: skip
    (found,) = moved([ALL], [ALL, special]).items()
    assert found == ("GET sample.x.org/?q=1", ("all", "one", 0, 1))
    assert list(moved([ALL], [ALL, special | {"query": {"q": "~[0-9]"}}])) == ["GET sample.x.org/?q=0"]
    assert moved([ALL], [ALL, special | {"query": {"q": "~\\pL"}}]) == {}


def test_paths_by_expression_have_samples() -> None:
    """One that takes a part of what another was for, by being written before it, is seen."""
    words = {"name": "words", "path": "~/x/[a-z]+", "methods": ["GET"]}
    rest = {"name": "rest", "path": "~/x/.*", "methods": ["GET"]}
    public = {"name": "public", "path": "~/x/public/.+", "methods": ["GET"]}

    assert moved([words, rest], [rest, words]) == {"GET /x/sample": ("words", "rest", 0, 2)}
    assert moved([rest], [public, rest]) == {"GET /x/public/sample": ("rest", "public", 0, 2)}
    assert moved([rest, public], [rest]) == {}
    assert moved([ONE], [ONE, {"name": "e", "path": "~/users/x.*"}]) == {}


def test_a_renamed_route_takes_what_it_took() -> None:
    """Nothing moves."""
    assert moved([ONE], [ONE | {"name": "other"}], {"one": "other"}) == {}


def test_listeners_are_asked_each() -> None:
    """A route that leaves one of two listeners."""
    before, after = {"name": "one", "path": "/a"}, {"name": "one", "path": "/a", "listeners": ["a"]}
    assert moved([before, ALL], [after, ALL], listeners=LISTENERS) == {"GET /a": ("one", "all", 0, 2)}
