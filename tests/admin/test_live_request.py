"""What a request would meet now, told without making it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.composition import live_request
from gateway.composition.live_request import CHANGED, REDIS, SEVERAL
from tests.admin.api import TOKEN, Api

__all__ = ["live_request"]

CONFIGURATION = f"""
listeners: [{{name: public, endpoint: "tcp:1"}}]
admin: {{endpoint: "tcp:9", token: {TOKEN}}}
circuit_breaker: {{consecutive_failures: 2, timeout: 30s}}
rate_limits:
  - {{limit: 100, window: 10s, scope: ip, path: "/orders/open/*"}}
upstreams:
  - {{name: orders, backends: [{{url: "http://127.0.0.1:9001"}}]}}
  - {{name: gone, backends: [{{url: "http://127.0.0.1:9002"}}]}}
routes:
  - name: orders
    path: /orders/*
    upstream: orders
    rate_limit: [{{limit: 2, window: 60s, scope: ip}}, {{limit: 9, window: 60s, scope: user}}]
    cache: {{ttl: 60s}}
  - name: gone
    path: /gone/*
    upstream: gone
    cache: {{ttl: 60s}}
    transformations: {{request: {{add_headers: {{X-A: b}}}}}}
  - name: both
    path: /both/*
    upstreams: [{{name: orders, weight: 1}}, {{name: gone, weight: 1}}]
    cache: {{ttl: 60s}}
"""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A running gateway."""
    made = Api(tmp_path / "gateway.yaml", CONFIGURATION)
    yield made
    made.stop()


def explain(api: Api, url: str, **said: Any) -> Any:
    """Ask about a request of the client that `Api.status` is, without a token."""
    answer = api.ask("POST", "/live/explain", {"url": url, "client": "192.0.2.1", **said}, token="")
    assert answer.status == 200, answer
    return answer.json


def test_what_is_left_of_limits_is_told_and_nothing_of_it_used(api: Api) -> None:
    """For the caller who is named: others have all; limits for some paths are told where they hold."""
    untouched = explain(api, "http://h/orders/7")
    assert [(one["by"], one["remaining"]) for one in untouched["limits"]] == [("ip-2", 2), ("user", 9)]
    assert [one["by"] for one in explain(api, "http://h/orders/open/7")["limits"]] == ["ip", "ip-2", "user"]
    api.status("/orders/7")
    assert [one["remaining"] for one in explain(api, "http://h/orders/7")["limits"]] == [1, 8]
    assert [one["remaining"] for one in explain(api, "http://h/orders/7")["limits"]] == [1, 8]
    assert [one["remaining"] for one in explain(api, "http://h/orders/7", claims={"sub": "ada"})["limits"]] == [1, 9]
    assert [one["remaining"] for one in explain(api, "http://h/orders/7", client="192.0.2.2")["limits"]] == [2, 9]


def test_a_limit_that_is_used_up_ends_it(api: Api) -> None:
    """With the status and reason that the request would get, and does get."""
    for _ in range(2):
        api.status("/orders/7")

    said = explain(api, "http://h/orders/8")

    assert said["ends"] == [{"what": "limit by ip-2", "status": 429, "reason": "limit.exceeded"}]
    assert said["limits"][0]["again"] > 0
    assert api.status("/orders/8") == 429


def test_what_the_cache_has_is_told(api: Api) -> None:
    """And how old it is; a method that is not answered from it passes by."""
    assert explain(api, "http://h/orders/7")["cache"]["outcome"] == "miss"
    api.status("/orders/7")
    api.clock.advance(5)

    kept = explain(api, "http://h/orders/7")["cache"]

    assert (kept["outcome"], kept["age"], kept["fresh_for"]) == ("hit", 5.0, 55.0)
    assert explain(api, "http://h/orders/7", method="PUT")["cache"]["outcome"] == "bypass"
    assert explain(api, "http://h/orders/7", headers={"Cache-Control": "no-cache"})["cache"]["outcome"] == "miss"
    assert explain(api, "http://h/orders/8")["cache"] == {
        "outcome": "miss",
        "age": None,
        "fresh_for": None,
        "words": "",
    }


def test_what_is_not_known_says_why(api: Api, tmp_path: Path) -> None:
    """Behind a step that changes requests, of several upstreams, and in Redis."""
    assert explain(api, "http://h/gone/7")["cache"]["words"] == CHANGED
    assert explain(api, "http://h/both/7")["cache"]["words"] == SEVERAL
    elsewhere = Api(tmp_path / "redis.yaml", CONFIGURATION + "\nrate_limit_store: redis\n")
    (first, _) = explain(elsewhere, "http://h/orders/7")["limits"]
    assert (first["remaining"], first["words"]) == (None, REDIS)
    elsewhere.stop()


def test_a_breaker_that_is_open_ends_it(api: Api) -> None:
    """Its upstream is shown as by `/upstreams`; where another upstream may be drawn, nothing is said to end it."""
    assert explain(api, "http://h/gone/7")["ends"] == []
    assert [api.status("/gone/7") for _ in range(2)] == [502, 502]

    said = explain(api, "http://h/gone/7")

    assert said["ends"] == [{"what": "upstream gone", "status": 503, "reason": "breaker.open"}]
    assert said["upstreams"] == [one for one in api.get("/upstreams") if one["name"] == "gone"]
    assert explain(api, "http://h/both/7")["ends"] == []
    assert api.status("/gone/7") == 503


def test_where_no_route_takes_it_that_is_all(api: Api) -> None:
    """The refusal, and which routes were looked at; a path of the gateway's own is said to be one."""
    said = explain(api, "http://h/nowhere")
    assert (said["route"], said["ends"]) == (None, [{"what": "routing", "status": 404, "reason": "route.none"}])
    assert explain(api, "http://h/health")["own"]


def test_of_several_workers_counts_are_those_of_all(tmp_path: Path) -> None:
    """And backends as this worker knows them, which is said."""
    several = Api(tmp_path / "several.yaml", CONFIGURATION, passes=True)
    several.status("/orders/7")

    said = explain(several, "http://h/orders/7")

    assert [one["remaining"] for one in said["limits"]] == [1, 8]
    assert "Breakers, connections and kept answers are those of one of several workers." in said["notes"]
    without = explain(several, "http://h/gone/7")  # of whose cache nothing is known
    assert "Breakers and connections are those of one of several workers." in without["notes"]
    several.stop()


@pytest.mark.parametrize(
    "body", [b"no JSON", {"url": 7}, {"url": "/", "client": 7}, {"url": "/", "claims": []}, {"url": "/", "method": "?"}]
)
def test_what_is_no_request_is_refused(api: Api, body: Any) -> None:
    """And so is a page of another origin."""
    assert api.ask("POST", "/live/explain", body, token="").status == 400
    assert api.ask("POST", "/live/explain", {"url": "/"}, origin="https://evil.example").status == 403
