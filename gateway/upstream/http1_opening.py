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

Dial = Callable[[Callable[[], IProtocol]], "Deferred[IProtocol]"]
"""Opens a connection to a backend for the protocol that is made."""


def speaking_http1(dial: Dial, authority: bytes, response_header: int) -> Connect:
    """Return what opens connections of HTTP/1.1 to one backend.

    Args:
        dial: Opens them.
        authority: The backend's host and port, for requests of clients that name none.
        response_header: Most octets of the head of an answer.
    """
    memo = ResponseMemo()  # one backend answers with the same heads on all of its connections

    def connect(keeper: Keeper) -> Deferred[Connection]:
        protocol = dial(lambda: cast("IProtocol", Http1Connection(keeper, authority, response_header, memo)))
        return cast("Deferred[Connection]", protocol)

    return connect
