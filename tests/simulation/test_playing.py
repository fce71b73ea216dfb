"""What a simulation says is what theory says, where there is one; and the gateway in it is the real one."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, factorial, log
from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.simulation.faults import parse_fault
from gateway.simulation.mix import draw, made_up, one_of_each_route
from gateway.simulation.playing import Outcome, Scene, play
from gateway.simulation.service import parse_service
from gateway.simulation.traffic import arrivals, parse_load


def moments(rate: str, seconds: float, seed: int = 1) -> Iterator[float]:
    """Return when requests come."""
    return arrivals([parse_load(rate)], seconds, seed)


def played(
    rate: str = "20/s",
    seconds: float = 300.0,
    service: str = "20ms",
    *faults: str,
    backends: int = 1,
    callers: int = 5,
    seed: int = 1,
    upstream: dict[str, Any] | None = None,
    **route: Any,
) -> Outcome:
    """Play traffic to one upstream."""
    urls = [{"url": f"http://127.0.0.1:{9001 + number}"} for number in range(backends)]
    settings = from_mapping(
        {
            "upstreams": [{"name": "orders", "backends": urls, **(upstream or {})}],
            "routes": [{"name": "orders", "path": "/orders/:id", "upstream": "orders", **route}],
        }
    )
    requests, _ = one_of_each_route(settings)
    scene = Scene(
        settings,
        seconds,
        seed,
        [request for request, _ in requests],
        made_up(callers, {}),
        [parse_service(service)],
        [parse_fault(one) for one in faults],
    )
    return play(scene, draw(moments(rate, seconds, seed), [1], callers, seed))


def happened(outcome: Outcome, name: str) -> list[float]:
    """Return when events of a name happened to a backend."""
    return [one.at for one in outcome.figures.events if one.name == name and "http://127.0.0.1:900" in one.words]


def test_a_quiet_backend_takes_what_it_takes() -> None:
    """All requests are answered, in the time of the backend; the gateway adds none on this clock."""
    outcome = played("20/s", 300.0, "20ms")
    tally = outcome.figures.tally

    assert tally.count == len(list(moments("20/s", 300.0))) == outcome.stations["orders[0]"].asked
    assert tally.errors == 0
    assert tally.latency.max == pytest.approx(0.02)
    assert tally.latency.mean == pytest.approx(0.02)


@pytest.mark.parametrize(("places", "mean"), [(1, 0.04), (3, 0.12)])
def test_a_busy_backend_is_the_queue_that_it_is(places: int, mean: float) -> None:
    """M/M/c at 80 % (Erlang's C): the mean time, the share at work, and of one place the percentiles."""
    seconds, rate = 1800.0, 20.0
    outcome = played("20/s", seconds, f"mean={mean}s,at-once={places}", callers=50)
    latency = outcome.figures.tally.latency

    load = rate * mean
    last = load**places / factorial(places) * places / (places - load)
    waits = last / (sum(load**k / factorial(k) for k in range(places)) + last)
    expected = mean + waits / (places / mean - rate)
    assert latency.mean == pytest.approx(expected, rel=0.1)
    assert outcome.stations["orders[0]"].busy / seconds == pytest.approx(load, rel=0.03)
    if places == 1:  # the time in the system is exponential
        assert latency.percentile(50.0) == pytest.approx(log(2) * expected, rel=0.1)
        assert latency.percentile(99.0) == pytest.approx(log(100) * expected, rel=0.15)
        above = sum(count for place, count in latency._classes.items() if 1e-5 * 1.02**place > 2 * expected)
        assert above / latency.count == pytest.approx(exp(-2), rel=0.15)


def test_a_breaker_opens_at_the_failure_that_it_counts_to() -> None:
    """The fifth request after the backend went down; and lets one try as soon as its time is over."""
    times = [at for at in moments("20/s", 200.0) if at >= 60.0]
    outcome = played(
        "20/s",
        200.0,
        "1ms",
        "orders:down@1m+1m",
        upstream={"circuit_breaker": {"failure_threshold": 5, "timeout": "30s"}},
    )

    opened, tried, closed = (happened(outcome, f"breaker.{state}") for state in ("open", "half_open", "closed"))
    assert opened[0] == pytest.approx(times[4], abs=1e-6)
    first_try = next(at for at in times if at >= times[4] + 30.0)
    assert tried[0] == pytest.approx(first_try, abs=1e-6)
    # The backend is down until then: the first try that succeeds is the one after two minutes.
    assert closed[-1] > 120.0
    reasons = outcome.figures.reasons
    in_vain = len(opened) - 1  # of those before, each has opened it again
    assert reasons["upstream.connect"] == 5 + in_vain


def test_a_limit_lets_through_its_share() -> None:
    """A caller who asks five times as much: a full bucket at first, then what flows in."""
    outcome = played(
        "5/s", 600.0, "1ms", callers=1, rate_limit={"requests": 60, "window": "60s", "algorithm": "token_bucket"}
    )
    figures = outcome.figures

    assert figures.statuses[200] == pytest.approx(60 + 600 * 1.0, abs=2)
    assert figures.tally.limited == figures.statuses[429] == figures.tally.count - figures.statuses[200]
    assert figures.reasons == {"limit.exceeded": figures.statuses[429]}
    assert outcome.stations["orders[0]"].asked == figures.statuses[200]


def test_a_limit_by_address_is_each_callers_own() -> None:
    """Five callers have five times as much."""
    limit = {"requests": 60, "window": "60s", "algorithm": "token_bucket"}

    outcome = played("25/s", 300.0, "1ms", callers=5, rate_limit=limit)

    assert outcome.figures.statuses[200] == pytest.approx(5 * (60 + 300), abs=10)


def test_retries_hide_one_dead_backend_of_three() -> None:
    """As far as their budget lets them. A retry takes the turn of the next backend, so the dead one's comes sooner."""
    fault = "orders[1]:down@1m+1m"

    without = played("20/s", 180.0, "5ms", fault, backends=3)
    bounded = played("20/s", 180.0, "5ms", fault, backends=3, retry={"attempts": 1, "min_per_second": 0})
    retried = played("20/s", 180.0, "5ms", fault, backends=3, retry={"attempts": 1, "budget": 1.0})

    minute = len([at for at in moments("20/s", 180.0) if 60.0 <= at < 120.0])
    assert without.figures.tally.errors == pytest.approx(minute / 3, abs=2)
    assert bounded.figures.retries == pytest.approx(minute / 5, rel=0.1)
    fails = (minute + bounded.figures.retries) / 3
    assert bounded.figures.tally.errors == pytest.approx(fails - bounded.figures.retries, rel=0.1)
    assert retried.figures.retries == pytest.approx(minute / 2, rel=0.05)  # r of r = (minute + r) / 3
    assert retried.figures.tally.errors == 0


def test_a_backend_that_is_ejected_gets_nothing() -> None:
    """Its load goes to the others, for as long as it is out."""
    outcome = played(
        "20/s",
        120.0,
        "5ms",
        "orders[1]:down@30s",
        backends=3,
        upstream={"passive_health": {"failures": 5, "window": "30s", "eject": "10m"}},
    )

    (ejected,) = happened(outcome, "backend.ejected")
    times = [at for at in moments("20/s", 120.0) if at >= 30.0]
    assert ejected == pytest.approx(times[14], abs=0.3)  # each third request is its
    columns = outcome.figures.backends
    rest = range(outcome.figures.column(ejected) + 1, 60)
    assert sum(columns["orders[1]"][place] for place in rest) == 0
    shares = [sum(columns[f"orders[{number}]"][place] for place in rest) for number in (0, 2)]
    assert shares[0] == pytest.approx(shares[1], abs=2)
    assert sum(shares) == sum(outcome.figures.columns[place].count for place in rest)


def test_checks_find_who_is_down_and_who_is_back() -> None:
    """By the real prober: three that fail, two that succeed."""
    outcome = played(
        "5/s",
        180.0,
        "5ms",
        "orders[1]:down@1m+1m",
        backends=2,
        upstream={"health_check": {"interval": "10s"}},
    )

    (out,), (back,) = happened(outcome, "backend.unhealthy"), happened(outcome, "backend.healthy")
    assert 78.0 <= out <= 92.0  # from the first check that fails to the third it is twice 10 s, a tenth less or more
    assert 129.0 <= back <= 143.0


def test_a_timeout_comes_when_it_is_due() -> None:
    """Deadlines are looked at ten times a second, as in production."""
    outcome = played("2/s", 60.0, "20ms", "orders:lost@30s", timeout="5s")

    late = [one.latency for one in outcome.figures.columns[31:55] if one.count]
    assert min(one.percentile(1.0) for one in late) >= 4.95
    assert max(one.max for one in late) <= 5.11
    assert outcome.figures.statuses[504] > 0


def test_who_has_no_answer_when_all_is_over_has_none() -> None:
    """A client that is never answered is counted; nobody waits for ever."""
    outcome = played("1/s", 30.0, "2h", timeout="3h", request_timeout="3h")

    assert outcome.figures.statuses == {0: outcome.figures.tally.count}
    assert outcome.figures.tally.error_rate == 1.0


def test_the_same_seed_is_the_same_run() -> None:
    """Every figure of it; another seed is another run."""

    def all_of(seed: int) -> object:
        outcome = played("20/s", 60.0, "p50=20ms,p99=200ms", "orders:errors=10%", backends=2, seed=seed)
        figures = outcome.figures
        return figures.statuses, figures.tally.latency._classes, figures.events, figures.backends

    assert all_of(1) == all_of(1) != all_of(2)


def test_callers_show_what_a_route_asks_for() -> None:
    """Each a token in its own name; who is limited by user is limited apart."""
    settings = from_mapping(
        {
            "auth": {"jwt": {"default": {"algorithms": ["HS256"], "secret": "made-up-and-at-least-32-octets-long"}}},
            "upstreams": [{"name": "a", "backends": [{"url": "http://127.0.0.1:9001"}]}],
            "routes": [
                {
                    "name": "a",
                    "path": "/a",
                    "upstream": "a",
                    "auth": {"type": "jwt", "scopes": ["read"]},
                    "rate_limit": {"requests": 10, "window": "1h", "scope": "user", "algorithm": "sliding_window"},
                }
            ],
        }
    )
    requests, _ = one_of_each_route(settings)

    def statuses(claims: dict[str, str]) -> dict[int, int]:
        scene = Scene(settings, 60.0, 1, [request for request, _ in requests], made_up(3, claims))
        return dict(play(scene, draw(moments("5/s", 60.0), [1], 3, 1)).figures.statuses)

    assert statuses({"scope": "read"})[200] == 3 * 10
    assert set(statuses({"scope": "write"})) == {403}


def test_progress_is_told_now_and_then() -> None:
    """As far as it has come."""
    settings = from_mapping({"routes": [{"name": "own", "path": "/", "respond": {"body": "ok"}}]})
    from gateway.config.schema.cases import CaseRequest

    scene = Scene(settings, 60.0, 1, [CaseRequest(url="http://x/")], made_up(1, {}))
    told: list[float] = []
    outcome = play(scene, draw(moments("5/s", 60.0), [1], 1, 1), told.append)

    assert told == sorted(told)
    assert 50 <= len(told) <= 59
    assert set(outcome.figures.statuses) == {200}
