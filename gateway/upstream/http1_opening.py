"""Opens connections of HTTP/1.1 for the pool of a backend.

Tests: `tests/flow/test_answers.py::test_every_answer_names_its_exchange`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol

from gateway.http1.response_parser import ResponseMemo
from gateway.upstream.contract import Connect, Connection, Keeper
from gateway.upstream.http1_connection import Http1Connection
from gateway.upstream.request_head import Heading

Dial = Callable[[Callable[[], IProtocol]], "Deferred[IProtocol]"]
"""Opens a connection to a backend for the protocol that is made."""


def speaking_http1(dial: Dial, heading: Heading, response_header: int, memo: ResponseMemo | None = None) -> Connect:
    """Return what opens connections of HTTP/1.1 to one backend.

    Args:
        dial: Opens them.
        heading: Writes the heads of requests.
        response_header: Most octets of the head of an answer.
        memo: Heads that the backend has answered with before, where others open connections to it too.
    """
    memo = memo or ResponseMemo()  # one backend answers with the same heads on all of its connections

    def connect(keeper: Keeper) -> Deferred[Connection]:
        protocol = dial(lambda: cast("IProtocol", Http1Connection(keeper, heading, response_header, memo)))
        return cast("Deferred[Connection]", protocol)

    return connect
