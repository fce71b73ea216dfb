"""Routing decisions are logged for those who ask (R-ROUTE-12)."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs, formatEvent

from gateway.testing import Harness


def decisions(gateway: Harness, target: str) -> list[str]:
    """Ask for a target; returns what the log says of the decision."""
    with capturedLogs() as events:
        gateway.get(target)
    return [formatEvent(event) for event in events if event["log_namespace"] == "gateway.routing"]


def test_a_decision_is_logged_with_every_route_that_was_considered() -> None:
    """At `gateway.routing: debug`."""
    routes: list[dict[str, Any]] = [
        {"name": "writes", "path": "/orders/*", "methods": ["POST"], "upstream": "orders"},
        {"name": "reads", "path": "/orders/*", "upstream": "orders"},
    ]
    gateway = Harness("orders", routes=routes, log={"levels": {"gateway.routing": "debug"}})

    [line] = decisions(gateway, "/orders/../orders/7")

    assert line.startswith("GET gateway.test/orders/7: writes ")
    assert "method GET is not accepted" in line
    assert line.endswith("reads (any host /orders/*): taken")


def test_a_request_that_no_route_takes_is_logged_as_such() -> None:
    """It ends in 404."""
    gateway = Harness("orders", log={"levels": {"gateway.routing": "debug"}})

    assert decisions(gateway, "/nothing") == ["GET gateway.test/nothing: no route"]


def test_decisions_are_not_made_into_words_for_nobody() -> None:
    """By default; and a reload turns them on."""
    gateway = Harness("orders")
    assert decisions(gateway, "/orders/7") == []

    gateway.apply(log={"levels": {"gateway.routing": "debug"}})

    assert len(decisions(gateway, "/orders/7")) == 1
