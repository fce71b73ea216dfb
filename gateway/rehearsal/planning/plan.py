"""What another configuration changes, and what that means: the worst first. For `gateway plan`.

What differs is what a change by the admin API says (`gateway.config.differences`). What stays and what goes is read off
two gateways that are built (`.reload`), which requests go elsewhere is asked of their routing tables (`.rerouting`).

Tests: `tests/rehearsal/planning/test_plan.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from gateway.composition.snapshot import Snapshot
from gateway.config import Settings
from gateway.config.changed_keys import KeyChange, Leaf, changed_keys, leaves
from gateway.config.differences import NAMED, NUMBERED, Difference, differences, same
from gateway.config.linting import Linted
from gateway.config.loading import Loaded
from gateway.config.nodes import join
from gateway.config.problems import Place, Problem
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream
from gateway.config.summary import target
from gateway.config.written import found
from gateway.recorded.request import Recorded
from gateway.rehearsal.planning.changed_files import changed_files
from gateway.rehearsal.planning.consequences import UNSEEN, of_section, of_upstream
from gateway.rehearsal.planning.effects import LEVELS, Effect, Level, of_guards, of_route, worst
from gateway.rehearsal.planning.reload import Reload, compare, counted_anew, counts_begin_anew
from gateway.rehearsal.planning.rerouting import Move, moves
from gateway.rehearsal.planning.too_short import TooShort, too_short

Kind = Literal["added", "removed", "changed", "renamed", "moved"]

_TOLD_BY_ROUTES: Final = frozenset({"defaults", "groups"})
"""Keys that say nothing by themselves: what changes by them is told of the routes and upstreams that take it over."""

_NUMBERED: Final = re.compile(r"\b(routes|upstreams|listeners|plugins)\[([0-9]+)\]")


@dataclass
class Change:
    """One thing that differs.

    Attributes:
        section: A key of top level.
        name: Of the thing; empty for the key as a whole.
        kind: What became of it.
        was: Its name before, where it was renamed.
        effects: What that means, the worst first.
        keys: What it says otherwise, each with where that is written before and after.
        before: Where it is written in the first configuration; None where it is not.
        after: In the second.
    """

    section: str
    name: str
    kind: Kind
    was: str = ""
    effects: list[Effect] = field(default_factory=list)
    keys: list[tuple[KeyChange, Place | None, Place | None]] = field(default_factory=list)
    before: Place | None = None
    after: Place | None = None

    @property
    def level(self) -> Level:
        """The worst of what it means."""
        if not self.effects and self.section not in UNSEEN:
            return "change"
        return worst(self.effects)


class Rerouted(NamedTuple):
    """Requests that go elsewhere.

    Attributes:
        move: Which, from where and whereto.
        level: How bad that may be.
        effects: What is asked of them otherwise.
        before: Where the route is written that took them; None for none.
        after: Likewise the one that takes them.
    """

    move: Move
    level: Level
    effects: list[Effect]
    before: Place | None
    after: Place | None


@dataclass
class Plan:
    """What another configuration changes.

    Attributes:
        changes: The worst first.
        rerouted: Likewise.
        doubts: What is doubtful about the second, and was not about the first.
        everywhere: What begins anew, or holds something else, and belongs to nothing above.
        too_short: Timeouts of the second that an access log shows to be too short, where one was given.
    """

    changes: list[Change]
    rerouted: list[Rerouted]
    doubts: list[Problem]
    everywhere: list[str]
    too_short: list[TooShort] = field(default_factory=list)

    @property
    def levels(self) -> dict[Level, int]:
        """How many there are of each level, the worst first; doubts that are new, and timeouts, are warnings."""
        all_levels: list[Level] = [one.level for one in self.changes] + [one.level for one in self.rerouted]
        all_levels += ["warning"] * (len(self.doubts) + len(self.too_short))
        return {level: all_levels.count(level) for level in LEVELS if level in all_levels}


def plan(old: Linted, new: Linted, open_log: Callable[[], Iterable[Recorded]] = tuple) -> Plan:
    """Say what changes between two configurations.

    Args:
        old: The first.
        new: The second.
        open_log: Returns the requests of an access log, which the timeouts of the second are held against.

    Raises:
        gateway.config.ConfigError: Something that one of them names cannot be used.
        gateway.recorded.log.NotALog: The log cannot be read.
    """
    reload = compare(old.loaded, new.loaded)
    made = _Planner(old.loaded, new.loaded, reload).plan(_fresh(old, new))
    files = changed_files(old.loaded.settings, old.directory, new.directory)
    made.everywhere += [f"`{name}` holds something else than before" for name in files]
    made.too_short = list(_too_short(open_log(), new.loaded, reload.after))
    return made


def _too_short(requests: Iterable[Recorded], loaded: Loaded, snapshot: Snapshot) -> Iterator[TooShort]:
    names = [route.name for route in loaded.settings.routes]
    for one in too_short(requests, loaded.settings, snapshot.at):
        yield one._replace(place=found(loaded.root, join(join("routes", names.index(one.route)), "timeout"))[0])


class _Planner:
    """Makes one plan."""

    def __init__(self, old: Loaded, new: Loaded, reload: Reload) -> None:
        self._old, self._new, self._reload = old, new, reload
        self._routes = _named(old.settings.routes), _named(new.settings.routes)
        self._upstreams = _named(old.settings.upstreams), _named(new.settings.upstreams)

    def plan(self, doubts: list[Problem]) -> Plan:
        differing = differences(self._old.settings, self._new.settings)
        renamed = {
            "routes": dict(_renamed("routes", differing, *self._routes)),
            "upstreams": dict(_renamed("upstreams", differing, *self._upstreams)),
        }
        changes = [change for change in self._changes(differing, renamed) if change.section not in _TOLD_BY_ROUTES]
        told = {change.name for change in changes if change.section == "upstreams"}
        told |= {change.was for change in changes if change.was}
        others = [name for name, words in self._reload.upstreams.items() if words and name not in told]
        everywhere = list(self._reload.everywhere)
        if others:
            count = f"{len(others)} upstreams that say the same" if len(others) > 1 else f"`{others[0]}`"
            everywhere.append(f"connections to the backends of {count} are drained and opened anew")
        rerouted = [self._rerouted(move) for move in self._moves(renamed["routes"])]
        return Plan(
            sorted(changes, key=lambda change: LEVELS.index(change.level)),
            sorted(rerouted, key=lambda one: LEVELS.index(one.level)),
            doubts,
            everywhere,
        )

    def _changes(self, differing: Sequence[Difference], renamed: Mapping[str, Mapping[str, str]]) -> Iterator[Change]:
        names = {
            key: {one.name for one in differing if one.section == key and one.kind == "changed"}
            for key in ("routes", "upstreams")
        }
        said, says = leaves(self._old.settings, names), leaves(self._new.settings, names)
        whole: set[str] = set()
        for section, name, kind in differing:
            again = renamed.get(section, {})
            if kind == "removed" and name in again:
                continue
            was = next((before for before, now in again.items() if now == name), "")
            change = Change(section, name, "renamed" if was else kind, was)
            change.before = None if kind == "added" and not was else self._place(self._old, section, was or name)
            change.after = None if kind == "removed" else self._place(self._new, section, name)
            if kind == "changed":
                was_said, is_said = said.get((section, name), {}), says.get((section, name), {})
                change.keys = list(self._keys(was_said, is_said))
                if section in names and self._goes_by_another(section, name, change.keys):
                    continue
                if section in names and not change.keys:
                    if list(was_said) == list(is_said):
                        continue  # `compression: off` where there is none, say
                    change.effects.append(Effect("change", "what it lists stands in another order"))
            first = section not in whole
            whole.add(section)
            change.effects += sorted(self._effects(change, first), key=lambda effect: LEVELS.index(effect.level))
            yield change

    def _goes_by_another(
        self, section: str, name: str, keys: Sequence[tuple[KeyChange, Place | None, Place | None]]
    ) -> bool:
        """Whether a route says the same, and differs by what `timeouts.request` says: that is told there."""
        if section != "routes":
            return False
        routes = [routes[name] for routes in self._routes]
        said = any("request_timeout" in route.model_fields_set for route in routes)
        return not said and [key.key for key, *_ in keys] == ["request_timeout"]

    def _keys(
        self, before: Mapping[str, Leaf], after: Mapping[str, Leaf]
    ) -> Iterator[tuple[KeyChange, Place | None, Place | None]]:
        for one in changed_keys(before, after):
            was, now = _written(self._old, one.path_before), _written(self._new, one.path_after)
            # Of a section that comes or goes, the keys that nobody has written say nothing.
            if (one.before is not None or now is not None) and (one.after is not None or was is not None):
                yield one, was or _above(self._old, one.path_before), now or _above(self._new, one.path_after)

    def _effects(self, change: Change, first: bool) -> Iterator[Effect]:
        section, name = change.section, change.name
        if section == "routes":
            yield from self._of_route(change)
        elif section == "upstreams":
            yield from self._of_upstream(change)
        elif section == "listeners":
            if name in self._reload.ports:
                yield self._reload.ports[name]
        elif section == "plugins":
            words = {"added": "it is made", "removed": "it is let go of", "changed": "it is made anew"}
            if change.kind in words:
                yield Effect("change", words[change.kind])
        elif first:  # what is counted by number, or by a name of its own, is told once
            yield from of_section(section, self._old.settings, self._new.settings)
            if section == "rate_limits" and self._counted_anew():
                yield Effect("change", "counts of limits for several routes begin anew")

    def _counted_anew(self) -> bool:
        before, after = self._old.settings.rate_limits, self._new.settings.rate_limits
        paths = dict.fromkeys(one.path or "" for one in after)
        return any(
            counted_anew(
                path,
                tuple(one for one in before if (one.path or "") == path),
                path,
                tuple(one for one in after if (one.path or "") == path),
                "all",
            )
            for path in paths
        )

    def _of_route(self, change: Change) -> Iterator[Effect]:
        before, after = self._routes
        if change.kind == "changed":
            was, now = before[change.name], after[change.name]
            yield from of_route(was, now)
            if counts_begin_anew(was, now):
                yield Effect("change", "counts of its limits begin anew")
        elif change.kind == "renamed":
            yield Effect("note", "its series and log records have another name")
            if counts_begin_anew(before[change.was], after[change.name]):
                yield Effect("change", "counts of its limits begin anew, under the new name")
        elif change.kind == "moved":
            if any(path.startswith("~") for route in after.values() for path in route.path):
                yield Effect("change", "paths by expression are tried in another order")
            else:
                yield Effect("note", "the order decides among paths that are alike only")
        elif change.kind == "added":
            yield Effect("change", f"it leads to {target(after[change.name])}")
            if after[change.name].auth is None and any(route.auth is not None for route in after.values()):
                yield Effect("warning", "it asks nobody who is calling, as other routes do")

    def _of_upstream(self, change: Change) -> Iterator[Effect]:
        before, after = self._upstreams
        if change.kind == "changed":
            yield from of_upstream(before[change.name], after[change.name], self._old.settings, self._new.settings)
        for words in self._reload.upstreams.get(change.was or change.name, ()):
            yield Effect("change", words)
        if change.kind == "changed" and change.name not in self._reload.upstreams:
            yield Effect("note", "its connections are kept")

    def _moves(self, renamed: Mapping[str, str]) -> list[Move]:
        trees, settings = (self._reload.before, self._reload.after), (self._old.settings, self._new.settings)
        return moves(trees, settings, renamed)

    def _rerouted(self, move: Move) -> Rerouted:
        was = None if move.before is None else self._routes[0].get(move.before)
        now = None if move.after is None else self._routes[1].get(move.after)
        effects = [] if was is None or now is None else list(of_guards(was, now))
        level: Level = worst(effects)
        if now is None:
            level = "warning"
        elif was is None:
            level = "change"
        elif level in ("note", "change"):
            # A route that was there and says the same does not get what it got: another stands before it.
            level = "change"
            if move.before in self._routes[1]:
                level = "warning"
                effects.append(Effect(level, f"`{now.name}` stands before `{move.before}`"))
        before = None if was is None else self._place(self._old, "routes", was.name)
        after = None if now is None else self._place(self._new, "routes", now.name)
        return Rerouted(move, level, sorted(effects, key=lambda one: LEVELS.index(one.level)), before, after)

    def _place(self, loaded: Loaded, section: str, name: str) -> Place | None:
        if section in NAMED and name:
            key = NAMED[section]
            things = enumerate(getattr(loaded.settings, section))
            number = next((place for place, one in things if getattr(one, key) == name), None)
            return None if number is None else found(loaded.root, join(section, number))[0]
        path = join(section, int(name)) if section in NUMBERED and name else join(section, name) if name else section
        return found(loaded.root, path)[0]


def _above(loaded: Loaded, path: str) -> Place | None:
    """Return where a key is written, or what it would stand in."""
    return found(loaded.root, path)[0] if path else None


def _written(loaded: Loaded, path: str) -> Place | None:
    """Return where a key is written; None where it is not."""
    place = _above(loaded, path)
    inside = path.rpartition("[") if path.endswith("]") else path.rpartition(".")
    return None if place == _above(loaded, inside[0]) else place


def _named(things: Iterable[Any]) -> dict[str, Any]:
    return {one.name: one for one in things}


def _renamed(
    section: str, differing: Iterable[Difference], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Pair what was removed with what was added and says the same but for its name."""
    here = [one for one in differing if one.section == section]
    added = [one.name for one in here if one.kind == "added"]
    for one in here:
        if one.kind == "removed":
            now = next((name for name in added if _alike(before[one.name], after[name])), None)
            if now is not None:
                added.remove(now)
                yield one.name, now


def _alike(one: Route | Upstream, other: Route | Upstream) -> bool:
    written = one.model_fields_set | other.model_fields_set | {"name"}
    values = (one.__dict__ | {"name": ""}, other.__dict__ | {"name": ""})
    return values[0] == values[1] and all(same(values[0][key], values[1][key]) for key in written)


def _fresh(before: Linted, after: Linted) -> list[Problem]:
    """Return the doubts that are new."""
    known = {_called(one, before.loaded.settings) for one in before.findings}
    return [one for one in after.findings if _called(one, after.loaded.settings) not in known]


def _called(one: Problem, settings: Settings) -> tuple[str, str, str]:
    """Return a doubt with names in the place of numbers, which are others where something was put before them."""

    def name(match: re.Match[str]) -> str:
        things = getattr(settings, match[1])
        return f"{match[1]}[{things[int(match[2])].name}]" if int(match[2]) < len(things) else match[0]

    return one.code, _NUMBERED.sub(name, one.path), _NUMBERED.sub(name, one.message)
