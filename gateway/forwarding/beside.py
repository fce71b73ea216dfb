"""What the gateway asks beside a client's exchange: copies of its request, and parts of its answer.

They are subrequests (`gateway.forwarding.subrequest`) that know all that steps have found out about the client
(`gateway.exchange.Exchange.inherit`).

Tests: `tests/flow/test_mirror.py::test_a_copy_does_not_hold_up_the_end`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.forwarding.subrequest import Subrequest
from gateway.transport.deadlines import Deadlines


class Watch:
    """Watches the deadlines of such subrequests (a `gateway.forwarding.subrequest.Keeper`).

    The gateway does not wait for them before it ends, as it does for what the application asks: parts are over with
    their exchange, which it waits for, and nobody waits for copies.

    Args:
        deadlines: Looks at them.
        gone: Told of each subrequest that is over: what is kept for it is no use any more.
        now: Monotonic seconds.

    Attributes:
        deadlines: As given.
    """

    def __init__(self, deadlines: Deadlines, gone: Callable[[object], None], now: Callable[[], float]) -> None:
        self.now = now
        self.deadlines = deadlines
        self._gone = gone

    def entered(self, subrequest: Subrequest) -> None:
        """See `gateway.forwarding.subrequest.Keeper`."""
        self.deadlines.watch(subrequest)

    def left(self, subrequest: Subrequest) -> None:
        """See `gateway.forwarding.subrequest.Keeper`."""
        self.deadlines.forget(subrequest)
        self._gone(subrequest)
