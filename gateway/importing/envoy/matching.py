"""The match of an Envoy route as conditions of ours.

Of `gateway.importing.envoy`.

Tests: `tests/importing/envoy/test_kind.py::test_matches`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.config.patterns import path_pattern
from gateway.config.problems import Unexpected
from gateway.http.expressions import check
from gateway.importing.draft import Draft
from gateway.importing.parts import Part

_METHOD: Final = ":method"
_KNOWN: Final = frozenset(
    {"prefix", "path_separated_prefix", "path", "safe_regex", "case_sensitive", "headers", "query_parameters", "grpc"}
)
"""Any other is a condition that would be lost: the route would take requests that it is not for (D-556)."""


class Unsayable(ValueError):
    """A condition that routes have no words for; why is in `args`."""


@dataclass
class Matching:
    """What a request must be like.

    Attributes:
        path: As `path` of a route has it.
        prefix: What `prefix` says, where it is one.
        cuts_segments: Whether that compares characters: it may end within a segment.
        probe: A path that the source says it is for; None where none is known.
    """

    path: str = "/*"
    prefix: str | None = None
    cuts_segments: bool = False
    probe: str | None = None
    methods: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)

    @property
    def conditions(self) -> int:
        """How many fields and parameters are looked at."""
        return len(self.headers) + len(self.query)


def match(part: Part, draft: Draft) -> Matching:
    """Read what stands under `match`.

    Raises:
        Unsayable: A route has no words for some of it.
    """
    found = Matching()
    if unknown := [name for name in part.names() if name not in _KNOWN]:
        raise Unsayable(f"there is no condition such as {unknown[0]}")
    if (prefix := part.text("prefix")) is not None:
        found.prefix = prefix
        found.path = _pattern(prefix.rstrip("/"), "/*")
        found.cuts_segments = not prefix.endswith("/")
        found.probe = f"{prefix}probe" if prefix.endswith("/") else f"{prefix}/probe"
    elif (prefix := part.text("path_separated_prefix")) is not None:
        found.prefix = prefix
        found.path, found.probe = _pattern(prefix.rstrip("/"), "/*"), f"{prefix}/probe"
    elif (path := part.text("path")) is not None:
        found.path, found.probe = _pattern(path), path
    elif (expression := part.text("safe_regex", "regex")) is not None:
        check(expression)
        found.path = f"~{expression}"
    else:
        raise Unsayable("it goes by no path")
    draft.pass_over(part.get("safe_regex") or part, "google_re2")
    draft.only(part, "case_sensitive", True, "paths differ by case")
    for one in part.each("headers"):
        _header(one, found)
    for one in part.each("query_parameters"):
        name = one.text("name") or ""
        found.query[name] = "*" if one.flag("present_match") else _condition(one, name)
    if part.get("grpc") is not None:
        draft.pass_over(part, "grpc")
        found.headers["Content-Type"] = "~^application/grpc"
    return found


def _header(part: Part, found: Matching) -> None:
    name = part.text("name") or ""
    if part.flag("invert_match") or part.flag("present_match") is False:
        raise Unsayable(f"a condition on {name} must not be met")
    condition = "*" if part.flag("present_match") else _condition(part, name)
    if name == _METHOD:
        expression = re.fullmatch(r"~\^?\(?(?:\?:)?([A-Z|]+)\)?\$?", condition)
        found.methods = expression[1].split("|") if expression else [condition]
    elif name.startswith(":"):
        raise Unsayable(f"there is no condition on {name}")
    else:
        found.headers["-".join(word.capitalize() for word in name.split("-"))] = condition


def _condition(part: Part, name: str) -> str:
    """Return what a value must be like."""
    said = part.get("string_match") or part
    if said.flag("ignore_case"):
        raise Unsayable(f"the condition on {name} ignores case")
    exact = said.text("exact") if part.get("string_match") else part.text("exact_match")
    if exact is not None:
        return f"~^{re.escape(exact)}$" if exact[:1] in ("~", "*") else exact
    for key, form in (("prefix", "~^{}"), ("suffix", "~{}$"), ("contains", "~{}")):
        text = said.text(key) if part.get("string_match") else part.text(f"{key}_match")
        if text is not None:
            return form.format(re.escape(text))
    regex = said.text("safe_regex", "regex") or part.text("safe_regex_match", "regex")
    if regex is None:
        if part.get("string_match") is None and set(part.names()) <= {"name"}:
            return "*"
        raise Unsayable(f"the condition on {name} has no counterpart")
    check(regex)
    return f"~^(?:{regex})$"


def _pattern(path: str, rest: str = "") -> str:
    if "*" in path or re.search(r"/:|[{}]", path):
        raise Unsayable(f"`{path}` is no path of a route")
    try:
        return path_pattern(path + rest)
    except Unexpected:
        raise Unsayable(f"`{path}` is no path of a route") from None
