"""Request ids: made for every exchange, or kept where a trusted proxy sent one."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import Headers
from gateway.message import Response
from gateway.middleware.request_id import RequestId

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


@pytest.fixture
def step() -> RequestId:
    """A step that trusts the exchange's peer."""
    return RequestId(os.urandom, trusted={"192.0.2.7"})


def test_an_id_is_made_and_sent_along(make: MakeExchange) -> None:
    """The exchange and the backend get the same UUID."""
    exchange = make()

    RequestId(os.urandom, trusted=()).on_request(exchange)

    assert uuid.UUID(exchange.request_id).version == 4
    assert exchange.headers_out == [(b"X-Request-ID", exchange.request_id.encode())]


@given(st.integers(min_value=0, max_value=255))
def test_ids_are_uuids_whatever_the_randomness(octet: int) -> None:
    """Version and variant are right for octets of any value."""
    made = uuid.UUID(RequestId(lambda count: bytes([octet]) * count, trusted=()).new())

    assert (made.version, made.variant) == (4, uuid.RFC_4122)
    assert made.bytes[0] == made.bytes[15] == octet


def test_ids_are_all_different() -> None:
    """Across batches too; each random bit is used once."""
    step = RequestId(os.urandom, trusted=())

    assert len({step.new() for _ in range(1000)}) == 1000


def test_randomness_is_asked_for_in_batches() -> None:
    """One call is enough for 256 ids."""
    asked = []

    def random_bytes(count: int) -> bytes:
        asked.append(count)
        return os.urandom(count)

    step = RequestId(random_bytes, trusted=())
    for _ in range(257):
        step.new()

    assert asked == [4608, 4608]


def test_a_trusted_proxys_id_is_kept(make: MakeExchange, step: RequestId) -> None:
    """Logs of the proxy and of the gateway can be put side by side."""
    exchange = make([(b"X-Request-Id", b"edge-7:4/a_b.c+d=")])

    step.on_request(exchange)

    assert exchange.request_id == "edge-7:4/a_b.c+d="
    assert exchange.headers_out == [(b"X-Request-ID", b"edge-7:4/a_b.c+d=")]


def test_anybody_elses_id_is_replaced(make: MakeExchange) -> None:
    """A client cannot choose what stands in the log."""
    exchange = make([(b"X-Request-Id", b"mine")])

    RequestId(os.urandom, trusted={"198.51.100.1"}).on_request(exchange)

    assert uuid.UUID(exchange.request_id).version == 4


@pytest.mark.parametrize("value", [b"", b"a b", b'a"b', b"a,b", b"x" * 129, b"\xff", b"a\n", b"a\x00"])
def test_an_odd_id_is_replaced_whoever_sent_it(make: MakeExchange, step: RequestId, value: bytes) -> None:
    """Only short ids of plain characters go into logs, headers and answers."""
    exchange = make([(b"X-Request-Id", value)])

    step.on_request(exchange)

    assert uuid.UUID(exchange.request_id).version == 4


def test_two_ids_are_none(make: MakeExchange, step: RequestId) -> None:
    """A backend could take either."""
    exchange = make([(b"X-Request-Id", b"one"), (b"x-request-id", b"two")])

    step.on_request(exchange)

    assert uuid.UUID(exchange.request_id).version == 4


def test_the_client_gets_the_id(make: MakeExchange, step: RequestId) -> None:
    """In place of the backend's field, after the other fields in their order."""
    exchange = make([(b"X-Request-Id", b"edge-7")])
    step.on_request(exchange)
    exchange.response = Response(
        200, Headers([(b"x-request-id", b"backend"), (b"Date", b"d"), (b"X-Request-ID", b"again"), (b"ETag", b"e")])
    )

    step.on_response(exchange)

    assert list(exchange.response.headers) == [(b"Date", b"d"), (b"ETag", b"e"), (b"X-Request-ID", b"edge-7")]


def test_a_response_that_was_looked_into_shows_the_new_id(make: MakeExchange, step: RequestId) -> None:
    """The index of its headers is up to date."""
    exchange = make([(b"X-Request-Id", b"edge-7")])
    step.on_request(exchange)
    exchange.response = Response(200, Headers([(b"X-Request-ID", b"backend")]))
    assert exchange.response.headers.get(b"x-request-id") == b"backend"

    step.on_response(exchange)

    assert exchange.response.headers.get_all(b"x-request-id") == [b"edge-7"]
