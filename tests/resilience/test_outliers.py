"""Passive health: who is ejected, for how long, and how many at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.outliers import OutlierDetector, OutlierRules

FOUR = ("a", "b", "c", "d")


def fail(detector: OutlierDetector, name: str, now: float, times: int = 5) -> None:
    """Let real attempts fail."""
    for _ in range(times):
        detector.watch(name).record(False, now, "upstream.connect")


def out(detector: OutlierDetector, now: float) -> str:
    """Name those that are ejected."""
    return "".join(name for name in FOUR if detector.watch(name).ejected(now))


def test_failures_within_the_window_eject() -> None:
    """At the fifth, for thirty seconds."""
    detector = OutlierDetector(OutlierRules(), FOUR)

    fail(detector, "b", 100.0, 4)
    assert out(detector, 100.0) == ""
    fail(detector, "b", 129.0, 1)

    assert out(detector, 129.0) == "b"
    assert out(detector, 158.9) == "b"
    assert out(detector, 159.0) == ""


def test_successes_between_do_not_help() -> None:
    """It is the failures that count, not their being in a row."""
    detector = OutlierDetector(OutlierRules(), FOUR)

    for _ in range(5):
        detector.watch("a").record(True, 1.0)
        detector.watch("a").record(False, 1.0)
        detector.watch("a").record(True, 1.0)

    assert out(detector, 1.0) == "a"


def test_failures_older_than_the_window_do_not_count() -> None:
    """One every eight seconds is never five in thirty."""
    detector = OutlierDetector(OutlierRules(), FOUR)

    for second in range(0, 4000, 8):
        detector.watch("a").record(False, float(second))
        assert out(detector, float(second)) == ""


def test_ejections_in_a_row_last_longer_and_longer() -> None:
    """Once, twice, three times as long, up to ten times."""
    detector = OutlierDetector(OutlierRules(), FOUR)
    now, lasted = 0.0, []

    for _ in range(12):
        fail(detector, "a", now)
        suspect = detector.watch("a")
        lasted.append(suspect.until - now)
        now = suspect.until

    assert lasted == [30.0 * times for times in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10)]


def test_time_in_service_is_credited() -> None:
    """Three ejections in a row, then two times `eject` without one: the next is the second of a row."""
    detector = OutlierDetector(OutlierRules(), FOUR)
    now = 0.0
    for _ in range(3):
        fail(detector, "a", now)
        now = detector.watch("a").until

    fail(detector, "a", now + 60.0)

    assert detector.watch("a").until == now + 60.0 + 60.0


def test_failures_of_an_ejected_backend_do_not_count() -> None:
    """Attempts that were under way when it was ejected, and those of a panic."""
    detector = OutlierDetector(OutlierRules(), FOUR)
    fail(detector, "a", 0.0)

    fail(detector, "a", 29.0)
    assert out(detector, 30.0) == ""
    fail(detector, "a", 30.0, 4)

    assert out(detector, 30.0) == ""


def test_no_more_than_the_share_are_out_at_once() -> None:
    """Half of four; the third is spared until one returns."""
    detector = OutlierDetector(OutlierRules(), FOUR)

    fail(detector, "a", 0.0)
    fail(detector, "b", 10.0)
    fail(detector, "c", 11.0)
    assert out(detector, 11.0) == "ab"

    fail(detector, "c", 30.0, 1)
    assert out(detector, 30.0) == "bc"


@pytest.mark.parametrize(
    ("backends", "percent", "most"),
    [(1, 100.0, 0), (2, 50.0, 1), (3, 10.0, 1), (3, 50.0, 1), (3, 100.0, 3), (4, 50.0, 2), (4, 0.0, 0), (10, 25.0, 2)],
)
def test_how_many_may_be_out(backends: int, percent: float, most: int) -> None:
    """The share rounded down, but one where there is another; none of one, and none at all for 0 percent."""
    names = [str(number) for number in range(backends)]
    detector = OutlierDetector(OutlierRules(max_ejected_percent=percent), names)

    for name in names:
        fail(detector, name, 1.0)

    assert detector.out(1.0) == most


def test_changes_are_told_with_their_cause() -> None:
    """The return when somebody asks."""
    told: list[tuple[str, bool, str]] = []
    detector = OutlierDetector(OutlierRules(), FOUR, lambda *change: told.append(change))

    fail(detector, "a", 0.0)
    assert detector.out(29.9) == 1
    assert detector.out(30.0) == 0
    assert detector.out(31.0) == 0

    assert told == [
        ("a", True, "5 failures within 30 s, the last by upstream.connect; out for 30 s"),
        ("a", False, "its ejection is over"),
    ]


def test_backends_come_and_go() -> None:
    """What is forgotten does not count against the others, even if its last attempts fail later."""
    detector = OutlierDetector(OutlierRules(), ("a", "b"))
    gone = detector.watch("a")
    fail(detector, "a", 0.0)
    fail(detector, "b", 0.0)
    assert not detector.watch("b").ejected(0.0)

    detector.forget("a")
    detector.watch("c")
    for _ in range(5):
        gone.record(False, 50.0)
    fail(detector, "b", 50.0, 5)

    assert detector.watch("b").ejected(50.0)
    assert detector.out(50.0) == 1


@given(
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.floats(0.0, 10.0), st.integers(1, 6))),
    st.floats(0.0, 100.0),
    st.integers(1, 7),
)
def test_the_share_that_is_out_never_exceeds_the_cap(
    events: list[tuple[str, float, int]], percent: float, backends: int
) -> None:
    """Whoever fails whenever; and an ejection never lasts longer than ten times its length."""
    names = "abcdefg"[:backends]
    detector = OutlierDetector(OutlierRules(failures=3, max_ejected_percent=percent), names)
    now, most = 0.0, max(1, int(backends * percent / 100.0))
    for name, seconds, times in events:
        now += seconds
        if name in names:
            fail(detector, name, now, times)

        ejected = [name for name in names if detector.watch(name).ejected(now)]
        assert len(ejected) <= most
        assert len(ejected) == detector.out(now)
        assert all(detector.watch(name).until - now <= 300.0 for name in ejected)
        if backends == 1 or percent == 0.0:
            assert not ejected


def test_a_backup_takes_over_from_all_others() -> None:
    """As long as it is in service itself; for backups the share holds."""
    detector = OutlierDetector(OutlierRules(max_ejected_percent=25.0), FOUR)
    detector.backups = frozenset("cd")
    for name in "ab":
        fail(detector, name, 0.0)
    assert out(detector, 0.0) == "ab"
    fail(detector, "c", 0.0)
    assert out(detector, 0.0) == "ab"

    alone = OutlierDetector(OutlierRules(max_ejected_percent=25.0), FOUR)
    alone.backups = frozenset("cx")  # x is of a configuration that is not in force yet
    for name in "cab":
        fail(alone, name, 0.0)
    assert out(alone, 0.0) == "c"

    never = OutlierDetector(OutlierRules(max_ejected_percent=0.0), FOUR)
    never.backups = frozenset("cd")
    fail(never, "a", 0.0)
    assert out(never, 0.0) == ""


def test_a_backend_that_is_gone_takes_no_place_among_those_that_are_out() -> None:
    """Another may be ejected in its stead; the one that is made anew by its name is watched by it."""
    detector = OutlierDetector(OutlierRules(max_ejected_percent=25.0), FOUR)
    fail(detector, "a", 100.0)
    assert detector.out(100.0) == 1

    detector.forget("a")
    detector.forget("a")
    detector.forget("nobody")

    assert detector.out(100.0) == 0
    suspect = detector.watch("a")
    assert (suspect.name, suspect.last_error, suspect.times) == ("a", "", 0)
    assert detector.watch("a") is suspect
    fail(detector, "b", 101.0)
    assert out(detector, 101.0) == "b"


def test_the_window_ends_with_its_last_moment() -> None:
    """Failures that are exactly as far apart as it is long are within it."""
    detector = OutlierDetector(OutlierRules(window=30.0), FOUR)
    fail(detector, "a", 100.0, 4)

    fail(detector, "a", 130.0, 1)

    assert out(detector, 130.0) == "a"
