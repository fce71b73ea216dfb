"""Active health of one backend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.health import Health


def test_a_new_backend_is_healthy() -> None:
    """Nothing is known against it."""
    health = Health()

    assert health.healthy
    assert health.since is None
    assert health.age(5.0) is None


def test_three_failures_in_a_row_take_it_out() -> None:
    """Not two, and not three with a success between."""
    health = Health()

    for now, ok in enumerate([False, False, True, False, False]):
        health.record(ok, float(now), "refused")
    assert health.healthy
    health.record(False, 5.0, "status 500")

    assert not health.healthy
    assert health.since == 5.0
    assert health.last_error == "status 500"
    assert health.failures == 3


def test_two_successes_in_a_row_bring_it_back() -> None:
    """Not one, and not two with a failure between; the last error stays to be read."""
    health = Health()
    for now, ok in enumerate([False, False, False, True, False, True]):
        health.record(ok, float(now), "" if ok else "timeout")
    assert not health.healthy

    health.record(True, 6.0)

    assert health.healthy
    assert health.since == 6.0
    assert health.last_error == "timeout"
    assert health.age(8.5) == 2.5


def test_thresholds_are_settings() -> None:
    """One and one: each check decides."""
    health = Health(unhealthy_threshold=1, healthy_threshold=1)

    health.record(False, 1.0)
    assert not health.healthy
    health.record(True, 2.0)

    assert health.healthy


def test_changes_are_told_with_their_cause() -> None:
    """Once each, however many checks confirm them."""
    told: list[tuple[bool, str]] = []
    health = Health(on_change=lambda healthy, cause: told.append((healthy, cause)))

    for ok in [False] * 5 + [True] * 5:
        health.record(ok, 1.0, "" if ok else "connection refused")

    assert told == [
        (False, "3 checks in a row failed, the last by connection refused"),
        (True, "2 checks in a row succeeded"),
    ]


@given(st.lists(st.booleans()), st.integers(1, 4), st.integers(1, 4))
def test_health_follows_the_last_long_enough_row(checks: list[bool], out: int, back: int) -> None:
    """Of checks that fail, or succeed; shorter rows change nothing."""
    health = Health(out, back)
    expected = True
    for number, ok in enumerate(checks, 1):
        health.record(ok, float(number))
        row = checks[max(0, number - (back if ok else out)) : number]
        if len(row) == (back if ok else out) and set(row) == {ok}:
            expected = ok

        assert health.healthy is expected


@pytest.mark.parametrize(
    ("threshold", "why", "causes"),
    [
        (1, "timeout", ["1 check in a row failed, the last by timeout", "1 check in a row succeeded"]),
        (2, "", ["2 checks in a row failed", "2 checks in a row succeeded"]),
    ],
)
def test_a_change_is_told_with_its_cause_in_words(threshold: int, why: str, causes: list[str]) -> None:
    """One check is no plural; what was wrong is named where it is known."""
    told: list[tuple[bool, str]] = []
    health = Health(threshold, threshold, lambda healthy, cause: told.append((healthy, cause)))
    assert (health.successes, health.last_error) == (0, "")

    for ok in (False, False, True, True):
        health.record(ok, 1.0, "" if ok else why)

    assert told == [(False, causes[0]), (True, causes[1])]
