"""The limit on request content."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from gateway.body import Body
from gateway.errors import RequestTooLarge
from gateway.filters import Recording, through
from gateway.middleware.body_limit import BodyLimit

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


def test_no_content_is_never_too_much(make: MakeExchange) -> None:
    """A request without a body passes any limit."""
    BodyLimit(1).on_request(make())


@pytest.mark.parametrize(("length", "refused"), [(0, False), (10, False), (11, True), (sys.maxsize + 1, True)])
def test_a_declared_length_is_judged_at_once(make: MakeExchange, length: int, refused: bool) -> None:
    """A length of exactly the limit passes."""
    exchange = make()
    exchange.request.body = Body(length=length)
    if refused:
        with pytest.raises(RequestTooLarge):
            BodyLimit(10).on_request(exchange)
    else:
        BodyLimit(10).on_request(exchange)


@pytest.mark.parametrize(("come", "refused"), [(0, False), (10, False), (11, True)])
def test_what_has_come_already_is_judged(make: MakeExchange, come: int, refused: bool) -> None:
    """Content in chunks may arrive with its head."""
    exchange = make()
    exchange.request.body = Body()
    if come:
        exchange.request.body.push(b"x" * come)
    if refused:
        with pytest.raises(RequestTooLarge):
            BodyLimit(10).on_request(exchange)
    else:
        BodyLimit(10).on_request(exchange)


def test_what_is_to_come_is_left_to_the_body(make: MakeExchange) -> None:
    """The body has the limit from then on."""
    exchange = make()
    exchange.request.body = Body()
    BodyLimit(10).on_request(exchange)

    assert exchange.request.body.limit == 10


def test_the_limit_is_on_what_the_client_sends(make: MakeExchange) -> None:
    """And not on what a filter that an earlier step has hung makes of it."""
    exchange = make()
    body = Body()
    filtered = exchange.request.body = through(body, Recording(0))
    BodyLimit(10).on_request(exchange)
    assert (body.limit, filtered.limit) == (10, sys.maxsize)
