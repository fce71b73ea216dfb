"""The head of a request as a backend of HTTP/2 gets it: written anew from what was understood.

The same fields as in HTTP/1.1 (`gateway.upstream.request_head`), but for those that are for one connection.

Tests: `tests/flow/test_http2_backends.py::test_a_request_to_http2`.
"""

from __future__ import annotations

from math import inf
from typing import Final

from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http import grpc
from gateway.http.fields import FieldFilter, encode_passed, request_filter, trailer_filter
from gateway.http2.events import Pairs
from gateway.http2.fields import OutwardLines, lines_outward, outward
from gateway.upstream.request_head import CONTENT_METHODS

_TRAILERS: Final = trailer_filter(request_filter(frozenset()))

_ATTEMPTS: Final = b"grpc-previous-rpc-attempts"

OutwardField = tuple[bytes, bytes]


class Http2Heading:
    """Makes the heads of requests to one backend.

    Args:
        scheme: `b"http"` or `b"https"`, as the connection is.
        authority: The backend's own name, for a client of HTTP/1.0 that named none.
        host: What is sent as `:authority`; None for what the client has sent.
        base: The path that everything is asked for below, without a slash at its end.
    """

    __slots__ = ("_authority", "_base", "_host", "_memo", "_scheme")

    def __init__(self, scheme: bytes, authority: bytes, host: bytes | None = None, base: bytes = b"") -> None:
        self._scheme = scheme
        self._authority = authority
        self._host = host
        self._base = base
        self._memo = OutwardLines()

    def pseudo(self, exchange: Exchange) -> Pairs:
        """Return what is asked for.

        Args:
            exchange: Whose request it is.
        """
        request = exchange.request
        host = self._host
        if host is None:
            host = request.host or self._authority
        return (
            (b":method", request.method),
            (b":scheme", self._scheme),
            (b":authority", host),
            (b":path", self._base + request.target),
        )

    def fields(self, exchange: Exchange, passes: FieldFilter) -> list[OutwardField]:
        """Return fields that pass, those that steps added, forwarding, the length of content, and `te`.

        Args:
            exchange: Whose request it is.
            passes: Which of the client's fields are copied.
        """
        request = exchange.request
        headers = request.headers
        memo = self._memo
        fields = list(lines_outward(encode_passed(headers, passes), memo))
        if exchange.headers_out:
            fields += outward([(name.lower(), name, value) for name, value in exchange.headers_out])
        fields += lines_outward(exchange.forwarding.encode(headers, request.host, request.version), memo)
        body = request.body
        index = headers.index
        if body is not None:
            if body.length is not None:
                fields.append((b"content-length", b"%d" % body.length))
        elif b"content-length" in index or request.method in CONTENT_METHODS:
            fields.append((b"content-length", b"0"))
        te = index.get(b"te")
        if te is not None and (te == b"trailers" or b"trailers" in (headers.joined(b"te") or b"").lower()):
            fields.append((b"te", b"trailers"))  # RFC 9110 section 10.1.4: it is for one hop; this is ours
        return fields


def with_time_left(fields: list[OutwardField], exchange: Exchange, now: float) -> list[OutwardField]:
    """Return the fields of a request with as much in `grpc-timeout` as is left of it.

    Args:
        fields: Those that pass.
        exchange: Whose request it is.
        now: Monotonic seconds.
    """
    until = grpc.deadline_of(exchange.request, exchange.started)
    if until == inf:
        return fields
    left = grpc.timeout(until - now)
    return [(name, left if name == b"grpc-timeout" else value) for name, value in fields]


def with_attempts(fields: list[OutwardField], exchange: Exchange) -> list[OutwardField]:
    """Return the fields of a call with how many attempts were made before this one, the client's own included.

    Args:
        fields: Those that pass.
        exchange: Whose request it is; more than one attempt was made.
    """
    if not grpc.is_call(exchange.request):
        return fields
    said = exchange.request.headers.index.get(_ATTEMPTS, b"")
    before = int(said) if said.isdigit() and len(said) < 10 else 0
    return [
        *[field for field in fields if field[0] != _ATTEMPTS],
        (_ATTEMPTS, b"%d" % (before + exchange.attempts - 1)),
    ]


def request_trailers(trailers: Headers | None) -> list[OutwardField]:
    """Return the trailers of a request that a backend gets."""
    if trailers is None:
        return []
    return [(lower, value) for lower, _, value in trailers.fields if _TRAILERS[lower]]
