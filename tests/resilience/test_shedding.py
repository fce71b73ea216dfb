"""Shedding by loop lag and memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.admission import Priority
from gateway.resilience.shedding import Shedder, StandingLag

MIB = 2**20


def shed(shedder: Shedder) -> str:
    """Name the priorities that are turned away by their initials."""
    return "".join(priority.name[0] for priority in Priority if priority < shedder.level)


@pytest.mark.parametrize(
    ("lag", "memory", "expected"),
    [
        (0.0, 0, ""),
        (0.075, 75 * MIB, ""),
        (0.076, 0, "L"),
        (0.0, 76 * MIB, "L"),
        (0.1, 100 * MIB, "L"),
        (0.101, 0, "LN"),
        (0.0, 101 * MIB, "LN"),
        (0.15, 0, "LN"),
        (0.151, 0, "LNH"),
        (9.0, 900 * MIB, "LNH"),
    ],
)
def test_what_is_shed_past_which_measurement(lag: float, memory: int, expected: str) -> None:
    """The worse of the two counts; at a mark is not past it."""
    shedder = Shedder(0.1, 100 * MIB)

    shedder.observe(lag, memory)

    assert shed(shedder) == expected


def test_a_mark_of_nought_is_no_reason() -> None:
    """Neither is on by default, and each may be on alone."""
    off, by_lag = Shedder(), Shedder(loop_lag_mark=0.1)

    off.observe(60.0, 2**40)
    by_lag.observe(0.0, 2**40)

    assert (shed(off), shed(by_lag)) == ("", "")


def test_shedding_ends_well_below_where_it_began() -> None:
    """At 80 %: a load that hangs about the mark does not make it flap."""
    shedder = Shedder(loop_lag_mark=0.1)
    seen = []

    for lag in (0.11, 0.09, 0.11, 0.081, 0.079, 0.061, 0.059, 0.07):
        shedder.observe(lag, 0)
        seen.append(shed(shedder))

    assert seen == ["LN", "LN", "LN", "LN", "L", "L", "", ""]


def test_changes_are_told_with_their_cause() -> None:
    """And only changes."""
    told: list[tuple[int, int, str]] = []
    shedder = Shedder(0.1, 100 * MIB, lambda *change: told.append(change))

    for lag, memory in [(0.2, 0), (0.2, 0), (0.0, 101 * MIB), (0.0, 0)]:
        shedder.observe(lag, memory)

    assert told == [(0, 3, "loop lag 200 ms"), (3, 2, "memory 101 MiB"), (2, 0, "loop lag 0 ms")]


def test_what_it_came_to_this_by_has_a_name() -> None:
    """For labels: the worse of the two at the last change."""
    shedder = Shedder(0.1, 100 * MIB)
    assert shedder.by == ""

    named = []
    for lag, memory in [(0.2, 0), (0.0, 101 * MIB), (0.0, 102 * MIB)]:
        shedder.observe(lag, memory)
        named.append(shedder.by)

    assert named == ["loop_lag", "memory", "memory"]


def test_where_both_are_as_bad_lag_is_named() -> None:
    """As the label and in words: the two must not name different ones."""
    shedder = Shedder(0.1, 100 * MIB)

    shedder.observe(0.2, 200 * MIB)

    assert (shedder.by, shedder.cause) == ("loop_lag", "loop lag 200 ms")


def test_a_single_pause_does_not_stand() -> None:
    """Two late periods in a row do: the lesser of them counts, and it falls by half."""
    standing = StandingLag()

    seen = [standing.observe(worst) for worst in (0.0, 5.0, 0.0, 0.2, 0.4, 0.3, 0.0, 0.0, 0.0)]

    assert seen == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.2, 0.3, 0.15, 0.075, 0.0375])


@given(st.lists(st.floats(0.0, 10.0), min_size=1))
def test_what_stands_is_never_more_than_what_was_seen(lags: list[float]) -> None:
    """Nor less than what two periods have shown."""
    standing = StandingLag()
    for number, lag in enumerate(lags):
        found = standing.observe(lag)

        assert found <= max(lags[: number + 1])
        if number:
            assert found >= min(lag, lags[number - 1])


@given(st.lists(st.floats(0.0, 1.0)))
def test_what_matters_more_is_never_shed_before_what_matters_less(lags: list[float]) -> None:
    """Nor anything without load; past a mark and a half everything is."""
    shedder = Shedder(loop_lag_mark=0.1)
    for lag in lags:
        shedder.observe(lag, 0)

        assert shed(shedder) in ("", "L", "LN", "LNH")
        if lag > 0.151:
            assert shed(shedder) == "LNH"
        if lag < 0.059:
            assert shed(shedder) == ""
