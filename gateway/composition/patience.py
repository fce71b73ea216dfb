"""Wait for something, but not for ever, and not when there is a hurry.

Tests: `tests/composition/test_draining.py::test_in_a_hurry_nothing_is_waited_for`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList


async def within(
    waiting: Deferred[Any], timeout: float | None, clock: Any, hurried: Deferred[None] | None = None
) -> bool:
    """Wait, but for no longer than `timeout` seconds, and not when there is a hurry; returns whether it was done.

    Args:
        waiting: What it does in the end is of no interest here: a failure is logged when nobody else takes it.
        timeout: None for no limit.
        clock: Keeps time.
        hurried: Fires when there is a hurry.
    """
    done: Deferred[None] = Deferred()

    def see(result: Any) -> Any:
        if not done.called:
            done.callback(None)
        return result

    waiting.addBoth(see)
    ends = [done] if hurried is None else [done, hurried]
    timer = None
    if timeout is not None:
        out_of_time: Deferred[None] = Deferred()
        timer = clock.callLater(timeout, out_of_time.callback, None)
        ends.append(out_of_time)
    _, index = await DeferredList(ends, fireOnOneCallback=True)
    if timer is not None and timer.active():
        timer.cancel()
    return bool(index == 0)
