"""What was read again and says the same is one object with what is in force."""

from __future__ import annotations

from typing import Any

from gateway.composition.sharing import share
from gateway.composition.slices import Slices, at_once
from gateway.config import Settings, from_mapping

SAID: dict[str, Any] = {
    "upstreams": [{"name": "a", "backends": [{"url": "http://127.0.0.1:9001"}]}],
    "routes": [{"name": name, "path": f"/{name}", "upstream": "a"} for name in "xyz"],
}


def shared(said: dict[str, Any], before: Settings) -> Settings:
    """Read a configuration, and share it with one in force."""
    made, read = from_mapping(said), from_mapping(said)
    at_once(share(made, before, Slices()))
    assert made == read
    assert made.model_fields_set == read.model_fields_set
    return made


def test_what_is_the_same() -> None:
    """Wherever it stands."""
    before = from_mapping(SAID)
    changed = {**SAID["routes"][1], "timeout": "3s"}
    made = shared({**SAID, "routes": [SAID["routes"][2], changed, SAID["routes"][0]]}, before)

    assert made.upstreams[0] is before.upstreams[0]
    assert made.routes[0] is before.routes[2]
    assert made.routes[1] is not before.routes[1]
    assert made.routes[2] is before.routes[0]


def test_where_nothing_is_the_same() -> None:
    """The things are those that were read."""
    read = from_mapping(SAID)
    routes = read.routes
    at_once(share(read, from_mapping({}), Slices()))

    assert all(one is other for one, other in zip(read.routes, routes, strict=True))
    assert shared({"dry_run_header": True}, read).dry_run_header
