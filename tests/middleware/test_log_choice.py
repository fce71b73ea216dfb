"""Which exchanges are written."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import ClientAborted, RouteNotFound
from gateway.message import Response
from gateway.middleware.log_choice import LogChoice

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange

NEVER_DRAWN = {"sample": 0.0, "min_status": 599, "min_duration": 3600.0, "exclude_paths": ["/*"]}


def wants(**conditions: Any) -> LogChoice:
    """A choice with the dice of seed 1."""
    return LogChoice(random.Random(1).random, **conditions)


def test_what_failed_is_always_written(make: MakeExchange) -> None:
    """A backend's 5xx, an error of the gateway, a client that went before or in the answer."""
    server_error, refused, gone, broken_off = make(), make(), make(), make()
    server_error.response = Response(500)
    refused.response, refused.error = Response(404), RouteNotFound()
    broken_off.response, broken_off.error = Response(200), ClientAborted()

    assert all(map(wants(**NEVER_DRAWN), [server_error, refused, gone, broken_off]))


@pytest.mark.parametrize(
    ("conditions", "written"),
    [
        ({}, True),
        ({"min_status": 404}, True),
        ({"min_status": 405}, False),
        ({"min_duration": 0.25}, True),
        ({"min_duration": 0.251}, False),
        ({"sample": 0.0}, False),
        ({"exclude_paths": ["/users/7"]}, False),
        ({"exclude_paths": ["/users/*"]}, False),
        ({"exclude_paths": ["/users", "/users/", "/users/77", "/static/*"]}, True),
        ({"min_status": 404, "min_duration": 1.0}, False),
    ],
)
def test_all_conditions_must_hold(make: MakeExchange, conditions: dict[str, Any], written: bool) -> None:
    """A 404 of a backend for /users/7 that took 250 ms."""
    exchange = make()
    exchange.response = Response(404)

    assert wants(**conditions)(exchange) is written


def test_a_share_is_drawn(make: MakeExchange) -> None:
    """As many as were asked for, and the same ones with the same dice."""
    exchange = make()
    exchange.response = Response(200)

    def drawn() -> list[bool]:
        choice = wants(sample=0.1)
        return [choice(exchange) for _ in range(10_000)]

    assert 900 < sum(drawn()) < 1_100
    assert drawn() == drawn()


@pytest.mark.parametrize("target", [b"/static/../admin", b"/static/%2e%2e/admin", b"/static//x", b"/%73tatic/x"])
def test_another_spelling_of_a_path_is_never_left_out(make: MakeExchange, target: bytes) -> None:
    """Who writes `/static/../admin` cannot hide behind `/static/*`."""
    exchange = make(target=target)
    exchange.path = b"/admin"
    exchange.response = Response(200)

    assert wants(exclude_paths=["/static/*"])(exchange)
