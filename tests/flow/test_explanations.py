"""What an answer was for, in a line of a developer's log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.error import DNSLookupError
from twisted.logger import capturedLogs, formatEvent

from gateway.errors import BackendRefused
from gateway.exchange import Exchange
from gateway.limiting.sparing import AT_ONCE
from gateway.memory.backend import ok
from gateway.telemetry.logging import as_text
from gateway.testing import Harness

Make = Callable[..., Harness]

ROUTES: list[dict[str, Any]] = [
    {"name": "orders", "host": "api.example.com", "path": "/orders/*", "upstream": "orders", "timeout": "5s"},
    {"name": "writes", "path": "/write/:id", "methods": ["POST"], "upstream": "orders"},
    {"name": "versioned", "path": "/v", "headers": {"X-Version": "2"}, "upstream": "orders"},
    {"name": "home", "host": "h.example", "path": "/home", "redirect": {"path": "/home"}},
]


def explained(made: Harness, target: str, host: str = "api.example.com", method: str = "GET") -> list[str]:
    """What the log says of a request."""
    with capturedLogs() as events:
        made.request(method, target, {"Host": host})
        made.advance(6)
    return [formatEvent(event) for event in events if event["log_namespace"] == "gateway.serving.explaining"]


@pytest.mark.parametrize(
    ("host", "target", "line"),
    [
        (
            "a.example",
            "/orders/7?token=secret",
            (
                "404 GET /orders/7: no route for host a.example has this path "
                "(nearest: orders, host api.example.com, path /orders/*)"
            ),
        ),
        (
            "a.example:8080",
            "/wrte/7",
            "404 GET /wrte/7: no route has this path (nearest: writes, any host, path /write/:id)",
        ),
        ("a.example", "/zzz", "404 GET /zzz: no route has this path, and none is near"),
        (
            "a.example",
            "/v",
            "404 GET /v: versioned (any host /v): header or query conditions are not met; no route accepts the request",
        ),
        (
            "a.example",
            "/write/7",
            (
                "405 GET /write/7: writes (any host /write/:id): method GET is not accepted; "
                "the most specific path decides: its routes do not take the method"
            ),
        ),
        ("h.example", "/home", "404 GET /home: route home: A redirect would lead to where the request is (route.none)"),
    ],
)
def test_why_no_route_takes_it(make: Make, host: str, target: str, line: str) -> None:
    """With the route that was considered, or the nearest; the query may hold secrets."""
    [said] = explained(make("orders", routes=ROUTES), target, host)

    assert said.startswith(line)


def test_a_host_that_no_route_is_for(make: Make) -> None:
    """Where each route is for some host, the host is the first thing to look at; subdomains have theirs."""
    made = make("orders", routes=[{"host": ["a.example", "*.b.example"], "path": "/orders/*", "upstream": "orders"}])

    assert explained(made, "/zzz", "c.example") == ["404 GET /zzz: no route for host c.example, and none is near"]
    assert explained(made, "/zzz", "a.example") == ["404 GET /zzz: no route has this path, and none is near"]
    assert explained(made, "/zzz", "x.b.example") == ["404 GET /zzz: no route has this path, and none is near"]
    [line] = explained(made, "/orders/1", "b.example")
    assert line.startswith("404 GET /orders/1: no route for host b.example (nearest: ")


def test_a_backend_that_does_not_answer_the_door(make: Make) -> None:
    """Which one, of which upstream, for which route, and what the system says."""
    made = make("orders", routes=ROUTES)
    made.backend("orders").refuse_connections()

    [line] = explained(made, "/orders/7")

    assert line.startswith("502 GET /orders/7: route orders, upstream orders, http://127.0.0.1:9001: ")
    assert line.endswith("Connection was refused by other side (upstream.connect); is it running?")


def test_a_backend_whose_name_is_not_known(make: Make) -> None:
    """Whether it runs is not the question."""

    class Looks:
        name = "looks"

        def on_request(self, exchange: Exchange) -> None:
            raise BackendRefused from DNSLookupError("no address found for orders.internal")

    made = make("orders")
    made.insert("/orders/7", Looks())

    [line] = explained(made, "/orders/7")

    assert line.endswith(": DNS lookup failed: no address found for orders.internal (upstream.connect)")


def test_a_backend_that_says_nothing(make: Make) -> None:
    """504, and which key bounds it."""
    made = make("orders", routes=ROUTES)
    made.backend("orders").stall()

    [line] = explained(made, "/orders/7")

    assert line.startswith("504 GET /orders/7: route orders, upstream orders, http://127.0.0.1:9001: ")
    assert line.endswith("(upstream.timeout); `timeout` of the route is how long it may take")


def test_an_open_breaker(make: Make) -> None:
    """503: nothing was sent."""
    breaker = {"circuit_breaker": {"failure_threshold": 1}}
    made = make("orders", routes=ROUTES, **breaker)
    made.backend("orders").refuse_connections()
    made.get("/orders/7", Host="api.example.com")

    [line] = explained(made, "/orders/8")

    assert line.startswith("503 GET /orders/8: route orders, upstream orders: ")
    assert "(breaker.open)" in line


def test_an_answer_of_a_backend_is_its_own(make: Make) -> None:
    """Whatever its status."""
    made = make("orders", routes=ROUTES)
    made.backend("orders").answers(ok(status=b"404 Not Found"))

    assert explained(made, "/orders/7") == []


def test_at_a_terminal_an_answer_of_a_backend_is_said_to_be_its_own(make: Make) -> None:
    """So that nobody looks for it in the configuration."""
    made = make("orders", routes=ROUTES)
    foundation = made.gateway.foundation
    made.gateway = made.memory.parts = replace(made.gateway, foundation=replace(foundation, terminal=True))
    made.apply()
    made.backend("orders").answers(ok(status=b"404 Not Found"), ok())

    line = "404 GET /orders/7: route orders, upstream orders: so says http://127.0.0.1:9001 itself"
    assert explained(made, "/orders/7?token=secret") == [line]
    assert explained(made, "/orders/7") == []
    assert len(explained(made, "/zzz")) == 1


def test_who_fails_on_purpose_does_not_fill_the_log(make: Make) -> None:
    """So many at once, then one now and then; how many were left out is said."""
    made = make("orders", routes=ROUTES)
    with capturedLogs() as events:
        for number in range(AT_ONCE + 30):
            made.get(f"/{number}")
    assert len(events) == AT_ONCE

    made.advance(5)
    told, last = explained(made, "/last")
    assert told == "30 further answers like these were not explained"
    assert last.startswith("404 GET /last: ")


def test_nothing_that_a_client_sends_ends_the_line(make: Make) -> None:
    """Nor makes it long."""
    made = make("orders", routes=ROUTES)
    with capturedLogs() as events:
        made.get("/%0d%0aa" + "b" * 5000 + "\\x", Host="x")

    assert len(events) == 1
    text = as_text(events[0])
    assert text.count("\n") == 1
    assert len(text) < 400


@pytest.mark.parametrize("log", [{"format": "json"}, {"levels": {"gateway.serving.explaining": "warn"}}])
def test_programs_are_not_told(make: Make, log: dict[str, Any]) -> None:
    """A log of JSON is not read by developers; and it can be turned off."""
    assert explained(make("orders", routes=ROUTES, log=log), "/zzz") == []
