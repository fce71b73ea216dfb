"""Losses are said at once, and then once a minute."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from gateway.telemetry.shipping.losses import EVERY, Losses


def test_an_outage_does_not_fill_the_log() -> None:
    """A thousand losses in ten minutes: the first record at once, the others once a minute, each with its count."""
    clock = Clock()
    losses = Losses("spans", "http://collector", clock)

    with capturedLogs() as logs:
        for _ in range(600):
            losses.add(1, "the queue was full")
            clock.advance(1)
        clock.advance(2 * EVERY)
        losses.add(5, "they were refused")

    told = [(event["count"], event["cause"]) for event in logs]
    assert sum(count for count, _ in told) == 605 == losses.total
    assert 10 <= len(told) <= 13
    assert told[0] == (1, "the queue was full")
    assert told[-1] == (5, "they were refused")  # after a minute without any: at once


def test_what_was_not_said_is_said_at_the_end() -> None:
    """And no timer stays."""
    clock = Clock()
    losses = Losses("spans", "http://collector", clock)

    with capturedLogs() as logs:
        losses.add(1, "a")
        losses.add(2, "b")
        losses.close()

    assert [event["count"] for event in logs] == [1, 2]
    assert not clock.getDelayedCalls()
