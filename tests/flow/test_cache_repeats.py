"""A request that comes again octet for octet, and is answered by the cache: known whole, and treated as any other."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.testing import Harness
from tests.flow.test_cache import FRESH, Make, asked, cached, status

ENOUGH = 8
"""Requests after which one is known."""


def known(made: Harness) -> int:
    """How many requests are known whole."""
    return len(made.gateway.site.memo.repeats)


def asked_often(made: Harness, target: str = "/orders/7", **headers: str) -> Received:
    """Ask until the request is known; returns the last answer."""
    answers = [made.get(target, **headers) for _ in range(ENOUGH)]
    assert known(made) >= 1
    assert len({(one.status, one.body) for one in answers}) == 1
    return answers[-1]


def same_but_for_the_id(one: Received, other: Received) -> bool:
    """Whether two answers are the same to the client."""
    told = [[field for field in answer.headers if field[0] != b"X-Request-ID"] for answer in (one, other)]
    return told[0] == told[1] and (one.status, one.body) == (other.status, other.body)


def test_an_answer_is_the_same_whether_its_request_is_known_or_not(make: Make) -> None:
    """Fields, content, log and metrics; each answer and record has an id of its own."""
    made = cached(make, FRESH, name="r")
    made.get("/orders/7")
    first, last = made.get("/orders/7"), asked_often(made)

    assert same_but_for_the_id(first, last)
    assert asked(made) == 1
    hits = made.logs[1:]
    varying = {"request_id", "trace_id", "timestamp"}
    assert len({tuple((name, value) for name, value in hit.items() if name not in varying) for hit in hits}) == 1
    for name in ("request_id", "trace_id"):
        assert len({hit[name] for hit in hits}) == len(hits)
    assert made.metric("gateway_cache_requests_total", route="r", outcome="hit") == len(hits)
    assert made.metric("gateway_requests_total", route="r") == 1 + len(hits)


def test_requests_that_no_cache_answers_are_not_known(make: Make) -> None:
    """Nor those whose answer is asked for once in a while, nor those with another head each time."""
    made = make("orders")
    made.backend("orders").answers(ok(b"hello", FRESH))
    for _ in range(ENOUGH):
        made.get("/orders/7")
    assert not known(made)

    made = cached(make, FRESH)
    for _ in range(ENOUGH):
        made.get("/orders/7")
        made.advance(2)
    for number in range(ENOUGH):
        made.get("/orders/7", X_Number=str(number))
    assert not known(made)


def test_what_is_stale_or_purged_is_fetched(make: Make) -> None:
    """That a request is known says nothing of whether its answer is kept."""
    made = cached(make, FRESH)
    asked_often(made)

    made.advance(60)
    assert status(made.get("/orders/7")) == "gateway; fwd=uri-miss; stored"
    asked_often(made)
    made.request("DELETE", "/orders/7")
    assert status(made.get("/orders/7")) == "gateway; fwd=uri-miss; stored"


def test_limits_count_it(make: Make) -> None:
    """A hit passes every step in front of the cache, each time."""
    made = cached(make, FRESH, rate_limit={"requests": ENOUGH + 2, "window": "1h"})
    asked_often(made)

    assert [made.get("/orders/7").status for _ in range(4)] == [200, 200, 429, 429]
    assert made.last_log["reason"] == "limit.exceeded"


def test_each_client_is_itself(make: Make) -> None:
    """Its address is no part of what is known: rules about addresses hold, and the log has the right one."""
    made = cached(make, FRESH, ip_deny=["192.0.2.66"])
    asked_often(made)
    answers = [made.request("GET", "/orders/7", client=made.client(f"192.0.2.{last}")) for last in (1, 66, 2)]

    assert [answer.status for answer in answers] == [200, 403, 200]
    assert [one["client_ip"] for one in made.logs[-3:]] == ["192.0.2.1", "192.0.2.66", "192.0.2.2"]


def test_a_reload_routes_anew(make: Make) -> None:
    """By the routes that are in force, on connections of before, too; nothing of those before is kept."""
    made = cached(make, FRESH, name="before")
    asked_often(made)
    client = made.client()
    assert made.request("GET", "/orders/7", client=client).status == 200

    routes: list[dict[str, Any]] = [{"name": "after", "path": "/*", "upstream": "orders", "cache": {}}]
    made.apply(routes=routes)
    assert not known(made)
    for _ in range(ENOUGH):
        made.request("GET", "/orders/7", client=client)
        assert made.last_log["route"] == "after"
    assert known(made) == 1

    made.apply(routes=[{"name": "none", "path": "/other", "upstream": "orders"}])
    assert made.request("GET", "/orders/7", client=client).status == 404


def test_listeners_have_routes_of_their_own(make: Make) -> None:
    """The same octets at two ports are two requests."""
    made = make(
        "orders",
        listeners=[{"endpoint": "tcp:8080"}, {"endpoint": "tcp:8081"}],
        routes=[
            {"name": "one", "path": "/*", "upstream": "orders", "cache": {}, "listeners": ["tcp:8080"]},
            {"name": "two", "path": "/*", "upstream": "orders", "cache": {}, "listeners": ["tcp:8081"]},
        ],
    )
    made.backend("orders").answers(ok(b"hello", FRESH))
    for number in range(3 * ENOUGH):
        name, port = [("one", "tcp:8080"), ("two", "tcp:8081")][number % 2]
        made.request("GET", "/orders/7", client=made.client(listener=port))
        assert made.last_log["route"] == name
    assert known(made) == 1


@pytest.mark.parametrize("path", ["/orders/:id", "/orders/*"])
def test_parameters_of_the_path_are_each_exchange_s_own(make: Make, path: str) -> None:
    """What a step does to them is not seen by the next one."""
    seen: list[dict[str, str] | None] = []

    class Spoiling:
        name = "spoiling"

        def on_response(self, exchange: Any) -> None:
            seen.append(None if exchange.params is None else dict(exchange.params))
            if exchange.params is not None:
                exchange.params["id"] = "spoilt"

    made = cached(make, FRESH, path=path)
    made.insert("/orders/7", Spoiling())
    asked_often(made)

    assert len({str(params) for params in seen}) == 1


def test_places_are_counted(make: Make) -> None:
    """Where all places are taken, a hit is turned away as any request is."""
    made = make("orders", routes=[{"path": "/*", "upstream": "orders", "cache": {}}], limits={"in_flight": 1})
    made.backend("orders").answers(ok(b"hello", FRESH))
    asked_often(made)
    made.backend("orders").stall()
    waiting = made.client()
    made.send(b"GET /orders/8 HTTP/1.1\r\nHost: gateway.test\r\n\r\n", waiting)

    full = made.get("/orders/7")
    assert full.status == 503


def test_what_a_proxy_says_is_believed_of_proxies_only(make: Make) -> None:
    """The same octets are for two routes, where a field decides that is believed of some peers only."""
    route: dict[str, Any] = {"path": "/*", "upstream": "orders", "cache": {}}
    made = make(
        "orders",
        trusted_proxies=["10.0.0.1"],
        routes=[{**route, "name": "secure", "headers": {"X-Real-IP": "*"}}, {**route, "name": "plain"}],
    )
    made.backend("orders").answers(ok(b"hello", FRESH))
    for _ in range(ENOUGH):
        for address, name in (("10.0.0.1", "secure"), ("192.0.2.1", "plain")):
            made.request("GET", "/orders/7", {"X-Real-IP": "192.0.2.9"}, client=made.client(address))
            assert made.last_log["route"] == name
