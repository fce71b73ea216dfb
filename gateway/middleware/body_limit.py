"""Refuse requests with more content than the route takes."""

from __future__ import annotations

from gateway.errors import RequestTooLarge
from gateway.exchange import Exchange


class BodyLimit:
    """Hold a route's limit on request content.

    A declared length is judged at once; otherwise the body is cut off by the
    connection that reads it, at the octet that is one too many.

    Args:
        octets: Most octets of content.
    """

    name = "body_limit"
    __slots__ = ("_octets",)

    def __init__(self, octets: int) -> None:
        self._octets = octets

    def on_request(self, exchange: Exchange) -> None:
        """Set or apply the limit."""
        body = exchange.request.body
        if body is not None:
            body = body.origin
            if (body.length or body.received) > self._octets:
                raise RequestTooLarge()
            body.limit = self._octets
