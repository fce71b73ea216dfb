"""A query of `name=value` pairs, as gateways, forms and most backends read it.

Layer 1. `;` separates nothing (the URL standard's `application/x-www-form-urlencoded`).
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from gateway.message import Request


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
        request.query = b"&".join(kept)
        # The path of the target and not `request.path`: a route may forward the normal form.
        path = request.target.partition(b"?")[0]
        request.target = path + (b"?" + request.query if request.query else b"")


def _pair(part: bytes) -> tuple[bytes, bytes]:
    name, _, value = part.partition(b"=")
    return decoded(name), decoded(value)
