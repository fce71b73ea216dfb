"""The content of a request that was not all there when its head was written to a backend of HTTP/1.1.

Tests: `tests/flow/test_streaming.py::test_64_mib_up`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.body import Body
from gateway.headers import Headers
from gateway.http.fields import request_filter, trailer_filter
from gateway.http.messages import chunk, last_chunk

_TRAILERS = trailer_filter(request_filter(frozenset()))


class Upload:
    """Writes what comes from the client (`gateway.body.BodySink`).

    Args:
        body: Where it comes from.
        transport: Where it goes.
        ended: Called when all of it is written.
        failed: Called when it will never be complete: the client is gone.
    """

    __slots__ = ("_chunked", "_ended", "_failed", "_transport", "body")

    def __init__(self, body: Body, transport: Any, ended: Callable[[], None], failed: Callable[[], None]) -> None:
        self.body = body
        self._chunked = body.length is None
        self._transport = transport
        self._ended = ended
        self._failed = failed

    def body_received(self, data: bytes) -> None:
        self._transport.write(chunk(data) if self._chunked else data)

    def body_ended(self, trailers: Headers | None) -> None:
        if self._chunked:
            self._transport.write(last_chunk(trailers, _TRAILERS))
        self._ended()

    def body_failed(self) -> None:
        self._failed()


def beginning(body: Body) -> bytes:
    """Take what is there of a request's content, as it goes behind the head, with its end where that is there."""
    data = body.take()
    if body.length is not None:
        return data
    data = chunk(data) if data else data
    return data + last_chunk(body.trailers, _TRAILERS) if body.ended else data
