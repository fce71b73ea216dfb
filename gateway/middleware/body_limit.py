"""Refuse requests with more content than the route takes."""

from __future__ import annotations

from gateway.errors import RequestTooLarge
from gateway.exchange import Exchange


class BodyLimit:
    """Hold a route's limit on request content.

    A request whose Content-Length is over the limit is refused at once. Of any
    other body the connection counts what it reads, and refuses the request at
    the first octet over the limit.

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
