"""What one configuration has other than another, as data: named things added, removed and changed, and other keys.

Asked for every version (`gateway.composition.changes`), for the log (`gateway.config.summary`) and by who plans a
change. Names and keys only, no value of a key: nothing here can be secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from gateway.config.schema import Settings

Kind = Literal["added", "removed", "changed", "moved"]
"""What became of a thing; `moved` is said of a whole list whose things stand in another order, and are the same."""

NAMED = {"routes": "name", "upstreams": "name", "plugins": "name", "listeners": "endpoint"}
"""Lists of things that have a name, by their key at top level: the key of the name."""

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
    return tuple(_differences(before, after))


def _differences(before: Settings, after: Settings) -> Iterator[Difference]:
    for key in Settings.model_fields:
        old, new = getattr(before, key), getattr(after, key)
        if old is new or (key not in NAMED and old == new):
            continue
        if key in NAMED:
            yield from _of_things(key, _by_name(old, NAMED[key]), _by_name(new, NAMED[key]))
        elif key in NUMBERED:
            yield from _of_things(key, dict(enumerate(old)), dict(enumerate(new)))
        elif isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _of_things(key, old, new)
        else:
            yield Difference(key, "", "changed")


def _by_name(things: Sequence[Any], name: str) -> dict[str, Any]:
    return {getattr(thing, name): thing for thing in things}


def _of_things(section: str, was: Mapping[Any, Any], now: Mapping[Any, Any]) -> Iterator[Difference]:
    found = [Difference(section, str(key), "added") for key in now if key not in was]
    found += [Difference(section, str(key), "removed") for key in was if key not in now]
    found += [Difference(section, str(key), "changed") for key in now if key in was and not same(was[key], now[key])]
    if found:
        yield from found
    elif list(was) != list(now):
        yield Difference(section, "", "moved")


def same(one: object, other: object) -> bool:
    """Whether two things are equal; those that are one object, as what was not read again is, are not looked into."""
    return one is other or one == other
