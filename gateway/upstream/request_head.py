"""The head of a request as a backend gets it: written anew from what was understood.

Tests: `tests/upstream/test_http1_connection.py::test_an_answer_in_one_read`.
"""

from __future__ import annotations

from gateway.exchange import Exchange
from gateway.http.fields import FieldFilter, asks_for_connection, encode_passed

_CONTENT_METHODS = frozenset([b"POST", b"PUT", b"PATCH"])


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

    What the backend is called, and what stands before the paths that clients ask for, is worked into a template when
    the connections are set up: a request costs the same whatever it says.

    Args:
        authority: The backend's own name, for a client of HTTP/1.0 that named none.
        host: What is sent as Host; None for what the client has sent.
        base: The path that everything is asked for below, without a slash at its end.
    """

    __slots__ = ("_authority", "_template")

    def __init__(self, authority: bytes, host: bytes | None = None, base: bytes = b"") -> None:
        self._authority = authority
        # `%.0b` takes the client's host and writes nothing of it.
        said = b"%b" if host is None else b"%b%%.0b" % host.replace(b"%", b"%%")
        self._template = b"%%b %b%%b HTTP/1.1\r\nHost: %b\r\n" % (base.replace(b"%", b"%%"), said)

    def encode(self, exchange: Exchange, passes: FieldFilter) -> bytes:
        """Write request line, fields that pass, those that steps added, forwarding and framing.

        Args:
            exchange: Whose request it is.
            passes: Which of the client's fields are copied.
        """
        request = exchange.request
        # An empty Host would be allowed (RFC 9112 section 3.2), but nginx and Django answer it with 400.
        host = request.host or self._authority
        lines = [
            self._template % (request.method, request.target, host),
            encode_passed(request.headers, passes),
        ]
        lines += [b"%b: %b\r\n" % field for field in exchange.headers_out]
        lines.append(exchange.forwarding.encode(request.headers, request.host, request.version))
        body = request.body
        if body is not None:
            if body.length is None:
                lines.append(b"Transfer-Encoding: chunked\r\n")
            else:
                lines.append(b"Content-Length: %d\r\n" % body.length)
        elif b"content-length" in request.headers.index or request.method in _CONTENT_METHODS:
            lines.append(b"Content-Length: 0\r\n")
        if request.upgrade is not None:
            lines.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % request.upgrade)
        elif b"te" in request.headers.index and b"trailers" in (request.headers.joined(b"te") or b"").lower():
            # RFC 9110 section 10.1.4: TE is for one hop; this is ours, and trailers do pass.
            lines.append(b"Connection: TE\r\nTE: trailers\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)
