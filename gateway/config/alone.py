"""One thing of a long list is changed: what the whole would say of it, without the whole being read.

Asked by `gateway.composition.configured` for routes and upstreams that the admin API changes. Reading 5,000 routes
takes more than a second; judging one takes some milliseconds. What is judged is a small configuration: everything but
the long lists, the thing, and the upstreams that are named in either. Only a change that nothing is wrong with is told
of: whatever else it is, the whole is read, and says what it always says.

Note [What reaches beyond one thing]

A few rules are about several things at once. Where a change could touch one of those, it is not judged here. Whoever
adds a check to `gateway.config.loading.judge` that compares routes or upstreams with each other, or with something that
names them, adds it here: `tests/config/test_alone.py` compares what is told here with what the whole says.

Tests: `tests/config/test_alone.py::test_it_says_what_the_whole_says`.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from gateway.config import doubts, editing, inheritance, reading
from gateway.config.editing import Edit
from gateway.config.loading import LISTS, judge
from gateway.config.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from gateway.config.overlays import Overlay
from gateway.config.problems import Problem
from gateway.config.schema import Settings
from gateway.config.schema.limiting import MatchedRateLimit
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream
from gateway.config.substitution import substitute
from gateway.config.writing import copied

MOST: Final = 10
"""Upstreams that may be named; each is written and read for it."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a thing is judged by.

    Attributes:
        bare: The tree without the long lists, as of `gateway.config.apart.bare`.
        directory: What relative file names are relative to.
        variables: For substitution.
    """

    bare: bytes
    directory: Path
    variables: Mapping[str, str]


class Changed(NamedTuple):
    """What a change leaves.

    Attributes:
        settings: Those in force, with one thing other than before.
        doubts: What is doubtful about the thing.
    """

    settings: Settings
    doubts: list[Problem]


def changed(
    edit: Edit, overlay: Overlay, settings: Settings, held: Mapping[str, frozenset[str]], ground: Ground
) -> Changed | None:
    """Return what a change leaves; None where the whole has to be read to tell.

    Args:
        edit: The change.
        overlay: What is over the files with it.
        settings: What is in force.
        held: By section, the names that are there without the overlay.
        ground: What the thing is judged by.
    """
    section, name = edit.section, edit.name
    if edit.kind not in ("put", "delete") or section not in LISTS:
        return None
    # Strict, all that is doubtful is an error, and a doubt may be about many things. A list that nobody has written
    # would be one that somebody has.
    if settings.strict or section not in settings.model_fields_set:
        return None
    things = getattr(settings, section)
    place = next((place for place, one in enumerate(things) if one.name == name), None)
    if place is None and (edit.kind == "delete" or name in held[section]):
        return None  # one that the files have comes back into its place there
    was = None if place is None else things[place]
    node = overlay.objects[section][name] if edit.kind == "put" else None
    judged = _judged(section, name, node, settings, ground)
    if judged is None:
        return None
    root, small = judged
    now = getattr(small, section)[0] if node is not None else None
    if not _keeps_to_itself(was, now, small, settings):
        return None
    at = len(things) if place is None else place
    made = settings.model_copy()
    # Not by `update`, which would count the key as written.
    made.__dict__[section] = (*things[:at], *([] if now is None else [now]), *things[at + 1 :])
    found = doubts.of_routes(root, small)
    return Changed(made, [one._replace(path=one.path.replace("routes[0]", f"routes[{at}]", 1)) for one in found])


def _judged(
    section: str, name: str, node: Node | None, settings: Settings, ground: Ground
) -> tuple[MapNode, Settings] | None:
    """Judge a small configuration with the thing in it; None where something is wrong, or it is not small."""
    bare: MapNode = pickle.loads(ground.bare)  # noqa: S301 - from this process, or one that it has started
    lists = {key: list[Node]() for key in LISTS}
    if node is not None:
        lists[section].append(copied(node))
    root = MapNode(
        bare.place, bare.entries | {key: Entry(bare.place, ListNode(bare.place, lists[key])) for key in LISTS}
    )
    problems: list[Problem] = []
    substitute(root, ground.variables, problems)
    known = {one.name for one in settings.upstreams} - ({name} if section == "upstreams" else set())
    found: set[str] = set()
    while more := known.intersection(_texts(root)) - found:
        found |= more
        if len(found) > MOST:
            return None
        for one in sorted(more):
            said = editing.shown(settings, "upstreams", one, revealed=True)
            upstream = reading.read(json.dumps(said), "in-force.json", problems)
            if upstream is not None:
                lists["upstreams"].append(upstream)
        substitute(root, ground.variables, problems)  # what the gateway writes doubles a `$` that means itself
    root = inheritance.fill_in(root)
    small = judge(root, ground.directory, problems)
    return None if problems or small is None else (root, small)


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node, ScalarNode):
        yield node.text
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from _texts(item)
    else:
        for entry in node.entries.values():
            yield from _texts(entry.node)


def _keeps_to_itself(
    was: Route | Upstream | None, now: Route | Upstream | None, small: Settings, settings: Settings
) -> bool:
    """Whether nothing else can be right or wrong by this change; see Note [What reaches beyond one thing]."""
    if isinstance(was, Upstream) or isinstance(now, Upstream):
        return _upstream_keeps_to_itself(was, now, small, settings)
    # What an upstream, or a limit for all, may go by depends on who is let in by all routes
    # (`gateway.config.undecidable`).
    if any(map(_by_field, settings.rate_limits)):
        return False
    asked = {name for one in (was, now) if isinstance(one, Route) for name in one.asked}
    if any(one.name in asked and one.hash_on.startswith("header:") for one in settings.upstreams):
        return False
    return not (isinstance(now, Route) and now.split_on is not None and now.split_on.startswith("cookie:"))


def _upstream_keeps_to_itself(
    was: Route | Upstream | None, now: Route | Upstream | None, small: Settings, settings: Settings
) -> bool:
    for one in (was, now, *small.upstreams):
        # The cookies of all sticky upstreams are nobody's to go by; what a header may decide, all routes decide that
        # lead there.
        if isinstance(one, Upstream) and (one.sticky is not None or one.hash_on.startswith(("header:", "cookie:"))):
            return False
    if now is not None or was is None:
        return True
    return not (
        any(was.name in one.asked for one in settings.routes)
        or any(one.circuit_breaker and one.circuit_breaker.fallback.upstream == was.name for one in settings.upstreams)
    )


def _by_field(limit: MatchedRateLimit) -> bool:
    return bool(limit.tier_fields) or any(scope.startswith("header:") for scope in limit.scope)
