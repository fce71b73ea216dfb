"""Whether a pattern matches all paths of another one, some, or none: asked for a limit with a `path` and a route.

Layer 2, used by `gateway.composition.builders.limits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from gateway.routing.expression import Expression
from gateway.routing.pattern import Pattern


class Overlap(Enum):
    """Which paths of one pattern another one matches."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


def overlap(pattern: Pattern, other: Pattern | Expression) -> Overlap:
    """Say which of the paths that `other` matches `pattern` matches too; SOME where only the paths themselves tell."""
    if isinstance(other, Expression):
        return Overlap.ALL if pattern.wild and not pattern.segments else Overlap.SOME
    found = Overlap.ALL
    for mine, theirs in zip(pattern.segments, other.segments, strict=False):
        if mine is None:
            if theirs == b"":
                return Overlap.NONE  # a parameter is never empty
        elif theirs is None:
            found = Overlap.SOME
        elif mine != theirs:
            return Overlap.NONE
    longer = len(pattern.segments) - len(other.segments)
    if longer > 0:
        return Overlap.SOME if other.wild else Overlap.NONE
    if longer < 0:
        return found if pattern.wild else Overlap.NONE
    return Overlap.SOME if other.wild and not pattern.wild else found


def overlap_of_all(pattern: Pattern, others: Sequence[Pattern | Expression]) -> Overlap:
    """Say which of the paths that any of several patterns matches `pattern` matches too."""
    found = {overlap(pattern, other) for other in others}
    return found.pop() if len(found) == 1 else Overlap.SOME


def matches(pattern: Pattern, path: bytes) -> bool:
    """Whether a pattern matches a path in normal form."""
    segments = path.split(b"/")[1:]
    if len(segments) < len(pattern.segments) or (len(segments) > len(pattern.segments) and not pattern.wild):
        return False
    return all(
        segment if mine is None else mine == segment for mine, segment in zip(pattern.segments, segments, strict=False)
    )
