"""The cookies of a request (RFC 6265 section 4.2), as browsers send them and most servers read them.

Layer 1. Pairs are told apart by `;` alone, also inside quotes, as RFC 6265 section 5.2 has it. A client may show
several cookies of one name: one for another path or domain, or one that somebody else has set for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.headers import Headers

COOKIE = b"cookie"


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


def _without(line: bytes, name: bytes) -> bytes | None:
    """Return the line without the cookies of this name; None where nothing is left of it."""
    pairs = line.split(b";")
    kept = [pair for pair in pairs if pair.partition(b"=")[0].strip(b" \t") != name]
    if len(kept) == len(pairs):
        return line
    # The blank after a `;` goes with the cookie that stood before it.
    rest = b";".join(kept) if kept and kept[0] is pairs[0] else b";".join(kept).lstrip(b" \t")
    return rest if rest.strip(b" \t") else None
