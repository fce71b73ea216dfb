"""What one configuration has other than another, as data: named things added, removed and changed, and other keys.

Asked for every version (`gateway.composition.changes`), for the log (`gateway.config.summary`) and by who plans a
change. Names and keys only, no value of a key: nothing here can be secret.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from gateway.config.schema import Settings
from gateway.config.schema.shared import Shared

Kind = Literal["added", "removed", "changed", "moved"]
"""What became of a thing; `moved` is said of a whole list whose things stand in another order, and are the same."""

NAMED = {"routes": "name", "upstreams": "name", "plugins": "name", "listeners": "endpoint"}
"""Lists of things that have a name, by their key at top level: the key of the name."""

_CONTAINERS = (BaseModel, tuple, list, dict)

PART = 50
"""Things that are compared at a time."""

NUMBERED = ("rate_limits",)
"""Lists of things that are called by their place, from 0."""


class Difference(NamedTuple):
    """One thing that differs.

    Attributes:
        section: A key of top level: `routes`, `limits`.
        name: Of the thing (the place in the list, where things have no names); empty for the key as a whole.
        kind: What became of it.
    """

    section: str
    name: str
    kind: Kind


def differences(before: Settings, after: Settings) -> tuple[Difference, ...]:
    """Return what differs, in the order of the keys; of each list first what was added, then removed, then changed.

    Nothing, where the settings are equal: files that they name may hold something else all the same.
    """
    parts = in_parts(before, after)
    while True:
        try:
            next(parts)
        except StopIteration as done:
            found: tuple[Difference, ...] = done.value
            return found


def in_parts(before: Settings, after: Settings) -> Generator[int, None, tuple[Difference, ...]]:
    """Find what `differences` finds, some things of the lists at a time.

    Yields how many they were each time, and returns what was found. Where all of thousands of routes are other objects,
    to look into them takes a while.
    """
    found: list[Difference] = []
    for key in Settings.model_fields:
        old, new = getattr(before, key), getattr(after, key)
        if old is new or (key not in NAMED and old == new):
            continue
        if key in NAMED:
            found += yield from _of_things(key, _by_name(old, NAMED[key]), _by_name(new, NAMED[key]))
        elif key in NUMBERED:
            found += yield from _of_things(key, dict(enumerate(old)), dict(enumerate(new)))
        elif isinstance(old, Mapping) and isinstance(new, Mapping):
            found += yield from _of_things(key, old, new)
        else:
            found.append(Difference(key, "", "changed"))
    return tuple(found)


def _by_name(things: Sequence[Any], name: str) -> dict[str, Any]:
    return {getattr(thing, name): thing for thing in things}


def _of_things(section: str, was: Mapping[Any, Any], now: Mapping[Any, Any]) -> Generator[int, None, list[Difference]]:
    found = [Difference(section, str(key), "added") for key in now if key not in was]
    found += [Difference(section, str(key), "removed") for key in was if key not in now]
    both = [key for key in now if key in was and was[key] is not now[key]]
    for start in range(0, len(both), PART):
        some = both[start : start + PART]
        found += [Difference(section, str(key), "changed") for key in some if not _says_the_same(was[key], now[key])]
        yield len(some)
    if not found and list(was) != list(now):
        found.append(Difference(section, "", "moved"))
    return found


def _says_the_same(one: object, other: object) -> bool:
    """Whether two things are the same to who reads them: a default may be written or not.

    But where null says something else than nothing does: a route with `compression: off` has none, whatever stands at
    top level.
    """
    if one is other:
        return True
    if one != other:
        return False
    if not isinstance(one, Shared) or not isinstance(other, Shared):
        return True
    differing = one.model_fields_set ^ other.model_fields_set
    return all(key not in differing or getattr(one, key) is not None for key in one.nullable)


def same(one: object, other: object) -> bool:
    """Whether two values say the same; those that are one object, as what was not read again is, are not looked into.

    That a key was written with the value that it has by default may mean something else than that it was not, and
    pydantic's own comparison does not see it: here nothing is the same that could be built in two ways.
    """
    return one is other or (one == other and _same_written(one, other))


def _same_written(one: object, other: object) -> bool:
    """Whether the same keys were written in two equal values."""
    if one is other:
        return True
    if isinstance(one, BaseModel):
        assert isinstance(other, BaseModel)
        if one.model_fields_set != other.model_fields_set:
            return False
        values, others = one.__dict__, other.__dict__
        return all(
            _same_written(values[key], others[key])
            for key in type(one).model_fields
            if isinstance(values[key], _CONTAINERS)
        )
    if isinstance(one, (tuple, list)):
        assert isinstance(other, (tuple, list))
        return all(map(_same_written, one, other))
    if isinstance(one, dict):
        assert isinstance(other, dict)
        return all(_same_written(value, other[key]) for key, value in one.items())
    return True
