"""What is waited for, and what is not; the rest of it is in `tests/flow/test_dawdlers.py`."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from gateway.body import Body
from gateway.errors import ClientAborted
from gateway.middleware.request_buffer import RequestBuffer, whole
from tests.middleware.conftest import MakeExchange


@pytest.mark.parametrize(
    ("length", "ended", "waits"), [(10, False, True), (11, False, False), (None, False, False), (10, True, False)]
)
def test_only_short_bodies_of_known_length_are_waited_for(
    make: MakeExchange, length: int | None, ended: bool, waits: bool
) -> None:
    """With all of the content there, nothing is done."""
    exchange = make()
    body = exchange.request.body = Body(length=length)
    if ended:
        body.end()
    assert (RequestBuffer(10).on_request(exchange) is not None) is waits


def test_a_request_without_content_goes_on_at_once(make: MakeExchange) -> None:
    """The usual case."""
    assert RequestBuffer(10).on_request(make()) is None


def test_the_whole_is_there_when_it_has_ended() -> None:
    """Nothing is taken from it."""
    body = Body(length=2)
    done = whole(body)
    body.push(b"a")
    body.push(b"b")
    assert not done.called
    body.end()
    assert done.called
    assert body.take() == b"ab"


def test_a_body_that_breaks_off_fails() -> None:
    """Its client is gone."""
    body = Body(length=2)
    seen: list[object] = []
    done: Deferred[None] = whole(body)
    done.addErrback(lambda failure: seen.append(failure.type))
    body.fail()
    assert seen == [ClientAborted]


def test_who_waits_no_more_is_told_nothing() -> None:
    """The exchange was ended by something else."""
    body = Body(length=2)
    seen: list[object] = []
    done = whole(body)
    done.addErrback(lambda failure: seen.append(failure.type))
    done.cancel()
    body.end()
    assert seen == [CancelledError]
