"""`Call`: an attempt of a call of gRPC whose client says how long it may take (`grpc-timeout`).

Made by `gateway.forwarding.attempts` in place of an `Attempt`, so that nobody else pays for it.

# Note [The time of a call is its client's]
It is a deadline for the whole call, and not for the head of its answer: what streams ends with DEADLINE_EXCEEDED in its
trailers. It counts against no backend (D-314): who says `1n` would else eject them all. The route's `timeout` holds
beside it, and that is the backend's.

The backend knows the deadline, too, and is often the first to say that it is over: by that outcome, by whatever else
its handler makes of it (grpc-go: UNKNOWN), or by a reset. What it says then is the client's time all the same.

Tests: `tests/flow/test_grpc.py::test_the_clients_deadline`.
"""

from __future__ import annotations

from typing import Final

from gateway.body import Body
from gateway.errors import BackendReset, BackendTimeout, CallTimeout, GatewayError
from gateway.forwarding.attempt import Attempt
from gateway.forwarding.attempt_phases import Phase
from gateway.headers import Headers
from gateway.http import grpc
from gateway.transport.deadlines import NEVER
from gateway.upstream.contract import Stream

_EARLY: Final = 0.05
"""Seconds before its deadline from which on a backend may say that it is over: clocks and their ticks differ."""


class Call(Attempt):
    """One try of a call that has a deadline of its own.

    Attributes:
        call_until: Monotonic seconds when the call must be over, whatever attempt it is on; set before it starts.
    """

    __slots__ = ("call_until",)

    call_until: float

    def on_deadline(self, now: float) -> None:
        """It is still waiting for a stream, or the time of the call is over."""
        if self._stream is None:
            self._end(self._out_of_time(now))
        else:
            self._stream.time_out(CallTimeout())

    def out_of_time(self) -> None:
        assert self._stream is not None
        self._stream.time_out(self._out_of_time(self._now()))

    def finished(self, status: int) -> float:
        self._deadlines.forget(self)
        late = status >= 500 and self.call_until <= self._now() + _EARLY
        return self._finish(status, CallTimeout() if late else None)

    def failed(self, error: GatewayError, body: Body | None) -> None:
        if isinstance(error, BackendReset) and self.call_until <= self._now() + _EARLY:
            error = CallTimeout()
        super().failed(error, body)

    def _out_of_time(self, now: float) -> GatewayError:
        return CallTimeout() if self.call_until <= now else BackendTimeout()

    def _use(self, stream: Stream) -> None:
        super()._use(stream)
        if self.phase is not Phase.OVER:
            self.deadline = self.call_until
            self._deadlines.watch(self)

    def _leave(self) -> None:
        super()._leave()
        self._deadlines.forget(self)

    def _break_off(self, body: Body, error: GatewayError) -> None:
        if body.length is None and isinstance(error, CallTimeout):
            body.end(Headers([(b"grpc-status", b"%d" % grpc.DEADLINE_EXCEEDED), (b"grpc-message", b"too late")]))
        else:
            super()._break_off(body, error)


def call_until_of(attempt: Attempt) -> float:
    """Return when the call of an attempt must be over; `NEVER` for what is none."""
    return attempt.call_until if isinstance(attempt, Call) else NEVER
