"""Doubts about rules of `transformations` that cannot both have an effect, or none.

Tests: `tests/config/doubts/test_transformations.py::test_rules_in_vain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.config.doubts.common import Doubt, Step
from gateway.config.schema.routes import Route
from gateway.config.schema.transformations import BodyChanges, RequestChanges, ResponseChanges
from gateway.http import json_paths
from gateway.http.templates import names

_OUTER = ("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
"""Fields of answers that the gateway writes after the rules."""


def transformations(route: Route) -> Iterator[Doubt]:
    """Doubt the rules of a route."""
    said = route.transformations
    if said is None:
        return
    for steps, words in _all(route, said.request, said.response):
        yield ("transformations", *steps), words


def _all(route: Route, request: RequestChanges, response: ResponseChanges) -> Iterator[Doubt]:
    yield from _prefix(route, request.path.strip_prefix)
    yield from _query(request)
    for key, changes in (("request", request), ("response", response)):
        for steps, words in _fields(changes):
            yield (key, *steps), words
        for steps, words in _body(changes.body):
            yield (key, "body", *steps), words
    for table in ("add_headers", "set_headers"):
        for name, text in getattr(request, table).items():
            if "status" in names(text):
                yield ("request", table, name), "`${status}` is empty: there is no answer yet"
    for key in ("add_headers", "set_headers", "remove_headers"):
        for place, name in enumerate(getattr(response, key)):
            if name.lower() in _OUTER:
                step: Step = place if key == "remove_headers" else name
                yield ("response", key, step), "it has no effect: the gateway writes this field afterwards"
    if route.cors is not None and not route.cors.dry_run:
        yield from _overruled(response)
    yield from _statuses(response)


def _overruled(response: ResponseChanges) -> Iterator[Doubt]:
    """Doubt rules for fields that `cors` takes out, and writes itself, after them."""
    for key in ("add_headers", "set_headers", "remove_headers", "rename_headers"):
        for place, name in enumerate(getattr(response, key)):
            becomes = response.rename_headers[name] if key == "rename_headers" else name
            if becomes.lower().startswith("access-control-"):
                step: Step = place if key == "remove_headers" else name
                yield ("response", key, step), "it has no effect: `cors` has the say over these fields"


def _statuses(response: ResponseChanges) -> Iterator[Doubt]:
    for before, after in response.status.items():
        if before == after:
            yield ("response", "status", str(before)), "it changes nothing"
        elif after in response.status:
            yield ("response", "status", str(before)), f"it stays {after}: a status is changed once"


def _prefix(route: Route, prefix: str) -> Iterator[Doubt]:
    """Doubt a prefix that no path of the route begins with."""
    wanted = [part for part in prefix.split("/") if part]
    if wanted and not any(_may_begin(path, wanted) for path in route.path):
        yield ("request", "path", "strip_prefix"), f"no path of the route begins with `{prefix}`"


def _may_begin(path: str, wanted: Sequence[str]) -> bool:
    if path.startswith("~") or "%" in path:
        return True
    segments = path[1:].split("/")
    for place, part in enumerate(wanted):
        if place >= len(segments):
            return False
        segment = segments[place]
        if segment.startswith(("*", "{*")):
            return True
        if segment != part and not segment.startswith((":", "{")) and "%" not in part:
            return False
    return True


def _query(request: RequestChanges) -> Iterator[Doubt]:
    for place, name in enumerate(request.query.remove):
        if name in request.query.set:
            yield ("request", "query", "remove", place), f"`set` replaces `{name}` anyway"


def _fields(changes: RequestChanges | ResponseChanges) -> Iterator[Doubt]:
    removed = {name.lower() for name in changes.remove_headers}
    put = {name.lower() for name in changes.set_headers}
    for place, name in enumerate(changes.remove_headers):
        if name.lower() in put:
            yield ("remove_headers", place), f"`set_headers` replaces `{name}` anyway"
    targets: dict[str, str] = {}
    for old, new in changes.rename_headers.items():
        steps = ("rename_headers", old)
        if old.lower() in removed:
            yield steps, f"there is nothing to rename: `remove_headers` has taken `{old}` out"
        elif new.lower() in put:
            yield steps, f"`set_headers` replaces `{new}`"
        elif new.lower() in targets:
            yield steps, f"two fields become `{new}`: `{targets[new.lower()]}` too"
        elif new.lower() == old.lower():
            yield steps, "it changes no more than how the name is written"
        targets.setdefault(new.lower(), old)


def _body(changes: BodyChanges) -> Iterator[Doubt]:
    removed = {json_paths.read(path): path for path in changes.remove}
    put = {json_paths.read(path): path for path in changes.add}
    targets: dict[json_paths.Path, str] = {}
    moved: dict[json_paths.Path, str] = {}
    for old, new in changes.rename.items():
        before, after = json_paths.read(old), json_paths.read(new)
        gone = _within(before, removed)
        if gone is not None:
            yield ("rename", old), f"there is nothing to rename: `remove` has taken `{gone}` out"
        elif before == after:
            yield ("rename", old), "it changes nothing"
        elif (again := _within(before, moved)) is not None and not _meets(before, targets):
            yield ("rename", old), f"there is nothing to rename: `{again}` has another name by then"
        elif before in targets:
            yield ("rename", old), f"it renames what `{targets[before]}` has become: one stands after another"
        elif (other := _within(after, put)) is not None:
            yield ("rename", old), f"`add` replaces `{other}`"
        elif after in targets:
            yield ("rename", old), f"two members become `{new}`: `{targets[after]}` too"
        targets.setdefault(after, old)
        moved.setdefault(before, old)
    for place, path in enumerate(changes.remove):
        others = {one: text for one, text in removed.items() if one != json_paths.read(path)}
        gone = _within(json_paths.read(path), others)
        if gone is not None:
            yield ("remove", place), f"`{gone}` is taken out as a whole"
    yield from _added(changes)
    for path in changes.add:
        wild = json_paths.wild(json_paths.read(path))
        gone = _within(json_paths.read(path)[:wild], removed) if wild else None
        if gone is not None:
            yield ("add", path), f"there is nothing to add to: `remove` has taken `{gone}` out"


def _added(changes: BodyChanges) -> Iterator[Doubt]:
    """Doubt values that a later `add` stands in the place of, or makes a mapping of."""
    added = [(json_paths.read(path), path, value) for path, value in changes.add.items()]
    for place, (before, path, value) in enumerate(added):
        for after, later, _ in added[place + 1 :]:
            if before[: len(after)] == after or (after[: len(before)] == before and not isinstance(value, dict)):
                yield ("add", path), f"`{later}` is put in its place"
                break


def _meets(path: json_paths.Path, others: Iterable[json_paths.Path]) -> bool:
    """Whether one of others may be a path, or lie within it, or have it within."""
    return any(
        all(one in (None, two) or two is None for one, two in zip(path, other, strict=False)) for other in others
    )


def _within(path: json_paths.Path, others: Mapping[json_paths.Path, str]) -> str | None:
    """Return which of others a path is, or lies within."""
    for other, text in others.items():
        if len(other) <= len(path) and all(step in (None, path[place]) for place, step in enumerate(other)):
            return text
    return None
