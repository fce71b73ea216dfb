"""The watch over time and memory: when it begins to shed, when it ends, and what it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from gateway.resilience.admission import Priority
from gateway.telemetry.overload import LONGEST_RETRY, LOOK, PERIOD, OverloadWatch
from gateway.telemetry.series import Counts

MIB = 2**20
LOW, NORMAL, HIGH = Priority


class Stand:
    """A watch on a clock that a test turns, with memory to command."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.memory = 0
        self.counts = Counts()
        self.watch = OverloadWatch(self.clock, 0.1, 100 * MIB, self.counts.add, lambda: self.memory)

    @property
    def level(self) -> int:
        return self.watch.shedder.level

    def run(self, seconds: float = 2 * PERIOD) -> None:
        """Let time pass punctually."""
        self.clock.pump([LOOK] * round(seconds / LOOK))

    def block(self, seconds: float) -> None:
        """Keep the reactor."""
        self.clock.advance(seconds)


@pytest.fixture
def stand() -> Iterator[Stand]:
    """Running; leaves no timer behind."""
    made = Stand()
    made.watch.startService()
    yield made
    made.watch.stopService()
    assert made.clock.getDelayedCalls() == []


def test_a_single_pause_is_no_overload(stand: Stand) -> None:
    """It is over when it is known."""
    stand.run()
    stand.block(5.0)
    stand.run()

    assert stand.level == 0


def test_a_loop_that_stays_late_sheds(stand: Stand) -> None:
    """And what was shed is let in again by and by, when it is punctual."""
    stand.run()
    for _ in range(6):
        stand.block(LOOK + 0.12)
    assert stand.level == 2

    levels = []
    for _ in range(6):
        stand.run(PERIOD)
        levels.append(stand.level)
    assert levels[-1] == 0
    assert levels == sorted(levels, reverse=True)


def test_memory_counts_at_once(stand: Stand) -> None:
    """It is not over when it is known; below 80 % of the mark everything is let in."""
    stand.memory = 120 * MIB
    stand.run()
    assert stand.level == 2

    stand.memory = 81 * MIB
    stand.run()
    assert stand.level == 2
    stand.memory = 59 * MIB
    stand.run()
    assert stand.level == 0


def test_a_gateway_that_starts_over_its_mark_sheds_from_the_start() -> None:
    """As after a reload that set the mark."""
    stand = Stand()
    stand.memory = 200 * MIB

    stand.watch.startService()

    assert stand.level == 3
    stand.watch.stopService()


def test_changes_are_told_with_their_cause(stand: Stand) -> None:
    """What is shed from now on, and why; only when it changes."""
    with capturedLogs() as events:
        for memory in (120, 130, 160, 50):
            stand.memory = memory * MIB
            stand.run()

    assert [(event["log_level"].name, formatEvent(event)) for event in events] == [
        ("warn", "Overload: low and normal priority is shed (memory 120 MiB)"),
        ("warn", "Overload: every priority is shed (memory 160 MiB)"),
        ("info", "Overload is over: nothing is shed any more (memory 50 MiB)"),
    ]


def test_refusals_are_counted_by_priority_and_cause(stand: Stand) -> None:
    """`Retry-After`: as long as it has lasted, within reason."""
    stand.memory = 120 * MIB
    stand.run()
    first = stand.watch.refusal(LOW)
    stand.run(10.0)
    later = stand.watch.refusal(NORMAL)
    stand.run(10 * LONGEST_RETRY)
    last = stand.watch.refusal(NORMAL)

    assert stand.counts.cells == {("low", "memory"): 1, ("normal", "memory"): 2}
    assert [error.headers[0][1] for error in (first, later, last)] == [b"1", b"11", b"30"]
