"""What `Cache-Control` says, read so that what is doubtful makes an answer older (RFC 9111 section 5.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from gateway.headers import Headers
from gateway.http.remembered import remembered

Directives = Mapping[bytes, bytes]
"""Arguments of directives by their lower-case names; empty for a directive without one."""

LONGEST: Final = 2**31
"""Seconds; RFC 9111 section 1.2.2: a longer time counts as this one."""

NONE: Final[Directives] = {}

_DIRECTIVE: Final = re.compile(
    rb"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\",]*)))?[ \t]*(?:,|\Z)"
)
_LISTS: Final = frozenset([b"no-cache", b"private"])
_MOST: Final = 1024
_LONGEST_REMEMBERED: Final = 256


def directives(headers: Headers) -> Directives:
    """Return the directives of all of a message's `Cache-Control` lines; to be read only."""
    if b"cache-control" not in headers.index:
        return NONE
    return _remembered(headers.joined(b"cache-control") or b"")


def _read(field: bytes) -> Directives:
    """Return the directives of a field.

    Of one that is repeated with another argument, the smaller number counts; one that is no number counts as 0
    (`seconds`). Field names of a directive that is repeated are joined; without names it means all fields.
    """
    found: dict[bytes, bytes] = {}
    place = 0
    while place < len(field):
        directive = _DIRECTIVE.match(field, place)
        if directive is None:
            # Not well-formed: go on behind the next comma.
            place = field.find(b",", place) + 1 or len(field)
            continue
        place = directive.end()
        name, argument = directive[1].lower(), directive[2] or directive[3] or b""
        before = found.get(name)
        if before is None or before == argument:
            found[name] = argument
        elif name in _LISTS:
            found[name] = b"%b,%b" % (before, argument) if before and argument else b""
        else:
            found[name] = min(before, argument, key=lambda text: seconds(text) or 0.0)
    return found


_remembered: Final = remembered(_read, _MOST, _LONGEST_REMEMBERED)


def seconds(text: bytes | None) -> float | None:
    """Return a number of seconds; None for what is none."""
    if text is None or not text.isdigit():
        return None
    return float(LONGEST if len(text) > 10 else min(int(text), LONGEST))


def names(argument: bytes) -> tuple[bytes, ...]:
    """Return the lower-case field names that a directive lists."""
    return tuple(name for part in argument.split(b",") if (name := part.strip(b" \t").lower()))


def _date(text: bytes) -> float | None:
    try:
        return parsedate_to_datetime(text.decode("latin-1")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


date: Final = remembered(_date, _MOST, 64)
"""Return an HTTP date as Unix seconds; None where it is none (RFC 9110 section 5.6.7)."""
