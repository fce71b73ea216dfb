"""The cookies of a request (RFC 6265 section 4.2), as browsers send them and most servers read them.

Layer 1. Pairs are told apart by `;` alone, also inside quotes, as RFC 6265 section 5.2 has it. A client may show
several cookies of one name: one for another path or domain, or one that somebody else has set for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from gateway.headers import Headers
from gateway.http.fields import folded

COOKIE = b"cookie"

# Some servers end a cookie at a comma too (RFC 2965).
_split = re.compile(rb"([;,])").split
_after_blank = re.compile(rb"(?<=[^ \t])[ \t]+([^ \t=]+)[ \t]*=").finditer


def values(headers: Headers, name: bytes) -> Iterator[bytes]:
    """Yield the values of the cookies of this name, in the order in which they came."""
    # One line (RFC 6265 section 5.4), which HTTP/2 may split (RFC 9113 section 8.2.3).
    for line in headers.get_all(COOKIE):
        for pair in line.split(b";"):
            found, _, value = pair.partition(b"=")
            if found.strip(b" \t") == name:
                yield value.strip(b" \t")


def take_out(headers: Headers, name: bytes) -> None:
    """Take every cookie of this name out of a request; the others stay as they were, octet by octet."""
    if name in (headers.joined(COOKIE) or b""):
        headers.rewrite(COOKIE, lambda line: _without(line, name))


def take_out_alike(headers: Headers, names: frozenset[bytes], kept: bytes | None = None) -> None:
    """Take cookies out of a request, in every spelling that a server may read as one of some names.

    Args:
        headers: Of the request.
        names: The names, as `read_as` gives them.
        kept: A name that stays where it is written just so.
    """
    line = headers.joined(COOKIE) or b""
    read = folded(line.lower())
    if b"%" in line or any(name in read for name in names):
        headers.rewrite(COOKIE, lambda line: _without_alike(line, names, kept))


def read_as(name: bytes) -> bytes:
    """Return what a server may take a name for: PHP reads `access.token` and `access_token[0]` as `access_token`."""
    return folded(name.partition(b"[")[0].strip().lower())


def _without_alike(line: bytes, names: frozenset[bytes], kept: bytes | None) -> bytes | None:
    parts = _split(line)
    # A pair goes with the separator before it.
    pairs = list(zip([b"", *parts[1::2]], parts[::2], strict=True))
    stay = [
        separator + _cut(pair, names)
        for separator, pair in pairs
        if not _is_alike(pair, names, None if separator == b"," else kept)
    ]
    left = b"".join(stay)
    return line if left == line else left.lstrip(b";, \t") or None


def _cut(pair: bytes, names: frozenset[bytes]) -> bytes:
    """Cut a pair off where another begins after a blank, for servers that end a cookie there (Python's module does)."""
    for found in _after_blank(pair):
        if read_as(found[1]) in names:
            return pair[: found.start()]
    return pair


def _is_alike(pair: bytes, names: frozenset[bytes], kept: bytes | None) -> bool:
    if pair.partition(b"=")[0].strip(b" \t") == kept:
        return False
    # A cookie may have no name, and be sent as `=NAME=VALUE`.
    name = pair.lstrip(b"= \t").partition(b"=")[0]
    return read_as(name) in names or (b"%" in name and read_as(unquote_to_bytes(name)) in names)


def _without(line: bytes, name: bytes) -> bytes | None:
    """Return the line without the cookies of this name; None where nothing is left of it."""
    pairs = line.split(b";")
    kept = [pair for pair in pairs if pair.partition(b"=")[0].strip(b" \t") != name]
    if len(kept) == len(pairs):
        return line
    # The blank after a `;` goes with the cookie that stood before it.
    rest = b";".join(kept) if kept and kept[0] is pairs[0] else b";".join(kept).lstrip(b" \t")
    return rest if rest.strip(b" \t") else None
