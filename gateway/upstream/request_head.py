"""The head of a request as a backend gets it: written anew from what was understood."""

from __future__ import annotations

from typing import Final

from gateway.exchange import Exchange
from gateway.http.fields import FieldFilter, asks_for_connection, encode_passed
from gateway.message import Request

CONTENT_METHODS: Final = frozenset([b"POST", b"PUT", b"PATCH"])
"""Methods whose requests say that they have no content where they have none."""


def authenticates(exchange: Exchange) -> bool:
    """Whether what is sent for an exchange may authenticate the connection that it is sent on."""
    said = exchange.request.headers.index.get(b"authorization")
    if said is not None and asks_for_connection(said):
        return True
    for name, value in exchange.headers_out:
        if len(name) == 13 and name.lower() == b"authorization" and asks_for_connection(value):
            return True
    return False


class Heading:
    """Writes the heads of requests to one backend.

    Args:
        authority: The backend's own name, for a client of HTTP/1.0 that named none.
        host: What is sent as Host; None for what the client has sent.
        base: The path that everything is asked for below, without a slash at its end.
    """

    __slots__ = ("_authority", "_base", "_host")

    def __init__(self, authority: bytes, host: bytes | None = None, base: bytes = b"") -> None:
        self._authority = authority
        self._host = host
        self._base = base

    def encode(self, exchange: Exchange, passes: FieldFilter) -> bytes:
        """Write request line, fields that pass, those that steps added, forwarding and framing.

        Args:
            exchange: Whose request it is.
            passes: Which of the client's fields are copied.
        """
        request = exchange.request
        headers = request.headers
        # An empty Host would be allowed (RFC 9112 section 3.2), but nginx and Django answer it with 400.
        host = request.host or self._authority
        added = [b"%b: %b\r\n" % (name, value) for name, value in exchange.headers_out]
        return b"%b %b%b HTTP/1.1\r\nHost: %b\r\n%b%b%b%b\r\n" % (
            request.method,
            self._base,
            request.target,
            host if self._host is None else self._host,
            encode_passed(headers, passes),
            b"".join(added),
            exchange.forwarding.encode(headers, request.host, request.version),
            _framing(request),
        )


def _framing(request: Request) -> bytes:
    """Return the fields that say what follows the head of a request, and what is for this hop."""
    body = request.body
    index = request.headers.index
    lines = b""
    if body is not None:
        lines = b"Transfer-Encoding: chunked\r\n" if body.length is None else b"Content-Length: %d\r\n" % body.length
    elif b"content-length" in index or request.method in CONTENT_METHODS:
        lines = b"Content-Length: 0\r\n"
    if request.upgrade is not None:
        return lines + b"Connection: Upgrade\r\nUpgrade: %b\r\n" % request.upgrade
    if b"te" in index and b"trailers" in (request.headers.joined(b"te") or b"").lower():
        # RFC 9110 section 10.1.4: TE is for one hop; this is ours, and trailers do pass.
        return lines + b"Connection: TE\r\nTE: trailers\r\n"
    return lines
