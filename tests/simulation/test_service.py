"""What requests cost backends."""

from __future__ import annotations

import random

import pytest

from gateway.config.problems import Unexpected
from gateway.simulation.service import Service, parse_service, service_of


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("20ms", ("", Service("always", 0.02, 0.0, 0))),
        ("orders:mean=1s", ("orders", Service("mean", 1.0, 0.0, 0))),
        ("p50=20ms,p99=200ms,at-once=8", ("", Service("percentiles", 0.02, 0.2, 8))),
        ("orders:at-once=1,20ms", ("orders", Service("always", 0.02, 0.0, 1))),
    ],
)
def test_a_service_is_a_time_and_a_number_of_places(said: str, found: tuple[str, Service]) -> None:
    """Of one upstream, or of all."""
    assert parse_service(said) == found


@pytest.mark.parametrize(
    "said",
    ["", "0s", "soon", "p50=20ms", "p50=200ms,p99=20ms", "20ms,30ms", "mean=1s,20ms", "20ms,at-once=-1", "at-once=2",
     "20ms,at-once=many", "p95=1s", "mean=1s,mean=2s"],
)  # fmt: skip
def test_what_is_none_is_refused(said: str) -> None:
    """In words that show all three ways of saying a time."""
    with pytest.raises(Unexpected, match="p50=20ms,p99=200ms"):
        parse_service(said)


def drawn(said: str) -> list[float]:
    """Return 20,000 times in order."""
    _, service = parse_service(said)
    chance = random.Random(1)
    return sorted(service.draw(chance) for _ in range(20_000))


def test_a_time_alone_is_always_the_same() -> None:
    """As a timer is."""
    assert set(drawn("20ms")) == {0.02}


def test_a_mean_is_that_of_an_exponential_distribution() -> None:
    """Whose median is the mean times the logarithm of 2."""
    times = drawn("mean=20ms")

    assert sum(times) / len(times) == pytest.approx(0.02, rel=0.03)
    assert times[10_000] == pytest.approx(0.02 * 0.6931, rel=0.03)


def test_percentiles_are_met() -> None:
    """Both that are said."""
    times = drawn("p50=20ms,p99=200ms")

    assert times[10_000] == pytest.approx(0.02, rel=0.03)
    assert times[19_800] == pytest.approx(0.2, rel=0.08)


def test_what_is_said_of_an_upstream_wins() -> None:
    """Then what is said of all, then 20 ms and 200 ms; of several the last."""
    said = [parse_service(one) for one in ("orders:1s", "2s", "orders:3s")]

    assert service_of("orders", said).seconds == 3.0
    assert service_of("users", said).seconds == 2.0
    assert service_of("users", []) == Service("percentiles", 0.02, 0.2, 0)
