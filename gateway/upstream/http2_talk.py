"""What connections of HTTP/2 to one backend have in common.

Tests: `tests/flow/test_http2_backends.py::test_a_connection_that_takes_fewer_than_was_thought`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.http2.engine import EngineOptions
from gateway.http2.fields import AnswerBlocks
from gateway.http2.windows import of_backend
from gateway.upstream.http2_head import Http2Heading

_FIELDS: Final = 1000
"""Fields of a head; its octets are bounded by `limits.response_header`."""


class Talk:
    """How one backend is talked to.

    Args:
        heading: Makes the heads of requests.
        response_header: Most octets of the head of an answer.
        most: Streams at once on a connection, by the configuration.
        later: Calls something at the end of the reactor's turn.

    Attributes:
        heading: As given.
        later: As given.
        limit: As `most` was given.
        memo: Heads that the backend has answered with before.
        most: Streams at once, as far as the backend has said how many it takes.
        options: Of engines.
    """

    __slots__ = ("heading", "later", "limit", "memo", "most", "options")

    def __init__(
        self, heading: Http2Heading, response_header: int, most: int, later: Callable[[Callable[[], None]], object]
    ) -> None:
        self.heading = heading
        self.later = later
        self.limit = self.most = most
        self.memo = AnswerBlocks()
        self.options = EngineOptions(
            streams=0, head=response_header, fields=_FIELDS, connection_window=of_backend(most)
        )
