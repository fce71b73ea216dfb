"""A path pattern as it stands in the configuration, taken apart.

Layer 2, used by `gateway.routing.tree`. A pattern is exact unless it says
otherwise: `:id` or `{id}` stands for one segment that is not empty, and a last
`*` or `{*rest}` for whatever follows, nothing included: `/users/*` also
matches `/users`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from gateway.errors import MalformedRequest
from gateway.http.paths import normal_form
from gateway.http.readings import folded

_PARAM: Final = re.compile(r":([A-Za-z_][A-Za-z0-9_-]*)|\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_REST: Final = re.compile(r"\*|\{\*([A-Za-z_][A-Za-z0-9_-]*)\}")


@dataclass(frozen=True)
class Pattern:
    """A path pattern.

    Attributes:
        text: The pattern as written: its label in metrics and logs.
        segments: Literal segments in normal form; None stands for a parameter.
        names: Parameters, each with the index of its segment in a path split at its slashes.
        wild: Whether anything may follow the segments.
        rest: The parameter that takes what follows; None for a plain `*`.
    """

    text: str
    segments: tuple[bytes | None, ...]
    names: tuple[tuple[int, str], ...] = ()
    wild: bool = False
    rest: str | None = None

    @property
    def literal(self) -> bytes | None:
        """The one path that an exact pattern matches; None for any other pattern."""
        literals = [segment for segment in self.segments if segment is not None]
        if self.wild or len(literals) != len(self.segments):
            return None
        return b"/" + b"/".join(literals)

    def params(self, segments: list[bytes]) -> dict[str, str]:
        """Read the parameters off a path that matches, escapes decoded.

        Args:
            segments: The path in normal form, split at its slashes (so the first is empty).
        """
        found = {}
        for index, name in self.names:
            text = segments[index].decode()
            found[name] = unquote(text) if "%" in text else text
        if self.rest is not None:
            found[self.rest] = unquote(b"/".join(segments[len(self.segments) + 1 :]).decode())
        return found

    def raw_params(self, segments: list[bytes]) -> dict[str, str]:
        """Read the parameters off a path that matches, as they stand there."""
        found = {name: segments[index].decode() for index, name in self.names}
        if self.rest is not None:
            found[self.rest] = b"/".join(segments[len(self.segments) + 1 :]).decode()
        return found


def parse_pattern(text: str) -> Pattern:
    """Take a pattern apart.

    Raises:
        ValueError: It is no pattern; the message says what was expected.
    """
    if not text.startswith("/"):
        raise ValueError("expected a path that begins with '/'")
    written = text[1:].split("/")
    segments: list[bytes | None] = []
    names: list[tuple[int, str]] = []
    wild, rest = False, None
    if found := _REST.fullmatch(written[-1]):
        wild, rest = True, found[1]
        written.pop()
    for position, segment in enumerate(written):
        if found := _PARAM.fullmatch(segment):
            names.append((len(segments) + 1, found[1] or found[2]))
            segments.append(None)
        elif segment or (position == len(written) - 1 and not wild):  # doubled slashes count as one
            segments.append(_literal(segment))
    used = [name for _, name in names] + ([rest] if rest else [])
    if len(set(used)) != len(used):
        raise ValueError("expected each parameter name once")
    return Pattern(text, tuple(segments), tuple(names), wild, rest)


def folded_pattern(pattern: Pattern) -> Pattern:
    """Return a pattern for paths that went through `gateway.http.readings.folded`."""
    segments = tuple(None if segment is None else folded(segment) for segment in pattern.segments)
    return replace(pattern, segments=segments)


def _literal(segment: str) -> bytes:
    if segment.startswith(":") or "{" in segment or "}" in segment:
        raise ValueError(f"expected a parameter to be a whole segment, ':name' or '{{name}}', found {segment!r}")
    if "*" in segment:
        raise ValueError(f"expected '*' or '{{*name}}' only as the whole last segment, found {segment!r}")
    try:
        literal = normal_form(b"/" + segment.encode())[1:]
    except MalformedRequest as error:
        raise ValueError(f"expected a path of RFC 3986, found {segment!r}: {error}") from None
    if segment and not literal:
        raise ValueError("expected a path without '.' segments")
    return literal
