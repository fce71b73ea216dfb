"""What is said of one exchange."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.commands.why.story import tell
from gateway.memory.backend import ok
from gateway.testing import Harness

ROWS = [{"name": "orders", "host": "*", "path": "/orders/*", "methods": ["GET", "PUT"], "match": ["x-beta: yes"]}]


def said(exchange: dict[str, Any], *arguments: Any) -> dict[str, str]:
    """The parts of a story, each as one text."""
    return {title: " ".join(lines) for title, lines in tell(exchange, *arguments).parts}


def kept(made: Harness) -> dict[str, Any]:
    """What the gateway knows of the last exchange that failed."""
    failures = made.gateway.foundation.failures
    found = failures.find(failures.summaries()[0]["id"])
    assert found is not None
    return found


def test_a_backend_that_is_down() -> None:
    """From the request to what is to be done."""
    made = Harness()
    made.backend("orders").refuse_connections()
    made.request("GET", "/orders/7?page=2", {"User-Agent": "probe/1"})
    exchange = kept(made)

    story = tell(exchange, ROWS)

    assert story.headline.startswith("GET gateway.test/orders/7 was answered with 502: upstream.connect, after ")
    assert story.failed
    parts = said(exchange, ROWS)
    assert f"id {exchange['id']}, trace {exchange['trace_id']}." in parts["Request"]
    assert "Its query was page=2." in parts["Request"]
    assert parts["Caller"] == "Nobody who is known, from 192.0.2.1, with probe/1."
    assert parts["Route"] == (
        '"orders": /orders/7 fits its path /orders/* (any host, methods GET, PUT; x-beta: yes). '
        'It leads to the upstream "orders".'
    )
    assert parts["Backends"].startswith("http://127.0.0.1:9001: upstream.connect (")
    assert parts["What to do"].startswith("The backend is down")
    assert "Limits" not in parts


def test_attempts_one_after_the_other() -> None:
    """Each with what its backend said, and why there was another one."""
    made = Harness(routes=[{"path": "/*", "upstream": "orders", "retry": {"attempts": 1}}])
    made.backend("orders").answers(ok(b"busy", status=b"503 Service Unavailable"))
    client = made.client()
    made.request("GET", "/orders/7", client=client)
    made.advance(1)

    parts = said(kept(made))

    assert "1. http://127.0.0.1:9001: answered 503, after " in parts["Backends"]
    assert "on a new connection (HTTP/1.1)" in parts["Backends"]
    assert "on a connection that had been used before (HTTP/1.1)" in parts["Backends"]
    assert "tried since the one before ended with status_503" in parts["Backends"]
    assert "went into the pause before the next attempt" in parts["Time"]


def test_a_limit_that_was_used_up() -> None:
    """By whom it is counted, and when the next may pass."""
    made = Harness(rate_limits=[{"scope": "ip", "limit": 1, "window": "60s"}])
    made.get("/orders/7")
    made.get("/orders/7")

    parts = said(kept(made))

    assert parts["Limits"].startswith("Used up: 1 requests in 60 s, counted by ")
    assert parts["Steps"] == "The rate limit (ratelimit:pre) ended it: limit.exceeded."
    assert parts["Backends"] == "None was asked."


def test_a_request_that_no_route_takes() -> None:
    """The nearest is named where the routes are known."""
    made = Harness()
    made.get("/ordrs/7")
    exchange = kept(made)

    assert said(exchange)["Route"] == "No route took it."
    assert said(exchange, ROWS, 'The nearest is "orders".')["Route"] == 'No route took it. The nearest is "orders".'
    assert "None of the 1 routes" in said(exchange, ROWS)["Route"]


def test_a_route_that_is_no_more() -> None:
    """The configuration has changed since."""
    assert "no such route any more" in said({"route": "gone", "path": "/"}, ROWS)["Route"]


@pytest.mark.parametrize(
    ("exchange", "headline"),
    [
        ({"status": 200, "reason": "upstream.reset"}, "A request broke off after its status (200) was sent: upstream."),
        ({"status": 200, "grpc_status": 14}, "A request was answered with grpc-status 14, by the backend itself."),
        ({"status": 200, "grpc_status": 4, "reason": "x"}, "A request was answered with grpc-status 4: x."),
        ({"status": 499, "reason": "request.aborted"}, "A request ended without an answer: its client left."),
        ({"method": "GET", "path": "/a", "status": 503, "backend": "http://a"}, "GET /a was answered with 503, by the"),
        ({"method": "GET", "path": "/a", "status": 503}, "GET /a got a 503."),
        ({"method": "GET", "path": "/a", "status": 200, "duration_ms": 3.21}, "GET /a was answered with 200, after 3."),
        ({}, "A request was answered with None."),
    ],
)
def test_the_headline_says_how_it_ended(exchange: dict[str, Any], headline: str) -> None:
    """In one sentence."""
    assert tell(exchange).headline.startswith(headline)


def test_a_record_of_the_log_tells_less() -> None:
    """Attempts as a number, times as they are there."""
    parts = said({"attempts": 2, "backend": "http://a", "upstream_ms": 8.0, "duration_ms": 10.0, "reason": "internal"})

    assert parts["Backends"] == "2 attempts, the last on http://a, which took 8.0 ms."
    assert parts["Time"] == "80 % was the backend's."
    assert parts["Meaning"].startswith("An exchange cannot be completed")
    assert parts["What to do"].startswith("Look for the traceback")


def test_what_clients_send_does_nothing_to_a_terminal() -> None:
    """Control characters are shown by their numbers, wherever a client has put them."""
    story = tell(
        {"method": "GET", "path": "/\x1b]0;pwned\x07", "status": 200, "user_agent": "\x1b[2J", "client": "::1"}
    )
    assert all(text.isprintable() for text in [story.headline, *(line for _, lines in story.parts for line in lines)])


@pytest.mark.parametrize(("by", "where"), [("client", "Meaning"), ("backend", "Backends")])
def test_the_rule_that_was_broken_is_named(by: str, where: str) -> None:
    """Advice says that it is; once: by the attempt that it broke, or beside the meaning."""
    made = Harness()
    made.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n")
    fields = {"Content-Length": "two"} if by == "client" else {}
    made.request("GET", "/orders/7", fields)
    exchange = kept(made)

    parts = said(exchange)

    assert len(exchange["detail"]) > 10
    assert exchange["detail"].rstrip(".") in parts[where]
    assert "".join(parts.values()).count(exchange["detail"].rstrip(".")) == 1
    assert "`gateway why`" in parts["What to do"]
