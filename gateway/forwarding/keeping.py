"""Who watches the subrequests that belong to exchanges of clients: copies of requests, and parts of answers.

A `gateway.forwarding.subrequest.Keeper`, as the site is one for what the application asks. The gateway does not wait
for these before it ends: parts are over with their exchange, which it waits for, and nobody waits for copies.

Tests: `tests/flow/test_mirror.py::test_a_copy_does_not_hold_up_the_end`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.forwarding.subrequest import Subrequest
from gateway.transport.deadlines import Deadlines


class Watch:
    """Watches deadlines.

    Args:
        deadlines: Looks at them.
        gone: Told of each subrequest that is over: what is kept for it is no use any more.
        now: Monotonic seconds.
    """

    def __init__(self, deadlines: Deadlines, gone: Callable[[object], None], now: Callable[[], float]) -> None:
        self.now = now
        self._deadlines = deadlines
        self._gone = gone

    def entered(self, subrequest: Subrequest) -> None:
        """See `gateway.forwarding.subrequest.Keeper`."""
        self._deadlines.watch(subrequest)

    def left(self, subrequest: Subrequest) -> None:
        """See `gateway.forwarding.subrequest.Keeper`."""
        self._deadlines.forget(subrequest)
        self._gone(subrequest)
