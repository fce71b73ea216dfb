r"""The different paths that servers may read one path as.

Layer 1, asked by `gateway.routing.agreement` for the few paths that can be read
in more than one way.

# Note [Readings]
A server changes a path step by step: it decodes `%2F`, takes `\` for `/`,
merges slashes, resolves dot segments, drops parameters. Servers differ in which
steps they take and in which order, and a proxy in front of them may have taken
some already (nginx decodes, then resolves; gunicorn does neither, and the
application in it decodes; Tomcat drops parameters first). So the readings of a
path are all paths that these steps make of it, in any order and any number of
times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from enum import StrEnum
from typing import Final
from urllib.parse import quote_from_bytes, unquote

from gateway.http.paths import merged, plain, resolved, respelled


class Reading(StrEnum):
    """A kind of thing in a path that servers disagree about."""

    DOTS = "dots"
    SLASHES = "slashes"
    PARAMS = "params"
    TRAILING_SLASH = "trailing_slash"
    CASE = "case"
    ESCAPES = "escapes"


MOST: Final = 64
"""Readings of one path; a path with more is refused. Paths in honest use have three or four."""

MOST_OCTETS: Final = 64 * 1024
"""Octets of all readings of one path together; a path with more is refused. Bounds the work that a request causes."""

Step = Callable[[bytes], bytes]

_DOT_PARAMS: Final = re.compile(rb"(/\.\.?)(?:;|%3B)[^/]*")
_PARAMS: Final = re.compile(rb";[^/]*")


def _resolved_as_ours(path: bytes) -> bytes:
    return resolved(path.replace(b"%2E", b"."))


def _slash_added(path: bytes) -> bytes:
    return path if path.endswith(b"/") else path + b"/"


def _slash_removed(path: bytes) -> bytes:
    return path[:-1] if path.endswith(b"/") and len(path) > 1 else path


STEPS: Final[dict[Reading, tuple[Step, ...]]] = {
    Reading.DOTS: (
        lambda path: path.replace(b"%2E", b"."),
        lambda path: _DOT_PARAMS.sub(rb"\1", path),  # "/..;x/" is "/../" to servlet containers
        resolved,
    ),
    Reading.SLASHES: (
        lambda path: path.replace(b"%2F", b"/"),
        lambda path: path.replace(b"%5C", b"\\"),
        lambda path: path.replace(b"\\", b"/"),
        merged,
    ),
    Reading.PARAMS: (
        lambda path: path.replace(b"%3B", b";"),
        lambda path: _PARAMS.sub(b"", path),
    ),
    Reading.TRAILING_SLASH: (_slash_added, _slash_removed),
    Reading.ESCAPES: (respelled,),
    Reading.CASE: (),  # no step: paths are compared by `folded`
}
"""The steps by which a server may change a path, by what they change in it."""

_SEEN: Final = {
    Reading.DOTS: rb"/(?:\.|%2[Ee]){1,2}(?:[/;\\]|%(?:2[Ff]|3[Bb]|5[Cc])|\Z)",
    Reading.SLASHES: rb"//|\\|%2[Ff]|%5[Cc]",
    Reading.PARAMS: rb";|%3[Bb]",
    Reading.TRAILING_SLASH: rb".",
    Reading.CASE: rb".",
    Reading.ESCAPES: rb"%",
}


class Readings:
    """Finds the readings of paths.

    Args:
        kinds: What the servers behind the gateway may disagree about.

    Attributes:
        concern: Finds something in a path that may be read in another way; a path without has one reading.
        always: Whether `concern` may find something in a path that is in normal form.
    """

    def __init__(self, kinds: Collection[Reading]) -> None:
        self._steps = [step for kind in Reading if kind in kinds for step in STEPS[kind]]
        self._resolves = Reading.DOTS not in kinds
        if self._resolves and Reading.SLASHES in kinds:
            self._steps.append(_resolved_as_ours)  # `normal_form` resolves before it merges slashes: so may a server
        self._merges = Reading.SLASHES not in kinds
        self._decodes = Reading.ESCAPES not in kinds
        self.folds_case = Reading.CASE in kinds
        seen = b"|".join(_SEEN[kind] for kind in Reading if kind in kinds)
        self.concern = re.compile(seen or rb"(?!)", re.DOTALL).search
        self.always = not {Reading.PARAMS, Reading.TRAILING_SLASH, Reading.CASE}.isdisjoint(kinds)

    def of(self, path: bytes) -> Iterator[bytes]:
        """Yield the readings of a path, each spelled as patterns are.

        Args:
            path: The path that is forwarded; `gateway.http.paths.check_path` has let it pass.

        Raises:
            MalformedRequest: A reading leads above the root.
            TooManyReadings: There are more than MOST, or they have more than MOST_OCTETS.
        """
        start = respelled(path, self._decodes)
        found = {start}
        waiting = [start]
        left = MOST_OCTETS
        while waiting:
            one = waiting.pop()
            left -= len(one)
            if left < 0 or len(found) > MOST:
                raise TooManyReadings()
            yield plain(self._as_we_do(one))
            for step in self._steps:
                other = step(one)
                if other not in found:
                    found.add(other)
                    waiting.append(other)

    def _as_we_do(self, path: bytes) -> bytes:
        """Take the gateway's own steps for kinds that servers do not disagree about."""
        if self._resolves:
            path = _resolved_as_ours(path)
        return merged(path) if self._merges else path


class TooManyReadings(Exception):
    """A path has more readings than are followed."""


def folded(path: bytes) -> bytes:
    """Return a path as it is compared by a server that does not tell upper from lower case."""
    return b"/".join([_folded(segment) if b"%" in segment else segment.lower() for segment in path.split(b"/")])


def _folded(segment: bytes) -> bytes:
    text = unquote(segment.decode(), errors="surrogateescape").casefold()
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe="!$&'()*+,;=:@").encode()
