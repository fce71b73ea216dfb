"""Gather the content of a short request before the exchange takes anything that others need.

That is a place in flight, a breaker's probe, a backend's connection: a client
that sends half of its content and stops would hold them for as long as it
likes (D-95). A body of known length up to `limits.request_buffer` is gathered first.
Longer bodies, bodies of unknown length, gRPC, and content that the client holds
back until the backend has said 100 stream from the start.
"""

from __future__ import annotations

from collections.abc import Awaitable

from gateway.exchange import Exchange
from gateway.filters import whole
from gateway.message import Request


class RequestBuffer:
    """Waits for the content of requests.

    Args:
        octets: Length of the longest body that is waited for.
    """

    name = "request_buffer"
    __slots__ = ("_octets",)

    def __init__(self, octets: int) -> None:
        self._octets = octets

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Wait where there is content still to come, and it is short enough."""
        body = exchange.request.body
        if body is None or not is_gathered(exchange.request, self._octets):
            return None
        return whole(body, self._octets)


def is_gathered(request: Request, octets: int) -> bool:
    """Whether content of this request is still to come, and is gathered before the exchange goes on.

    Args:
        request: A request whose head is complete.
        octets: `limits.request_buffer`.
    """
    body = request.body
    if body is None or body.ended or body.length is None or body.length > octets:
        return False
    headers = request.headers
    if (headers.get(b"content-type") or b"").lower().startswith(b"application/grpc"):
        return False  # in a gRPC stream client and backend may take turns
    # RFC 9110 section 10.1.1: a client that holds its content back is answered by the backend, so the head goes there.
    return b"expect" not in headers.index or body.received > 0
