"""The status and the log level of an exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import (
    BackendReset,
    BackendTimeout,
    ClientAborted,
    GatewayError,
    InternalError,
    MethodUnknown,
    PoolExhausted,
    RouteNotFound,
)
from gateway.message import Response
from gateway.middleware.outcome import level_of, status_of

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


def test_the_status_is_what_the_client_got(make: MakeExchange) -> None:
    """Also where the answer broke off after its head."""
    exchange = make()
    exchange.response = Response(200)
    exchange.error = BackendReset()

    assert status_of(exchange) == 200


@pytest.mark.parametrize(("error", "status"), [(None, 499), (ClientAborted(), 499), (BackendTimeout(), 504)])
def test_without_an_answer_it_is_that_of_the_cause(make: MakeExchange, error: GatewayError | None, status: int) -> None:
    """The status of the error; 499 where the client went away."""
    exchange = make()
    exchange.error = error

    assert status_of(exchange) == status


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (None, "info"),
        (RouteNotFound(), "warn"),
        (ClientAborted(), "warn"),
        (MethodUnknown(), "warn"),
        (BackendTimeout(), "error"),
        (PoolExhausted(), "error"),
        (InternalError(), "error"),
    ],
)
def test_an_error_is_for_those_who_can_do_something_about_it(
    make: MakeExchange, error: GatewayError | None, level: str
) -> None:
    """A client's mistake is a warning, even one with status 501."""
    exchange = make()
    exchange.error = error

    assert level_of(exchange) == level


def test_a_backends_own_500_is_no_error_of_ours(make: MakeExchange) -> None:
    """The gateway has passed the answer on."""
    exchange = make()
    exchange.response = Response(500)

    assert level_of(exchange) == "info"
