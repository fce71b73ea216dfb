"""Which routes are on which listener; `tests/flow/test_listeners.py` has what a client sees of it."""

from __future__ import annotations

from typing import Any

from gateway.composition.builders.places import Places
from gateway.composition.slices import Slices, at_once
from gateway.config.loading import from_mapping
from gateway.errors import RouteNotFound
from gateway.headers import Headers
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable


def places(*routes: dict[str, Any]) -> Places[str]:
    """Make the tables of three listeners."""
    settings = from_mapping(
        {
            "listeners": [
                {"name": "a", "endpoint": "tcp:1"},
                {"name": "b", "endpoint": "tcp:2:interface=127.0.0.1"},
                {"name": "c", "endpoint": "unix:/c"},
            ],
            "routes": [{"redirect": {"path": "/"}, **route} for route in routes],
        }
    )
    rules = [(RouteRule(route.name, path=route.path[0]), route.name) for route in settings.routes]
    made = Places(rules, [one for one in rules if one[1] == "own"], asks_case=False, slices=Slices())
    at_once(made.fill(settings))
    return made


def found(table: RouteTable[str] | None, path: bytes) -> str | None:
    """Return what a table has for a path."""
    if table is None:
        return None
    try:
        return table.match(b"h", path, b"GET", Headers(), b"").value
    except RouteNotFound:
        return None


def test_where_all_routes_are_on_all_listeners_there_is_one_table() -> None:
    """Nothing is made that nobody has asked for."""
    made = places({"path": "/x", "name": "x"})

    assert made.by_address == {}
    assert made.homes == {}
    assert found(made.everywhere.routes, b"/x") == "x"


def test_each_listener_has_its_routes() -> None:
    """And who comes by none has those that are on all; listeners with the same routes share a table."""
    made = places(
        {"path": "/all", "name": "all"},
        {"path": "/b", "name": "b", "listeners": "b"},
        {"path": "/health", "name": "own", "listeners": ["c", "a"]},
    )
    seen = {
        address: [found(tables.routes, path) for path in (b"/all", b"/b", b"/health")]
        for address, tables in [("", made.everywhere), *made.by_address.items()]
    }

    assert seen == {
        "": ["all", None, None],
        ":1": ["all", None, "own"],
        "127.0.0.1:2": ["all", "b", None],
        "unix:/c": ["all", None, "own"],
    }
    assert made.by_address[":1"] is made.by_address["unix:/c"]
    assert [found(one.claimed, b"/health") for one in made.by_address.values()] == ["own", None, "own"]
    assert made.everywhere.claimed is None
    assert made.homes == {"b": "127.0.0.1:2", "own": ":1"}
