"""What upstreams show of themselves."""

from __future__ import annotations

import json
from typing import Any

from gateway.memory.backend import ok
from gateway.testing import Harness


def troubled() -> Harness:
    """Of three backends one has an open breaker and one is drained."""
    made = Harness(
        "a",
        "b",
        "c",
        upstreams=[
            {
                "name": "orders",
                "backends": [
                    {"url": "http://127.0.0.1:9001"},
                    {"url": "http://127.0.0.1:9002"},
                    {"url": "http://127.0.0.1:9003", "weight": 0},
                ],
                "circuit_breaker": {"failure_threshold": 2},
                "passive_health": {"failures": 2},
                "slow_start": "10s",
            },
            {"name": "plain", "backends": [{"url": "http://127.0.0.1:9001"}]},
        ],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders"}],
    )
    made.backend("a").answers(ok(status=b"500 No"))
    for _ in range(4):
        made.get("/")
    return made


def shown(made: Harness) -> list[dict[str, Any]]:
    """What `GET /upstreams` says."""
    view: list[dict[str, Any]] = json.loads(json.dumps(made.gateway.figures.view()))
    return view


def test_each_backend_has_its_state_and_why() -> None:
    """The breaker with its cause, the ejection with its end, the last errors, and what the balancer would do next."""
    orders, plain = shown(troubled())
    failing, well, drained = orders["backends"]

    assert failing["next"] == "is left out"
    assert failing["circuit_breaker"]["state"] == "open"
    assert failing["circuit_breaker"]["why"] == "2 failures in a row, the last by status 500"
    assert failing["ejection"]["ejected"]
    assert [error["what"] for error in failing["last_errors"]] == ["status 500"] * 2
    assert {change["what"] for change in failing["last_changes"]} == {"breaker", "ejection"}
    assert (well["next"], well["circuit_breaker"]["state"], well["share"]) == ("may be picked", "closed", 1)
    assert (drained["next"], drained["draining"]) == ("is left out", True)
    assert orders["circuit_breaker"]["outcomes_in_window"] == 4
    assert "circuit_breaker" not in plain["backends"][0]


def test_when_none_is_left_it_says_why() -> None:
    """So does the gauge."""
    made = troubled()
    made.backend("b").answers(ok(status=b"500 No"))
    for _ in range(4):
        made.get("/")

    assert shown(made)[0]["lack"] == "breakers_open"
    assert made.metric("gateway_circuit_breaker_state", scope="backend") == 2


def test_looking_changes_nothing() -> None:
    """A scrape in the moment in which a breaker could go half-open leaves it to the traffic."""
    made = troubled()
    made.advance(31)
    shown(made)

    assert made.metric("gateway_circuit_breaker_state", scope="backend", backend="http://127.0.0.1:9001") == 1


def test_a_breaker_that_may_probe_is_shown_so() -> None:
    """In how many seconds, and that it would be picked then."""
    made = troubled()
    [orders, _] = shown(made)
    assert 29 < orders["backends"][0]["circuit_breaker"]["probe_in_seconds"] <= 30
    made.advance(61)

    assert shown(made)[0]["backends"][0]["next"] == "may be picked"
