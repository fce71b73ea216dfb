"""Conditions of a Traefik rule as those of a route.

Of `gateway.importing.traefik`.

Tests: `tests/importing/traefik/test_matching.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.config.patterns import host as read_host
from gateway.config.patterns import path_pattern
from gateway.config.problems import Unexpected
from gateway.http.expressions import check
from gateway.importing.nginx.expressions import whole
from gateway.importing.traefik.rules import Alternative, Matcher

_ANY_LABEL: Final = re.compile(
    r"(?:\{[A-Za-z]+:(?:\.\+|\[a-z(?:A-Z)?0-9-?\]\+)\}|\^?(?:\.\+|\[a-z(?:A-Z)?0-9-?\]\+))(?:\\?\.)(?P<name>[A-Za-z0-9\\.-]+)\$?"
)
"""`{sub:[a-z]+}.example.com` (version 2) and `^.+\\.example\\.com$` (version 3)."""
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_]\w*)(?::([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\}")


class Unsayable(ValueError):
    """A condition that routes have no words for; why is in `args`."""


@dataclass
class Matching:
    """What a request must be like.

    Attributes:
        hosts: Of which one must be asked; empty for any.
        paths: As `path` of a route has them, of which one must fit.
        prefix: The path that `PathPrefix` has, where there is one: what `stripPrefix` is about.
    """

    hosts: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


def match(alternative: Alternative) -> Matching:
    """Join the conditions of an alternative.

    Raises:
        Unsayable: A route has no words for one of them, or for both of two.
    """
    found = Matching()
    for one in alternative:
        if one.negated:
            raise Unsayable(f"`{one}`: a route has no conditions that must not be met")
        if one.name not in _READERS:
            raise Unsayable(f"`{one}`: routes do not go by that")
        _READERS[one.name](one, found)
    found.paths = found.paths or ["/*"]
    return found


def _host(one: Matcher, found: Matching) -> None:
    if found.hosts:
        raise Unsayable(f"`{one}`: a second condition on the host")
    try:
        found.hosts = [read_host(value) for value in one.values]
    except Unexpected:
        raise Unsayable(f"`{one}`: no name of a host") from None


def _host_regexp(one: Matcher, found: Matching) -> None:
    if found.hosts:
        raise Unsayable(f"`{one}`: a second condition on the host")
    for value in one.values:
        known = _ANY_LABEL.fullmatch(value)
        if known is None:
            raise Unsayable(f"`{one}`: hosts are names here, or `*.` and a name")
        found.hosts.append(f"*.{known['name'].replace(chr(92), '').lower()}")


def _paths(one: Matcher, found: Matching, rest: str) -> None:
    if found.paths:
        raise Unsayable(f"`{one}`: a second condition on the path")
    for value in one.values:
        if any(constraint for _, constraint in _PLACEHOLDER.findall(value)):
            expression = _PLACEHOLDER.sub(lambda each: f"(?P<{each[1]}>{each[2] or '[^/]+'})", value)
            check(expression)
            found.paths.append(f"~{expression}{'(?:/.*)?' if rest else ''}")
            continue
        try:
            found.paths.append(path_pattern((value.rstrip("/") if rest else value) + rest))
        except Unexpected:
            raise Unsayable(f"`{one}`: no path of a route") from None


def _path(one: Matcher, found: Matching) -> None:
    _paths(one, found, "")


def _path_prefix(one: Matcher, found: Matching) -> None:
    _paths(one, found, "/*")


def _path_regexp(one: Matcher, found: Matching) -> None:
    if found.paths:
        raise Unsayable(f"`{one}`: a second condition on the path")
    found.paths = [f"~{whole(value)}" for value in one.values]


def _method(one: Matcher, found: Matching) -> None:
    if found.methods:
        raise Unsayable(f"`{one}`: a second condition on the method")
    found.methods = [value.upper() for value in one.values]


def _header(one: Matcher, found: Matching) -> None:
    name, *values = one.values
    if name in found.headers or len(values) != 1:
        raise Unsayable(f"`{one}`: one condition on a field is possible")
    found.headers[name] = _literally(values[0])


def _header_regexp(one: Matcher, found: Matching) -> None:
    name, *values = one.values
    if name in found.headers or len(values) != 1:
        raise Unsayable(f"`{one}`: one condition on a field is possible")
    check(values[0])
    found.headers[name] = f"~{values[0]}"


def _query(one: Matcher, found: Matching) -> None:
    name, *values = one.values
    if values and "=" not in name:
        pairs = [(name, values[0])]
    else:  # version 2: `a=b`, several of them
        pairs = [(key, value if equals else "*") for key, equals, value in (each.partition("=") for each in one.values)]
    for key, value in pairs:
        if key in found.query:
            raise Unsayable(f"`{one}`: one condition on a parameter is possible")
        found.query[key] = value if value == "*" else _literally(value)


def _query_regexp(one: Matcher, found: Matching) -> None:
    name, *values = one.values
    if name in found.query or len(values) != 1:
        raise Unsayable(f"`{one}`: one condition on a parameter is possible")
    check(values[0])
    found.query[name] = f"~{values[0]}"


def _literally(text: str) -> str:
    return f"~^{re.escape(text)}$" if text[:1] in ("~", "*") else text


_READERS: Final = {
    "Host": _host,
    "HostHeader": _host,
    "HostRegexp": _host_regexp,
    "Path": _path,
    "PathPrefix": _path_prefix,
    "PathRegexp": _path_regexp,
    "Method": _method,
    "Header": _header,
    "Headers": _header,
    "HeaderRegexp": _header_regexp,
    "HeadersRegexp": _header_regexp,
    "Query": _query,
    "QueryRegexp": _query_regexp,
}
