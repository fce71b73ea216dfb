"""When requests come."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from gateway.config.problems import Unexpected
from gateway.simulation.spans import ALWAYS, Span
from gateway.simulation.traffic import Load, arrivals, is_rate, parse_load


@pytest.mark.parametrize(
    ("said", "load"),
    [
        ("20/s", Load(20.0, ALWAYS)),
        ("600/m", Load(10.0, ALWAYS)),
        ("1800/h", Load(0.5, ALWAYS)),
        ("0.5/s@1m+30s", Load(0.5, Span(60.0, 90.0))),
    ],
)
def test_a_rate_is_requests_in_a_time(said: str, load: Load) -> None:
    """And may hold for a part of the time only."""
    assert is_rate(said)
    assert parse_load(said) == load


@pytest.mark.parametrize("said", ["20", "20/d", "0/s", "200000/s", "-1/s", "20/s/s", "20 / s"])
def test_what_is_no_rate_is_refused(said: str) -> None:
    """None at all and more than a gateway can dream of are none."""
    with pytest.raises(Unexpected, match="20/s"):
        parse_load(said)


@pytest.mark.parametrize("said", ["-5/s", "nan/s", "inf/s", "+1/s@1m"])
def test_what_looks_like_a_rate_is_no_file(said: str) -> None:
    """It is refused as a rate: nobody wants to hear that there is no such file."""
    assert is_rate(said)
    with pytest.raises(Unexpected):
        parse_load(said)


@pytest.mark.parametrize("said", ["access.log", "/var/log/20", "-", "./20/s", "log.20"])
def test_a_file_is_no_rate(said: str) -> None:
    """Whatever numbers its name has."""
    assert not is_rate(said)


def test_requests_come_as_a_poisson_process() -> None:
    """Times between them have the mean 1/rate and the same standard deviation; those of a minute vary by their root."""
    times = list(Load(20.0).arrivals(3600.0, random.Random(1)))

    between = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(between) / len(between)
    deviation = (sum((one - mean) ** 2 for one in between) / len(between)) ** 0.5
    minutes = [sum(60 * minute <= at < 60 * minute + 60 for at in times) for minute in range(60)]
    variance = sum((one - 1200.0) ** 2 for one in minutes) / len(minutes)

    assert mean == pytest.approx(0.05, rel=0.02)
    assert deviation == pytest.approx(mean, rel=0.02)
    assert variance == pytest.approx(1200.0, rel=0.4)


def test_loads_add_up() -> None:
    """A second one that holds for a minute brings its requests in that minute alone, and moves none of the others."""
    steady = [Load(5.0)]
    peak = [*steady, Load(50.0, Span(60.0, 120.0))]

    alone, both = list(arrivals(steady, 300.0, 7)), list(arrivals(peak, 300.0, 7))

    assert both == sorted(both)
    assert set(alone) <= set(both)
    more = set(both) - set(alone)
    assert min(more) >= 60.0
    assert max(more) < 120.0
    assert len(more) == pytest.approx(3000, rel=0.1)


def test_the_seed_says_when() -> None:
    """The same one the same, another one other times."""
    loads = [Load(5.0)]

    assert list(arrivals(loads, 60.0, 1)) == list(arrivals(loads, 60.0, 1)) != list(arrivals(loads, 60.0, 2))
