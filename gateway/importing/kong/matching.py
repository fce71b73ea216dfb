"""What a route of Kong's is for, in our words: hosts, paths and expressions, methods, fields.

Kong takes the end of a prefix anywhere and the end of an expression too; an expression here is for the whole path.

Tests: `tests/importing/kong/test_matching.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.config.patterns import path_pattern, route_host, route_path
from gateway.config.problems import Unexpected
from gateway.importing import samples
from gateway.importing.draft import Data, Draft
from gateway.importing.parts import Part
from gateway.importing.values import methods, pattern_of

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~/%:-]*")
"""What a path without an expression had before 3.0; another character made it one."""

CONDITIONS: Final = {
    "snis": "routes are not chosen by the names of TLS here",
    "sources": "routes are not chosen by addresses here",
    "destinations": "routes are not chosen by ports here",
    "expression": "expressions of Kong's router are not read",
}
"""Conditions that cannot be said: without its condition a route would take requests that were another's."""

REST: Final = "/7"
"""What tests ask for below a prefix."""


@dataclass
class Matching:
    """What one route of ours is for, and a request of that kind.

    Attributes:
        part: The path in the source, or the route where it names none.
        data: Keys of our route.
        sample: A path that it is for; None where none was found.
        matched: The part of the sample that Kong takes away where `strip` is true.
        rank: Kong's order among expressions.
    """

    part: Part
    data: Data
    sample: str | None
    matched: str
    strip: bool
    host: str
    method: str
    headers: dict[str, str] = field(default_factory=dict)
    rank: int = 0

    def sent(self, base: str) -> str | None:
        """Return the path that the backend gets of a request for the sample, by Kong's rules."""
        if self.sample is None:
            return None
        rest = self.sample.removeprefix(self.matched) if self.strip else self.sample
        if not rest.startswith("/"):
            rest = f"/{rest}" if rest or not base else rest
        return base + rest


def match(part: Part, draft: Draft, *, by_tilde: bool) -> Iterator[Matching]:
    """Yield what a route is for: once for its prefixes that are treated alike, once for each expression.

    Args:
        part: The route.
        draft: Where what cannot be said is listed.
        by_tilde: Whether expressions begin with `~`, as since 3.0.
    """
    shared, host, method, headers = _shared(part, draft)
    if shared is None:
        return
    stripped = part.flag("strip_path")
    strip = stripped is not False
    priority = part.whole("regex_priority") or 0
    whole: list[str] = []
    first: Part | None = None
    for path in part.one_or_each("paths"):
        written = path.text() or "/"
        if written.startswith("~") if by_tilde else not _PLAIN.fullmatch(written):
            found = _expression(path, written.removeprefix("~") if by_tilde else written, draft, strip=strip)
            if found is not None:
                sample, matched, data = found
                yield Matching(path, shared | data, sample, matched, strip, host, method, headers, priority)
            continue
        prefix = written.rstrip("/")
        try:
            path_pattern(f"{prefix}/*")
        except Unexpected as error:
            draft.leave(path, f"expected {error.expected}, found {written!r}")
            continue
        if strip and prefix:
            data = {"path": f"{prefix}/*", "transformations": {"request": {"path": {"strip_prefix": prefix}}}}
            yield Matching(path, shared | data, prefix + REST, prefix, strip, host, method, headers, priority)
        else:
            first = first or path
            whole.append(prefix)
    if not _is_said(part, "paths"):
        first = part
        whole.append("")
    if whole:
        paths = [f"{prefix}/*" for prefix in whole]
        data = {"path": paths[0] if len(paths) == 1 else paths}
        assert first is not None  # it came with its prefix
        yield Matching(first, shared | data, whole[0] + REST, "", False, host, method, headers, priority)


def _shared(part: Part, draft: Draft) -> tuple[Data | None, str, str, dict[str, str]]:
    """Read what all paths of a route have in common; None where nothing is left that it is for."""
    data: Data = {}
    nothing: tuple[None, str, str, dict[str, str]] = (None, "", "", {})
    draft.only(part, "path_handling", "v0", "paths are joined as `v0` joins them")
    draft.only(part, "https_redirect_status_code", 426, "redirects are routes here", "write a route with `redirect`")
    for key in ("request_buffering", "response_buffering"):
        draft.only(part, key, (True, False), "")
    protocols = part.get("protocols")
    spoken = part.texts("protocols") or ["http", "https"]
    if protocols is not None and not set(spoken) & {"http", "https", "grpc", "grpcs"}:
        draft.leave(part, f"the gateway has no routes for {', '.join(spoken)}")
        return nothing
    if protocols is not None and not {"http", "grpc"} & set(spoken):
        draft.leave(
            protocols,
            "without TLS Kong refuses it with 426",
            "name the listener with TLS, and it in `listeners` of the route",
        )
    if not _can_be_said(part, draft):
        return nothing
    hosts = _hosts(part, draft)
    if not hosts and _is_said(part, "hosts"):
        draft.leave(part, "none of its hosts can be written here, so that the route is not there", "write the route")
        return nothing
    if hosts:
        data["host"] = hosts[0] if len(hosts) == 1 else hosts
    if carried := methods(part, draft):
        data["methods"] = carried
    elif _is_said(part, "methods"):
        draft.leave(part, "none of its methods can be written here, so that the route is not there", "write the route")
        return nothing
    headers = _fields(part, data)
    if headers is None:
        draft.leave(part, "a condition on a field is no text, so that the route is not there", "write the route")
        return nothing
    return data, samples.host(hosts[0] if hosts else None), carried[0] if carried else "GET", headers


def _hosts(part: Part, draft: Draft) -> list[str]:
    hosts = []
    for each in part.one_or_each("hosts"):
        written = each.text() or ""
        bare = written.partition(":")[0]
        try:
            hosts.append(route_host(bare))
        except Unexpected as error:
            draft.leave(each, f"expected {error.expected}, found {written!r}")
            continue
        if bare != written:
            draft.leave(each, "hosts have no port here, so that it is for every port", "use `listeners`")
    return hosts


def _can_be_said(part: Part, draft: Draft) -> bool:
    """Whether a route has no condition that there is nothing for here; the first one is the reason in the list."""
    for key, why in CONDITIONS.items():
        found = part.get(key)
        if found is not None and found.data() not in ([], ""):
            draft.leave(part, f"{why}, so that the route is not there", f"write the route (line {found.place.line})")
            return False
    return True


def _is_said(part: Part, key: str) -> bool:
    """Whether a condition is there: an empty list says what an absent one does."""
    found = part.get(key)
    if found is not None and found.is_list and not found.each():
        return False
    return found is not None


def _fields(part: Part, data: Data) -> dict[str, str] | None:
    """Put conditions on fields into a route; returns fields that meet them, None where one cannot be said."""
    fields: dict[str, str] = {}
    for name, each in part.entries("headers"):
        values = each.texts()
        if len(values) == 1 and values[0].startswith("~*"):
            data.setdefault("headers", {})[name] = f"~(?i){values[0][2:]}"
            fields[name] = samples.matching(values[0][2:]) or ""
        elif values:
            data.setdefault("headers", {})[name] = pattern_of(values, any_case=True)
            fields[name] = values[0]
        if len(values) != len(each.one_or_each()) or not values:
            return None
    return fields


def _expression(path: Part, written: str, draft: Draft, *, strip: bool) -> tuple[str | None, str, Data] | None:
    """Return a sample, what Kong takes away of it, and our keys for an expression; None where RE2 does not take it."""
    body = re.sub(r"\(\?<([A-Za-z_])", r"(?P<\1", written.removeprefix("^"))
    closed = body.endswith("$") and not body.endswith("\\$")
    ours = f"~{body[:-1]}" if closed else f"~(?:{body}).*" if "|" in body else f"~{body}.*"
    try:
        route_path(ours)
    except Unexpected as error:
        draft.leave(path, f"expected {error.expected}", "write it in RE2's syntax, or as a path with parameters")
        return None
    data: Data = {"path": ours}
    sample = samples.matching(body[:-1] if closed else body)
    matched = sample or ""
    if sample is not None and not closed:
        sample += REST
    if strip:
        data["transformations"] = {"request": {"path": {"replace": {"pattern": f"^(?:{body})", "with": ""}}}}
    return sample, matched, data
