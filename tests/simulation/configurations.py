"""Draws configurations: every strategy, and everything that is there against failures, on or off, small or large.

Limits are small and times short, so that they are reached within a run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

Section = dict[str, Any]

STRATEGIES = ("round_robin", "weighted_round_robin", "least_connections", "ip_hash", "consistent_hash", "random")
SPARE = "spare"
"""The backend of the other upstream, which fallbacks and a split route go to."""
REQUEST = 10.0
"""Most seconds that an exchange has on the client's side, in every configuration."""


@dataclass(frozen=True)
class Budgets:
    """What is drawn once for a run, so that sums over all of it can be checked.

    Attributes:
        ratio: Of a route's retries.
        minimum: Of a route's retries, each second.
        hedges: Share of a route's exchanges.
    """

    ratio: float
    minimum: int
    hedges: float


def budgets(chance: Random) -> Budgets:
    """Draw the budgets of a run."""
    return Budgets(chance.choice((0.0, 0.1, 0.5, 1.0)), chance.choice((0, 1, 3)), chance.choice((0.1, 0.5, 1.0)))


def configuration(chance: Random, ports: dict[str, int], spent: Budgets) -> Section:
    """Draw a configuration.

    Args:
        chance: Draws.
        ports: Of the backends that there are, by name; one of them is `SPARE`.
        spent: The budgets of the run.
    """
    names = [name for name in ports if name != SPARE]
    used = chance.sample(names, chance.randint(1, len(names)))
    limits: Section = {"request_body": chance.choice((0, 300_000))}
    if chance.random() < 0.15:
        limits |= {"in_flight": chance.randint(1, 6)} | _perhaps(chance, 0.6, "queue", _queue)
    return {
        "upstreams": [_upstream(chance, "main", used, ports), _upstream(chance, "other", [SPARE], ports)],
        "routes": [_route(chance, "a", "main", spent), _route(chance, "b", _shared_out(chance), spent)],
        "limits": limits,
        "timeouts": {
            "request": chance.choice((3.0, REQUEST)),
            "connect": chance.choice((0.5, 3.0)),
            "client_header": 5.0,
            "client_body": chance.choice((2.0, 5.0)),
            "client_idle": chance.choice((5.0, 20.0)),
        },
    }


def _shared_out(chance: Random) -> Any:
    return "main" if chance.random() < 0.6 else [{"name": "main", "weight": 2}, {"name": "other", "weight": 1}]


def _upstream(chance: Random, name: str, backends: Sequence[str], ports: dict[str, int]) -> Section:
    section: Section = {
        "name": name,
        "strategy": chance.choice(STRATEGIES),
        "hash_on": "path",
        "backends": [
            {"url": f"http://127.0.0.1:{ports[backend]}", "weight": chance.choice((1, 1, 1, 2, 3, 0))}
            for backend in backends
        ],
        "pool": {
            "max_connections": chance.choice((1, 2, 4, 100)),
            "max_pending": chance.choice((0, 1, 3, 1000)),
            "queue_timeout": chance.choice((0.5, 3.0)),
            "idle_timeout": chance.choice((0.5, 5.0, 60.0)),
        },
        "slow_start": chance.choice((0, 0, 3)),
        "panic_threshold": chance.choice((0.0, 0.5, 1.0)),
        "in_flight": chance.choice((0, 0, 0, 1, 3, 8)),
    }
    section |= _perhaps(chance, 0.6, "circuit_breaker", lambda chance: _breaker(chance, name))
    section |= _perhaps(chance, 0.4, "passive_health", _passive)
    section |= _perhaps(chance, 0.3, "health_check", _check)
    section |= _perhaps(chance, 0.15, "adaptive_concurrency", _adaptive)
    if section["in_flight"] or "adaptive_concurrency" in section:
        section |= _perhaps(chance, 0.6, "queue", _queue)
    return section


def _route(chance: Random, name: str, upstream: Any, spent: Budgets) -> Section:
    section: Section = {
        "name": name,
        "path": f"/{name}/*",
        "upstream": upstream,
        "timeout": chance.choice((0.5, 2.0, 6.0)),
        "priority": chance.choice(("low", "normal", "high")),
        "in_flight": chance.choice((0, 0, 0, 0, 2, 5)),
    }
    section |= _perhaps(chance, 0.65, "retry", lambda chance: _retry(chance, spent))
    section |= _perhaps(
        chance, 0.35, "hedge", lambda chance: {"min_delay": chance.choice((0.05, 0.3)), "budget": spent.hedges}
    )
    if section["in_flight"]:
        section |= _perhaps(chance, 0.6, "queue", _queue)
    return section


def _retry(chance: Random, spent: Budgets) -> Section:
    retry: Section = {
        "attempts": chance.randint(0, 3),
        "backoff": chance.choice((0.0, 0.025, 0.3)),
        "budget": spent.ratio,
        "min_per_second": spent.minimum,
        "idempotency_key": chance.random() < 0.5,
        "buffer": chance.choice((0, 1_000, 65_536)),
        "on": chance.choice(
            (
                ["connect", "refused", "reset", 502, 503, 504],
                ["connect", "refused", "reset", "timeout", 500, 503],
                ["reset"],
                ["connect", 404],
            )
        ),
    }
    return retry | _perhaps(chance, 0.3, "per_try_timeout", lambda chance: chance.choice((0.2, 1.0)))


def _breaker(chance: Random, upstream: str) -> Section:
    fallback: Section = chance.choice(
        ({}, {}, {"status": 200, "body": "instead"}, {"status": 503, "body": "{}"}, {"upstream": "other"})
    )
    if upstream == "other":
        fallback.pop("upstream", None)
    return {
        "failure_threshold": chance.randint(1, 4),
        "error_rate": {
            "ratio": chance.choice((0.2, 0.5, 0.9)),
            "window": chance.choice((3.0, 60.0)),
            "min_requests": chance.choice((2, 5, 20)),
        },
        "timeout": chance.choice((0.3, 1.0, 4.0)),
        "half_open_requests": chance.randint(1, 3),
        "success_threshold": chance.randint(1, 3),
        "close_on": chance.choice(("probe", "either", "either", "health_check")),
        "fallback": fallback,
    }


def _passive(chance: Random) -> Section:
    return {
        "failures": chance.randint(1, 4),
        "window": chance.choice((2.0, 30.0)),
        "eject": chance.choice((0.5, 3.0)),
        "max_ejected_percent": chance.choice((30, 50, 100)),
    }


def _check(chance: Random) -> Section:
    return {
        "type": chance.choice(("http", "http", "tcp")),
        "interval": chance.choice((0.5, 2.0)),
        "timeout": chance.choice((0.2, 1.0)),
        "unhealthy_threshold": chance.randint(1, 3),
        "healthy_threshold": chance.randint(1, 2),
    }


def _adaptive(chance: Random) -> Section:
    return {"initial_limit": 4, "min_limit": chance.randint(1, 3), "max_limit": 8, "window": 0.5, "min_samples": 3}


def _queue(chance: Random) -> Section:
    return {"size": chance.choice((0, 1, 4)), "timeout": chance.choice((0.3, 1.5))}


def _perhaps(chance: Random, how_often: float, key: str, make: Callable[[Random], Any]) -> Section:
    return {key: make(chance)} if chance.random() < how_often else {}
