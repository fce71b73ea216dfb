"""Long work in slices."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from gateway.composition.slices import SLICE, Slices, at_once


async def work(slices: Slices, times: int) -> int:
    """Do a third of a slice some times."""
    for _ in range(times):
        await slices.did(SLICE // 3)
    return times


def test_a_turn_after_enough_work() -> None:
    """And not before."""
    clock, done = Clock(), list[int]()
    slices = Slices(clock)
    ensureDeferred(work(slices, 7)).addCallback(done.append)
    assert (slices.count, done) == (0, [])
    clock.advance(0)  # a virtual clock calls what is due at once, also when it was asked for meanwhile

    assert (slices.count, slices.longest, done) == (2, SLICE, [7])


def test_at_the_start_nobody_waits() -> None:
    """All is done at once."""
    slices = Slices()

    assert at_once(work(slices, 10)) == 10
    assert slices.count == 0


def test_what_waits_is_not_done_at_once() -> None:
    """That would be lost."""

    async def waits() -> None:
        await Deferred[None]()

    with pytest.raises(AssertionError, match="waits"):
        at_once(waits())
