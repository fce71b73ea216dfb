"""Configurations as a seed draws them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.simulation import rules, shared

STRATEGIES = ("round_robin", "weighted_round_robin", "least_connections", "random", "ip_hash", "consistent_hash")


class Budgets(NamedTuple):
    """How much more than once a run may ask.

    Attributes:
        ratio: Retries, as a share of a route's exchanges.
        minimum: Retries that a route always has, each second.
        hedges: Second attempts, as a share of a route's exchanges.
    """

    ratio: float
    minimum: int
    hedges: float


def upstreams(chance: random.Random, ports: list[int], of_http2: Sequence[int]) -> list[dict[str, Any]]:
    """Draw the upstream of both routes, over some of the backends, and one that it may fall back to, over the last."""
    used = chance.sample(ports, chance.randint(1, len(ports))) if chance.random() < 0.3 else ports
    main, spare = upstream(chance, "main", used, of_http2), upstream(chance, "spare", ports[-1:], of_http2)
    if "circuit_breaker" in main:
        main["circuit_breaker"]["fallback"] = chance.choice(
            ({}, {}, {"status": 200, "body": "instead"}, {"status": 503, "body": "{}"}, {"upstream": "spare"})
        )
    return [main, spare]


def upstream(chance: random.Random, name: str, ports: list[int], of_http2: Sequence[int]) -> dict[str, Any]:
    """Draw an upstream over these backends: every part of it is there in some runs and absent in others."""
    drawn: dict[str, Any] = {
        "name": name,
        "panic_threshold": chance.choice((0, 0.5, 1)),
        "strategy": chance.choice(STRATEGIES),
        "backends": [
            {"url": f"{_scheme(port, of_http2)}://127.0.0.1:{port}", "weight": chance.choice((1, 1, 1, 3, 0))}
            for port in ports
        ],
        "pool": {
            "max_connections": chance.choice((1, 2, 3, 100)),
            "max_pending": chance.choice((0, 2, 1000)),
            "queue_timeout": chance.choice((0.5, 5)),
            "idle_timeout": chance.choice((0.5, 60)),
            "max_age": chance.choice((0, 0, 1, 8)),
            "max_streams": chance.choice((1, 2, 100)),
        },
    }
    if not any(backend["weight"] for backend in drawn["backends"]):
        drawn["backends"][0]["weight"] = 1
    if chance.random() < 0.6:
        drawn["circuit_breaker"] = {
            "failure_threshold": chance.randint(1, 4),
            "timeout": chance.choice((1, 4)),
            "half_open_requests": chance.randint(1, 3),
            "success_threshold": chance.randint(1, 2),
            "close_on": chance.choice(("probe", "either", "either", "health_check")),
            "error_rate": {"min_requests": chance.choice((4, 1000)), "window": 10},
        }
    if chance.random() < 0.5:
        drawn["passive_health"] = {
            "failures": chance.randint(1, 3),
            "eject": chance.choice((1, 5)),
            "max_ejected_percent": chance.choice((0, 50, 100)),
        }
    # Over HTTP/2 in the clear only calls of gRPC can ask.
    kinds = ("tcp",) if any(port in of_http2 for port in ports) else ("http", "tcp")
    if chance.random() < 0.4:
        drawn["health_check"] = {"interval": 1, "timeout": 0.5, "type": chance.choice(kinds)}
    if chance.random() < 0.3:
        drawn["slow_start"] = 3
    if chance.random() < 0.3:
        drawn["in_flight"] = chance.choice((1, 3))
        drawn["queue"] = {"size": chance.choice((1, 20)), "timeout": 1}
    elif chance.random() < 0.15:
        drawn["adaptive_concurrency"] = {
            "initial_limit": 3, "min_limit": 1, "max_limit": 6, "window": 0.5, "min_samples": 3,
        }  # fmt: skip
    return drawn


def _scheme(port: int, of_http2: Sequence[int]) -> str:
    return "h2c" if port in of_http2 else "http"


def route(chance: random.Random, name: str, budgets: Budgets, caches: bool = False) -> dict[str, Any]:
    """Draw a route to it."""
    drawn: dict[str, Any] = {
        "name": name,
        "path": f"/{name}/*",
        "upstream": chance.choice(("main", "main", [{"name": "main", "weight": 2}, {"name": "spare", "weight": 1}])),
        "timeout": chance.choice((1, 4, 60)),
        "priority": chance.choice(("low", "normal", "high")),
    }
    if chance.random() < 0.7:
        drawn["retry"] = {
            "attempts": chance.randint(1, 3),
            "on": chance.choice((["connect", "refused", "reset", 502, 503, 504], ["reset", "timeout", 500, 503])),
            "backoff": chance.choice((0, 0.01, 0.2)),
            "budget": budgets.ratio,
            "min_per_second": budgets.minimum,
            "idempotency_key": chance.random() < 0.5,
            "buffer": chance.choice((0, 50, 65536)),
        }
        if chance.random() < 0.5:
            drawn["retry"]["per_try_timeout"] = chance.choice((0.3, 2))
    if chance.random() < 0.3:
        drawn["hedge"] = {"percentile": 50, "min_delay": 0.2, "budget": budgets.hedges}
    if chance.random() < 0.2:
        drawn["in_flight"] = 2
        drawn["queue"] = {"size": 2, "timeout": 1}
    if chance.random() < 0.25:
        drawn["transformations"] = rules.drawn(chance)
    if caches and chance.random() < 0.8:
        drawn["cache"] = shared.cache(chance)
    return drawn


def settings(chance: random.Random) -> dict[str, Any]:
    """Draw what is set for the whole gateway."""
    return {
        "timeouts": {
            "request": chance.choice((3, 20)),
            "client_body": 5,
            "client_header": 5,
            "client_idle": 20,
            "client_max_age": chance.choice((0, 0, 2)),
        },
        "limits": {"in_flight": chance.choice((0, 0, 4)), "request_body": chance.choice((0, 10_000))},
    }
