"""What `make load` makes of k6's words, and what it asks it for; k6 itself runs there."""

from __future__ import annotations

from typing import Any

from tests.endurance.load import Called, judge, read, spike, steady


def called(name: str, asked: int = 200, **how: Any) -> Called:
    """A scenario in which all is well."""
    well = Called(name, asked, asked * 10, 10.0, 1.0, 2.0, 3.0, 9.0, 0, 0, 0, 0.1)
    return well._replace(**how)


WELL = [called("without the gateway"), called("baseline", median=2.0, p95=4.0), called("rate limit", 300, refused=1950)]


def verdicts(*found: Called, memory: float = 80.0) -> dict[str, str]:
    """What is held against each promise."""
    named = {one.name: one for one in [*WELL, *found]}
    return {row[0].split(" (")[0]: row[-1] for row in judge(list(named.values()), memory, 10.0)}


def test_promises_that_are_kept() -> None:
    """All of them."""
    assert set(verdicts().values()) == {"met", ""}


def test_a_promise_that_is_not_kept_is_named() -> None:
    """Each by itself."""
    assert verdicts(called("baseline", median=7.0))["overhead, median"] == "MISSED"
    assert verdicts(called("baseline", p99=54.0))["overhead, p99"] == "MISSED"
    assert verdicts(called("baseline", wrong=3))["failed, baseline"] == "MISSED"
    assert verdicts(memory=101.0)["memory at the start"] == "MISSED"
    for refused in (0, 2500):
        assert verdicts(called("rate limit", 300, refused=refused))["let through by the limit"] == "MISSED"


def test_a_call_that_never_began_has_failed() -> None:
    """Else a gateway that lets all callers wait would look well."""
    assert called("stress", 100, dropped=1000).failed == 0.5
    assert verdicts(called("baseline", dropped=10))["failed, baseline"] == "MISSED"


def test_the_highest_rate_is_one_that_was_held() -> None:
    """Neither one that was asked for in vain nor one at which calls had to queue."""
    rows = judge(
        [*WELL, called("stress", 500), called("stress", 1000, p99=80.0), called("stress", 2000, dropped=99)], 80, 10
    )

    assert rows[-1][1] == "500/s"


def test_k6_is_asked_for_an_open_loop() -> None:
    """A rate of arrivals, not a number of users."""
    assert steady(200, 10)["executor"] == "constant-arrival-rate"
    assert [stage["target"] for stage in spike(100, 900, 30)["stages"]] == [100, 900, 900, 100, 100]


def test_a_summary_without_errors_has_no_such_counters() -> None:
    """k6 leaves out what never happened."""
    metrics = {
        "http_req_duration": {"values": {"med": 1.0, "p(95)": 2.0, "p(99)": 3.0, "max": 4.0}},
        "http_reqs": {"values": {"count": 7}},
    }

    assert read("x", 1, metrics, 7.0, 0.5) == Called("x", 1, 7, 7.0, 1.0, 2.0, 3.0, 4.0, 0, 0, 0, 0.5)
