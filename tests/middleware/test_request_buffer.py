"""Which requests are gathered, and which are not; `tests/flow/test_dawdlers.py` has the whole gateway."""

from __future__ import annotations

import pytest

from gateway.body import Body
from gateway.middleware.request_buffer import RequestBuffer
from tests.middleware.conftest import MakeExchange


@pytest.mark.parametrize(
    ("length", "ended", "waits"), [(10, False, True), (11, False, False), (None, False, False), (10, True, False)]
)
def test_only_short_bodies_of_known_length_are_waited_for(
    make: MakeExchange, length: int | None, ended: bool, waits: bool
) -> None:
    """And only where content is still to come."""
    exchange = make()
    body = exchange.request.body = Body(length=length)
    if ended:
        body.end()
    assert (RequestBuffer(10).on_request(exchange) is not None) is waits


def test_a_request_without_content_goes_on_at_once(make: MakeExchange) -> None:
    """The usual case."""
    assert RequestBuffer(10).on_request(make()) is None
