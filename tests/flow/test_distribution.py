"""1,000 requests reach each backend within 10 % of the ratio that its strategy promises (R-LB-08)."""

from __future__ import annotations

from math import sqrt

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness

REQUESTS = 1000
NAMES = ("a", "b", "c")

STRATEGIES = {
    "round_robin": (1, 1, 1),
    "weighted_round_robin": (1, 2, 5),
    "least_connections": (1, 1, 1),
    "least_latency": (1, 2, 5),
    "random": (1, 2, 5),
    "ip_hash": (1, 1, 1),
    "consistent_hash": (1, 2, 5),
}


def gateway(strategy: str, weights: tuple[int, ...]) -> Harness:
    """Three backends with these weights."""
    backends = [{"url": f"http://127.0.0.1:{9001 + number}", "weight": weight} for number, weight in enumerate(weights)]
    return Harness(
        *NAMES,
        upstreams=[
            {
                "name": "orders",
                "strategy": strategy,
                "hash_on": "header:X-User",
                "backends": backends,
                "passive_health": {"failures": 2, "eject": 10},
            }
        ],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders"}],
        trusted_proxies=["192.0.2.1"],
    )


def spread(made: Harness) -> list[int]:
    """Make the requests, each from another client, and count where they went."""
    for name in NAMES:
        made.backend(name).requests.clear()
    proxy = made.client()
    for number in range(REQUESTS):
        address = f"10.{number % 7}.{number // 7 % 251}.{number % 251}"
        made.request("GET", "/", {"X-User": f"session-{number}", "X-Forwarded-For": address}, client=proxy)
        proxy.received = b""
    return [len(made.backend(name).requests) for name in NAMES]


def within_a_tenth(counts: list[int], weights: tuple[int, ...], drawn: bool = False) -> bool:
    """Of what each weight should bring; twice the deviation of a draw comes on top where chance alone decides."""
    wanted = [REQUESTS * weight / sum(weights) for weight in weights]
    deviations = [2 * sqrt(want * (1 - want / REQUESTS)) if drawn else 0.0 for want in wanted]
    return all(
        abs(count - want) <= 0.1 * want + deviation
        for count, want, deviation in zip(counts, wanted, deviations, strict=True)
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_backend_gets_its_share(strategy: str) -> None:
    """For every strategy, with weights where they count."""
    counts = spread(gateway(strategy, STRATEGIES[strategy]))

    assert sum(counts) == REQUESTS
    assert within_a_tenth(counts, STRATEGIES[strategy], strategy == "random"), counts


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_and_has_it_again_after_a_recovery(strategy: str) -> None:
    """Ejected for its failures, and back: the ratio is the one of before."""
    made = gateway(strategy, STRATEGIES[strategy])
    made.backend("c").answers(ok(status=b"500 No"))
    spread(made)
    made.backend("c").answers(ok())
    without = spread(made)
    assert without[2] == 0, without
    made.advance(10.1)

    counts = spread(made)
    assert within_a_tenth(counts, STRATEGIES[strategy], strategy == "random"), counts
