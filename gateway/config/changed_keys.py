"""Which keys of a thing say something else in another configuration, with what they say: for people, secrets masked.

What things differ at all is found by `gateway.config.differences`; here it is looked into those that do.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from typing import Any, Final, NamedTuple

from gateway.config.differences import NAMED, NUMBERED
from gateway.config.effective import effective
from gateway.config.nodes import join
from gateway.config.schema import Settings

Thing = tuple[str, str]
"""A key of top level and a name, as of `gateway.config.differences.Difference`."""

LONGEST: Final = 100
"""Characters of a value."""

_CALLED: Final = ("url", "name", "id", "endpoint")
"""Keys by one of which the members of a list are known, whatever their order."""


class Leaf(NamedTuple):
    """A value.

    Attributes:
        shown: As it is shown, in the normal form.
        real: As it is.
        path: Of its key, from the top.
    """

    shown: str
    real: str
    path: str


class KeyChange(NamedTuple):
    """A key that says something else.

    Attributes:
        key: Below the thing: `timeout`, `backends[http://127.0.0.1:9001].weight`.
        before: What it said; None where it was not there.
        after: What it says; likewise. The same as before where what changes is masked.
        path_before: The key from the top; empty where it was not there.
        path_after: Likewise.
    """

    key: str
    before: str | None
    after: str | None
    path_before: str
    path_after: str


def leaves(settings: Settings, names: Mapping[str, Container[str]]) -> dict[Thing, dict[str, Leaf]]:
    """Return the values of things, by their keys below the thing.

    Args:
        settings: Where they are.
        names: Of the routes and upstreams that are looked into; of other keys all are.
    """
    some = settings.model_copy()
    places: dict[str, list[int]] = {}
    for key in ("routes", "upstreams"):
        wanted = names.get(key, ())
        chosen = [(place, one) for place, one in enumerate(getattr(settings, key)) if one.name in wanted]
        places[key] = [place for place, _ in chosen]
        some.__dict__[key] = tuple(one for _, one in chosen)  # not by `update`, which would count the key as written
    some.__dict__["tests"] = ()  # thousands, perhaps, and nobody serves by them
    masked, real = effective(some), effective(some, revealed=True)
    found: dict[Thing, dict[str, Leaf]] = {}
    for section, shown in masked.items():
        if section in NAMED or section in NUMBERED:
            numbers = places.get(section, range(len(shown)))
            things = getattr(some, section)
            for number, one, thing, value in zip(numbers, things, shown, real[section], strict=True):
                name = getattr(one, NAMED[section]) if section in NAMED else str(number)
                found[section, name] = dict(_walk(thing, value, "", join(section, number)))
        elif isinstance(getattr(settings, section), Mapping):
            for name, value in shown.items():
                found[section, name] = dict(_walk(value, real[section][name], "", join(section, name)))
        else:
            found[section, ""] = dict(_walk(shown, real[section], "", section))
    return found


def changed_keys(before: Mapping[str, Leaf], after: Mapping[str, Leaf]) -> Iterator[KeyChange]:
    """Yield the keys of a thing that say something else."""
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        if was is None or now is None or was.real != now.real:
            yield KeyChange(
                key,
                None if was is None else was.shown,
                None if now is None else now.shown,
                "" if was is None else was.path,
                "" if now is None else now.path,
            )


def _walk(shown: Any, real: Any, key: str, path: str) -> Iterator[tuple[str, Leaf]]:
    if isinstance(shown, dict) and shown:
        for name, value in shown.items():
            yield from _walk(value, real[name], join(key, name), join(path, name))
    elif isinstance(shown, list) and any(isinstance(one, dict) for one in shown):
        for number, value in enumerate(shown):
            called = (
                next((value[one] for one in _CALLED if one in value), number) if isinstance(value, dict) else number
            )
            yield from _walk(value, real[number], f"{key}[{called}]", join(path, number))
    else:
        yield key, Leaf(_said(shown), _said(real, None), path)


def _said(value: Any, longest: int | None = LONGEST) -> str:
    """Say a value as it would be written, in short."""
    if isinstance(value, list):
        text = f"[{', '.join(_said(one, None) for one in value)}]"
    else:
        text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if longest is None or len(text) <= longest else f"{text[:longest]}…"
