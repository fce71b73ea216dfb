"""What a message says of caches: its directives, what it varies on, times (RFC 9111).

Layer 1. What is doubtful is read so that it makes an answer older. Which answers are kept, and for how long, is decided
in `gateway.caching`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
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
_WRITTEN: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\",]*))?")
_WORD: Final = re.compile(rb"[0-9A-Za-z-]+")
_STRICT: Final = frozenset(
    [
        b"max-age",
        b"must-revalidate",
        b"no-cache",
        b"no-store",
        b"no-transform",
        b"private",
        b"proxy-revalidate",
        b"s-maxage",
    ]
)
"""Directives that forbid something, or that do where their argument is no number."""
_LISTS: Final = frozenset([b"no-cache", b"private"])
_MOST: Final = 1024
_LONGEST_REMEMBERED: Final = 256

_SHARED: Final = frozenset([b"public", b"s-maxage", b"private"])
_FOR_CDNS: Final = (b"CDN-Cache-Control", b"Surrogate-Control")


def directives(headers: Headers) -> Directives:
    """Return the directives of all of a message's `Cache-Control` lines; to be read only."""
    if b"cache-control" not in headers.index:
        return NONE
    return _remembered(headers.joined(b"cache-control") or b"")


def _read(field: bytes) -> Directives:
    """Return the directives of a field.

    Of one that is repeated with another argument, the smaller number counts; one that is no number counts as 0
    (`seconds`). Field names of a directive that is repeated are joined; without names it means all fields. Of what is
    not well-formed (`private; max-age=60`), the words that forbid something count: who wrote it meant them.
    """
    found: dict[bytes, bytes] = {}
    place = 0
    while place < len(field):
        directive = _DIRECTIVE.match(field, place)
        if directive is None:
            behind = field.find(b",", place) + 1 or len(field)
            for word in _WORD.findall(field[place:behind]):
                if word.lower() in _STRICT:
                    found[word.lower()] = b""
            place = behind
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


def field_names(argument: bytes) -> tuple[bytes, ...]:
    """Return the lower-case field names that a directive lists."""
    return tuple(name for part in argument.split(b",") if (name := part.strip(b" \t").lower()))


def _date(text: bytes) -> float | None:
    try:
        read = parsedate_to_datetime(text.decode("latin-1"))
        # The form of asctime names no zone; it is never that of the machine.
        return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


date: Final = remembered(_date, _MOST, 64)
"""Return an HTTP date as Unix seconds; None where it is none (RFC 9110 section 5.6.7)."""


def age(headers: Headers) -> float:
    """Return the seconds by which an answer was old when it came, by what other caches said of it (section 5.1)."""
    return max(seconds(part.strip(b" \t")) or 0.0 for part in (headers.joined(b"age") or b"").split(b","))


def keep_from_shared_caches(headers: Headers) -> None:
    """Change an answer that a shared cache may keep so that only the client's own may; freshness stays as it was.

    For an answer that holds something for this client alone. Fields that a CDN heeds in place of `Cache-Control`
    (RFC 9213 section 2.2, and `Surrogate-Control`) go.
    """
    said = directives(headers)
    if b"no-store" in said or said.get(b"private") == b"":
        return
    found = _WRITTEN.finditer(headers.joined(b"cache-control") or b"")
    kept = [directive[0] for directive in found if directive[1].lower() not in _SHARED]
    headers.set(b"Cache-Control", b", ".join([*kept, b"private"]))
    for name in _FOR_CDNS:
        headers.remove(name)


def varies(headers: Headers) -> tuple[bytes, ...] | None:
    """Return the names (lower case) that `Vary` lists; None for `*`: the answer fits no other request."""
    names = {name.strip(b" \t").lower() for name in (headers.joined(b"vary") or b"").split(b",")} - {b""}
    return None if b"*" in names else tuple(sorted(names))


def add_vary(headers: Headers, names: bytes) -> None:
    """Say in `Vary` that an answer was chosen by some request fields, where it does not say so already.

    Args:
        headers: Of the answer.
        names: As they are written in `Vary`.
    """
    if b"vary" not in headers.index:
        headers.add(b"Vary", names)
        return
    said = varies(headers)
    if said is not None and not set(said).issuperset(name.strip(b" \t").lower() for name in names.split(b",")):
        headers.add(b"Vary", names)
