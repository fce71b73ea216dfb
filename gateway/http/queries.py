"""A query of `name=value` pairs, as gateways, forms and most backends read it.

Layer 1. `;` separates nothing (the URL standard's `application/x-www-form-urlencoded`).
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.http.cookies import read_as
from gateway.message import Request

_split: Final = re.compile(rb"([&;])").split


def decoded(text: bytes) -> bytes:
    """Return a name or a value, `+` and escapes decoded."""
    if b"%" in text or b"+" in text:
        return unquote_to_bytes(text.replace(b"+", b" "))
    return text


def pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Take a query apart, names and values decoded."""
    return [_pair(part) for part in query.split(b"&") if part]


def take_out(request: Request, name: bytes) -> None:
    """Take a parameter out of a request's target, however its name is written; the rest stays as it was.

    Args:
        request: Of a client.
        name: Of the parameter, decoded.
    """
    query = request.query
    if not query or not (name in query or b"%" in query or b"+" in query):
        return
    parts = query.split(b"&")
    kept = [part for part in parts if not part or _pair(part)[0] != name]
    if len(kept) != len(parts):
        _set_query(request, b"&".join(kept))


def take_out_alike(request: Request, names: frozenset[bytes], kept: bytes | None = None) -> None:
    """Take parameters out of a request's target, in every spelling that a server may read as one of their names.

    Args:
        request: Of a client.
        names: The names, as `gateway.http.fields.folded` has them in lower case.
        kept: A name that stays where it is written just so, once decoded.
    """
    # Some servers end a parameter at `;` too.
    parts = _split(request.query)
    pairs_left = [
        (separator, part)
        for separator, part in zip([b"", *parts[1::2]], parts[::2], strict=True)
        if (name := _pair(part)[0]) == kept or read_as(name) not in names
    ]
    if len(pairs_left) * 2 - 1 != len(parts):
        _set_query(request, b"".join(separator + part for separator, part in pairs_left).lstrip(b"&;"))


def _set_query(request: Request, query: bytes) -> None:
    request.query = query
    # The path of the target and not `request.path`: a route may forward the normal form.
    path = request.target.partition(b"?")[0]
    request.target = path + (b"?" + query if query else b"")


def _pair(part: bytes) -> tuple[bytes, bytes]:
    name, _, value = part.partition(b"=")
    return decoded(name), decoded(value)
