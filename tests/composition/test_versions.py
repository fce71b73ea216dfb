"""The configurations that were put into force."""

from __future__ import annotations

import gc

import pytest

from gateway.composition.slices import Slices, at_once
from gateway.composition.versions import KEPT, UnknownVersion, Versions
from gateway.config import Settings, from_mapping
from gateway.config.differences import Difference
from gateway.config.schema.routes import Route

SETTINGS = from_mapping({})
CHANGES = (Difference("strict", "", "changed"),)


def said(versions: Versions, name: str) -> Settings:
    """Return what a version says."""
    found: Settings = at_once(versions.settings(name, Slices()))
    return found


def test_the_first_is_that_of_the_start() -> None:
    """Its name is a text."""
    versions = Versions(SETTINGS, 5.0, "start")
    (first,) = versions.newest_first()

    assert (first.name, first.at, first.who, first.changes) == ("1-start", 5.0, "start", ())
    assert said(versions, "1-start") is SETTINGS


def test_each_has_a_name_of_its_own() -> None:
    """It can be asked for by that, and by nothing else."""
    versions = Versions(SETTINGS, 5.0, "start")
    second = versions.add(SETTINGS, 6.0, "SIGHUP", CHANGES)

    assert (second.name, second.who, second.changes) == ("2-start", "SIGHUP", CHANGES)
    assert versions.current is second
    with pytest.raises(UnknownVersion):
        said(versions, "2")
    assert said(versions, "2-start") is SETTINGS
    assert [version.name for version in versions.newest_first()] == ["2-start", "1-start"]


def test_the_oldest_are_forgotten() -> None:
    """Names are not used again."""
    versions = Versions(SETTINGS, 0.0, "start")
    for _ in range(KEPT):
        versions.add(SETTINGS, 1.0, "watch", ())
        at_once(versions.pack(Slices()))

    assert len(versions.newest_first()) == KEPT
    assert said(versions, "2-start") == SETTINGS
    with pytest.raises(UnknownVersion, match="'1-start'"):
        said(versions, "1-start")


def numbered(number: int) -> Settings:
    """Make a configuration whose routes all say another number."""
    routes = [{"name": f"kept{one}", "path": f"/{one}", "respond": {"body": f"{number}"}} for one in range(3)]
    return from_mapping({"routes": routes, "strict": bool(number % 2)})


@pytest.mark.parametrize("missed", [0, 3])
def test_only_that_in_force_is_held_as_it_is(missed: int) -> None:
    """The others are packed, and each says what it said; one that could not be packed is kept as it was."""
    versions = Versions(numbered(1), 0.0, "start")
    for number in range(2, 8):
        versions.add(numbered(number), 1.0, "watch", ())
        if number != missed:
            at_once(versions.pack(Slices()))

    gc.collect()
    held = [one for one in gc.get_objects() if isinstance(one, Route) and one.name.startswith("kept")]
    assert len(held) == (6 if missed else 3)
    for number in range(1, 8):
        assert said(versions, f"{number}-start") == numbered(number)


def test_what_is_said_again_is_kept_once() -> None:
    """Thousands of routes that change every time have the same words."""
    versions = Versions(SETTINGS, 0.0, "start")
    first = versions.add(SETTINGS, 1.0, "watch", (Difference("routes", "a", "changed"),))
    second = versions.add(SETTINGS, 1.0, "watch", (*CHANGES, Difference("routes", "a", "changed")))

    assert second.changes == (*CHANGES, ("routes", "a", "changed"))
    assert second.changes[1] is first.changes[0]
