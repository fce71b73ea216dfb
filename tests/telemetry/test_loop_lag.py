"""Loop lag: how late a timer was, for as long as a scrape may need to see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.task import Clock

from gateway.telemetry.loop_lag import INTERVAL, WINDOW, LoopLag


@pytest.fixture
def clock() -> Clock:
    """Time that moves when the test says so."""
    return Clock()


@pytest.fixture
def lag(clock: Clock) -> Iterator[LoopLag]:
    """Running; leaves no timer behind."""
    service = LoopLag(clock)
    service.startService()
    yield service
    service.stopService()
    assert clock.getDelayedCalls() == []


def test_a_punctual_reactor_has_no_lag(clock: Clock, lag: LoopLag) -> None:
    """Timers that fire when they are due show nothing."""
    clock.pump([INTERVAL] * 100)

    assert lag.worst() == pytest.approx(0.0)


def test_a_kept_reactor_shows_how_long(clock: Clock, lag: LoopLag) -> None:
    """A timer that came two seconds late is two seconds of lag, and reading does not reset it."""
    clock.advance(INTERVAL + 2.0)

    assert lag.worst() == pytest.approx(2.0)
    assert lag.worst() == pytest.approx(2.0)


def test_the_worst_is_seen_for_a_window_and_then_forgotten(clock: Clock, lag: LoopLag) -> None:
    """A scrape every window sees each peak at least once; an old one does not stay for ever."""
    clock.advance(INTERVAL + 2.0)
    clock.pump([INTERVAL] * int(WINDOW / INTERVAL))
    assert lag.worst() == pytest.approx(2.0)

    clock.pump([INTERVAL] * int(2 * WINDOW / INTERVAL))
    assert lag.worst() == pytest.approx(0.0)


def test_who_wants_to_hear_of_every_look_does(clock: Clock) -> None:
    """As often as it asks for."""
    heard: list[float] = []
    service = LoopLag(clock, 0.05, heard.append)
    service.startService()

    clock.pump([0.05, 0.05, 1.05])
    service.stopService()

    assert heard == pytest.approx([0.0, 0.0, 1.0])
    assert clock.getDelayedCalls() == []
