"""One change by the admin API: from the overlay in force to the next one.

Pure: what is sent is read and unmasked here (`gateway.config.unmasking`); whether the whole is a configuration,
`gateway.config.loading.compose` says.

Tests: `tests/admin/test_configuration.py::test_what_the_files_hold_is_replaced_and_deleted`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.config import overlays, reading, sources
from gateway.config.answers import ANSWERS, not_beside
from gateway.config.effective import at_once, effective
from gateway.config.inheritance import DESTINATIONS
from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode, describe
from gateway.config.overlays import Overlay
from gateway.config.problems import ConfigError, Place, problem
from gateway.config.schema import Settings
from gateway.config.schema.base import Section
from gateway.config.schema.limiting import MatchedRateLimit
from gateway.config.schema.plugins import Plugin
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream
from gateway.config.unmasking import Shown, has_masks, unmask
from gateway.config.writing import copied, text_node

LIMITS = "rate_limits"
SECTIONS: Mapping[str, type[Section]] = {
    "routes": Route,
    "upstreams": Upstream,
    "plugins": Plugin,
    LIMITS: MatchedRateLimit,
}
"""Lists of which single objects can be changed."""


class NoSuchObject(LookupError):
    """There is nothing of this name to change."""


class AlreadyThere(Exception):
    """There is something of this name, and it was to be put only where there is nothing."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change.

    Attributes:
        kind: `replace` the whole, `put` or `delete` an object, `drop` the overlay.
        section: Of the object.
        name: Its name; its number in a list without names.
        body: What was sent.
        new: Whether it is put only where there is no such object.
    """

    kind: Literal["replace", "put", "delete", "drop"]
    section: str = ""
    name: str = ""
    body: sources.Source | None = None
    new: bool = False


def names(settings: Settings, section: str) -> list[str]:
    """Return what the objects of a list are called."""
    found = getattr(settings, section)
    return [str(number) if section == LIMITS else one.name for number, one in enumerate(found)]


def shown(settings: Settings, section: str, name: str, *, revealed: bool = False) -> dict[str, Any] | None:
    """Return what is in force of one object, so that it means the same when it is put back; None where there is none.

    Args:
        settings: What is in force.
        section: Its list.
        name: Its name.
        revealed: As for `gateway.config.effective.effective`.
    """
    known = names(settings, section)
    if name not in known:
        return None
    one = getattr(settings, section)[known.index(name)]
    alone = settings.model_copy(update={**dict.fromkeys(SECTIONS, ()), section: (one,)})
    (found,) = effective(alone, revealed=revealed)[section]
    _not_taken_over(found, section, settings)
    made: dict[str, Any] = found
    return made


def apply(edit: Edit, overlay: Overlay, settings: Settings, held: Mapping[str, frozenset[str]]) -> Overlay:
    """Return the overlay that a change leaves.

    Args:
        edit: The change.
        overlay: The one in force.
        settings: What is in force.
        held: By section, the names that are there without the overlay.

    Raises:
        ConfigError: What was sent is none of what is wanted.
        NoSuchObject: There is no such object.
        AlreadyThere: There is one.
    """
    if edit.new and edit.name in names(settings, edit.section):
        raise AlreadyThere(f"There is one that is called {edit.name!r} among the {edit.section}.")
    if edit.kind == "drop":
        return overlays.NOTHING
    if edit.kind == "replace":
        return Overlay(whole=_sent(edit, Settings, settings, "a configuration (`{}` for one that says nothing)"))
    if edit.section == LIMITS:
        return _limited(edit, overlay, settings)
    if edit.kind == "delete":
        if edit.name not in names(settings, edit.section):
            raise NoSuchObject(f"There is no {edit.name!r} among the {edit.section}.")
        return overlay.without(edit.section, edit.name, edit.name in held[edit.section])
    node = _sent(edit, SECTIONS[edit.section], settings, f"one of the {edit.section}, a mapping")
    return overlay.put(edit.section, edit.name, _named(node, edit.name))


def whole(settings: Settings) -> Overlay:
    """Return an overlay that sets the files aside for these settings."""
    data = at_once(settings, revealed=True)
    data["admin"].pop("overlay", None)  # the files say where it is kept
    root = reading.read(json.dumps(data), "overlay.json", [])
    assert isinstance(root, MapNode)  # settings are a mapping
    return Overlay(whole=root)


def read_mapping(source: sources.Source, wanted: str) -> MapNode:
    """Read what was sent.

    Raises:
        ConfigError: It is no mapping.
    """
    problems: list[Any] = []
    node = reading.read(source.text, source.file, problems)
    if not isinstance(node, MapNode) and not problems:
        place = Place(source.file, 1, 1) if node is None else node.place
        problems.append(problem(place, "", wanted, "nothing" if node is None else describe(node)))
    if problems:
        raise ConfigError(problems)
    assert isinstance(node, MapNode)  # otherwise there is a problem
    return node


def _sent(edit: Edit, section: type[Section], settings: Settings, wanted: str) -> MapNode:
    assert edit.body is not None  # `put` and `replace` have one
    node = read_mapping(edit.body, wanted)
    in_force = Shown(None, None)
    if has_masks(node):  # else nobody asks what is in force: of thousands of routes it takes a while to say
        # Without aliases: a secret that is put into its place would stand wherever else an alias leads.
        node = _without_aliases(node)
        in_force = Shown(*(_in_force(edit, settings, revealed) for revealed in (False, True)))
    problems = list(unmask(node, section, in_force))
    if problems:
        raise ConfigError(problems)
    return node


def _without_aliases(node: MapNode) -> MapNode:
    own = copied(node)
    assert isinstance(own, MapNode)  # as `node` is
    return own


def _in_force(edit: Edit, settings: Settings, revealed: bool) -> dict[str, Any] | None:
    if edit.kind == "replace":
        return at_once(settings, revealed=revealed)
    return shown(settings, edit.section, edit.name, revealed=revealed)


def _named(node: MapNode, name: str) -> MapNode:
    """Return an object with the name that it is put under."""
    said = node.get("name")
    if said is None:
        return MapNode(node.place, {"name": Entry(node.place, text_node(node.place, name)), **node.entries})
    if not isinstance(said, ScalarNode) or said.text.replace("$${", "${") != name:
        wanted = f"the name that the address says, {json.dumps(name)}, or no such key"
        raise ConfigError([problem(said.place, "name", wanted, describe(said))])
    return node


def _limited(edit: Edit, overlay: Overlay, settings: Settings) -> Overlay:
    limits = overlay.rate_limits
    if limits is None:
        written = json.dumps(effective(settings, revealed=True).get(LIMITS, []))
        node = reading.read(written, "overlay.json", [])
        limits = node if isinstance(node, ListNode) else ListNode(Place("overlay.json", 1, 1))
    found: list[Node] = list(limits.items)
    # At the length one more is put; beyond it there would be a gap.
    known = [str(number) for number in range(len(found) + (edit.kind == "put"))]
    if edit.name not in known:
        raise NoSuchObject(f"There is no {edit.name!r} among the {LIMITS}: they are {len(found)}, counted from 0.")
    number = int(edit.name)
    if edit.kind == "delete":
        del found[number]
    else:
        found[number : number + 1] = [_sent(edit, MatchedRateLimit, settings, "a rate limit, a mapping")]
    return overlay.limited(ListNode(limits.place, found))


def _not_taken_over(found: dict[str, Any], section: str, settings: Settings) -> None:
    """Say `null` for what the defaults have and an object has not: left out, the key would mean the defaults'."""
    defaults = {"routes": settings.defaults.route, "upstreams": settings.defaults.upstream}.get(section)
    if defaults is None:
        return
    answer = next((key for key in ANSWERS if key in found), None)
    elsewhere = {*DESTINATIONS, *(not_beside(answer) if answer is not None else ())}
    for key in defaults.model_fields_set - found.keys() - elsewhere:
        found[key] = None
