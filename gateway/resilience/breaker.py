"""Stop asking a backend, or an upstream, that keeps failing, and find out carefully when to ask again.

Layer 2: decides only. Asked by the forwarder before an attempt (a breaker of
the backend) and before an exchange (one of the upstream), and told how it
ended. The pattern is M. Nygard's ("Release It!"). A breaker opens by either of
the two usual rules: so many failures in a row, or too large a share of failures.

# Note [Tickets]
`admit` gives a ticket, the number of the period between two changes of state,
and the outcome is told with it. An attempt that began before the last change
says nothing about the state since: its outcome is ignored. Without that, an
answer that was under way when the breaker opened would be taken for a probe's,
and free a slot that is not its own.

# Note [Probes whose content is still to come]
A probe has its slot until it is answered, so a client that sends its content
slowly would keep a healthy backend shut for as long as it likes. A probe is
therefore a request whose content is all there. Those whose content streams
have slots of their own (a service that takes nothing but long uploads would
never recover otherwise) and can keep only each other out; their tickets are
negative. No slot is kept for longer than `PROBE` seconds: a probe that hangs
says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Final

from gateway.resilience.window import Window


class State(Enum):
    """What a breaker does with exchanges."""

    CLOSED = "closed"
    """All pass."""
    OPEN = "open"
    """None passes: no contact at all."""
    HALF_OPEN = "half_open"
    """A few pass, as probes."""


class Event(Enum):
    """What changes the state of a breaker."""

    TRIPPED = "tripped"
    """Too many failures in a row, or too large a share of them."""
    COOLED_DOWN = "cooled_down"
    """The timeout has passed and somebody asks."""
    HEALTH_RESTORED = "health_restored"
    """An active check found the backend healthy again."""
    PROVED = "proved"
    """Enough probes succeeded."""
    FAILED = "failed"
    """A probe failed."""


NEXT: Final = {
    (State.CLOSED, Event.TRIPPED): State.OPEN,
    (State.OPEN, Event.COOLED_DOWN): State.HALF_OPEN,
    (State.OPEN, Event.HEALTH_RESTORED): State.HALF_OPEN,
    (State.HALF_OPEN, Event.PROVED): State.CLOSED,
    (State.HALF_OPEN, Event.FAILED): State.OPEN,
}
"""What is not here changes nothing."""

OnChange = Callable[[State, State, str], None]
"""Called after a change with the old state, the new one, and the cause in words."""

PROBE: Final = 30.0
"""Seconds after which the slot of a probe that is not over may be taken by another."""

_CLOSED: Final = State.CLOSED  # a global is found faster than an attribute of the Enum


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a breaker opens and closes.

    Attributes:
        failure_threshold: Failures in a row that open it; 0 for no such rule.
        ratio: Share of failures within `window` that opens it, once there were `min_requests`.
        window: Seconds.
        min_requests: With fewer outcomes than this the ratio says nothing.
        timeout: Seconds from open to half-open; infinite where only a health check may end it.
        half_open_requests: Probes under way at once.
        success_threshold: Successful probes that close it.
        dry_run: Whether it is watched only (`gateway.resilience.dry_run`).
    """

    failure_threshold: int = 5
    ratio: float = 0.5
    window: float = 60.0
    min_requests: int = 20
    timeout: float = 30.0
    half_open_requests: int = 1
    success_threshold: int = 1
    dry_run: bool = False


class Breaker:
    """One circuit breaker.

    Each ticket that `admit` gave goes back exactly once, through `succeeded`, `failed` or `cancelled`.

    Args:
        rules: When it opens and closes.
        on_change: Hears of every change.

    Attributes:
        state: What it does with exchanges. An open one whose time has come stays open until somebody asks.
        since: When it came into this state; None if it never changed.
        cause: Why, in words.
        consecutive: Failures in a row while closed; afterwards those up to the one that opened it, until it is closed.
        failures: Failures that it was told of, in all states, since it was made.
        probes: Probes under way while half-open, but those whose content is still to come.
    """

    __slots__ = (
        "_on_change",
        "_period",
        "_probed",
        "_proofs",
        "_streamed",
        "_streaming",
        "_threshold",
        "_window",
        "cause",
        "consecutive",
        "failures",
        "probes",
        "rules",
        "since",
        "state",
    )

    def __init__(self, rules: BreakerRules, on_change: OnChange | None = None) -> None:
        self.rules = rules
        self.state = State.CLOSED
        self.since: float | None = None
        self.cause = ""
        self.consecutive = 0
        self.failures = 0
        self.probes = 0
        self._probed = -inf  # when the last probe began
        self._streaming = 0
        self._streamed = -inf
        self._proofs = 0
        self._period = 1
        self._threshold = rules.failure_threshold or inf
        self._window = Window(rules.window)
        self._on_change = on_change

    def admit(self, now: float, whole: bool = True) -> int:
        """Let an attempt pass, or not.

        Closed, this and `succeeded` cost 0.14 µs together.

        Args:
            now: Monotonic seconds.
            whole: Whether all of its content is there; see Note [Probes whose content is still to come].

        Returns:
            Its ticket, to be handed back with the outcome; 0 where it may not pass.
        """
        if self.state is _CLOSED:
            return self._period
        if not self.willing(now, whole):
            return 0
        if self.state is State.OPEN:
            self._happened(Event.COOLED_DOWN, now, f"{self.rules.timeout:g} s have passed")
        most = self.rules.half_open_requests
        if not whole:
            self._streaming = min(self._streaming, most - 1) + 1
            self._streamed = now
            return -self._period
        self.probes = min(self.probes, most - 1) + 1
        self._probed = now
        return self._period

    def willing(self, now: float, whole: bool = True) -> bool:
        """Whether `admit` would let an attempt pass; changes nothing, so that a balancer may ask."""
        if self.state is _CLOSED:
            return True
        if self.state is State.OPEN:
            return self._due() <= now
        under_way, last = (self.probes, self._probed) if whole else (self._streaming, self._streamed)
        return under_way < self.rules.half_open_requests or now - last >= PROBE

    def stands(self, ticket: int) -> bool:
        """Whether what was admitted with this ticket, and has waited since, may still begin.

        An attempt that was admitted before the breaker opened may not, even while probes are let through: it holds none
        of their slots.
        """
        return self.state is _CLOSED or (self.state is State.HALF_OPEN and abs(ticket) == self._period)

    def succeeded(self, now: float, ticket: int) -> None:
        """The attempt of this ticket was answered without a failure of the backend."""
        if ticket != self._period and ticket != -self._period:
            return  # Note [Tickets]
        if self.state is _CLOSED:
            self.consecutive = 0
            window = self._window
            if now >= window.end:
                window.roll(now)
            window.total += 1
            if window.marked:
                self._judge(now)
            return
        self._give_back(ticket)
        self._proofs += 1
        if self._proofs >= self.rules.success_threshold:
            self._happened(Event.PROVED, now, f"{self._proofs} of {self._proofs} probes succeeded")

    def failed(self, now: float, ticket: int, why: str = "") -> None:
        """The backend failed the attempt of this ticket; what the client or the gateway did wrong is never told here.

        Args:
            now: Monotonic seconds.
            ticket: What `admit` gave.
            why: The reason, for the cause of a change.
        """
        self.failures += 1
        if ticket != self._period and ticket != -self._period:
            return  # Note [Tickets]
        if self.state is not _CLOSED:
            self._happened(Event.FAILED, now, _with_last("a probe failed", why))
            return
        self.consecutive += 1
        window = self._window
        if now >= window.end:
            window.roll(now)
        window.total += 1
        window.marked += 1
        if self.consecutive >= self._threshold:
            self._happened(Event.TRIPPED, now, _with_last(f"{self.consecutive} failures in a row", why))
        else:
            self._judge(now, why)

    def cancelled(self, ticket: int) -> None:
        """The attempt of this ticket ended without a verdict on the backend; a probe gives its slot back."""
        if abs(ticket) == self._period and self.state is State.HALF_OPEN:
            self._give_back(ticket)

    def health_restored(self, now: float) -> None:
        """An active check found the backend healthy after it was not: an open breaker lets probes pass at once.

        Called for a change of health. A check that succeeded all the while says nothing about why real traffic failed;
        its success ends the open state only once the timeout has passed, and only where `close_on` is `health_check`
        (D-74), so that nothing else would.
        """
        self._happened(Event.HEALTH_RESTORED, now, "the health check succeeds")

    def open_for(self, now: float) -> float:
        """Return the seconds since it opened; minus infinity in the other states."""
        return now - self.since if self.state is State.OPEN and self.since is not None else -inf

    def forget(self) -> None:
        """Begin to count anew, where it is closed; what opened a breaker stays to be seen until it is closed again."""
        if self.state is _CLOSED:
            self.consecutive = 0
            self._window.clear()

    def retry_after(self, now: float) -> float:
        """Return the seconds until an open breaker lets a probe pass; 0.0 in the other states."""
        return max(0.0, self._due() - now) if self.state is State.OPEN else 0.0

    def counts(self, now: float) -> tuple[int, int]:
        """Return the outcomes within the window, and how many of them were failures.

        Not closed, those within the window that ended when it opened.
        """
        window = self._window
        return window.counts(now) if self.state is _CLOSED else (window.total, window.marked)

    def _give_back(self, ticket: int) -> None:
        if ticket < 0:
            self._streaming = max(0, self._streaming - 1)
        else:
            self.probes = max(0, self.probes - 1)  # another may have taken its slot

    def _due(self) -> float:
        assert self.since is not None
        return self.since + self.rules.timeout

    def _judge(self, now: float, why: str = "") -> None:
        total, failures = self._window.total, self._window.marked
        if total >= self.rules.min_requests and failures >= self.rules.ratio * total:
            cause = f"{failures} of {total} failed within {self.rules.window:g} s"
            self._happened(Event.TRIPPED, now, _with_last(cause, why))

    def _happened(self, event: Event, now: float, cause: str) -> None:
        old, new = self.state, NEXT.get((self.state, event))
        if new is None:
            return
        self.state, self.since, self.cause = new, now, cause
        self._period += 1
        self.probes = self._streaming = self._proofs = 0
        self.forget()  # what was counted before it opened says nothing about those who pass now
        if self._on_change is not None:
            self._on_change(old, new, cause)


def together(states: Iterable[State]) -> State:
    """Return what the breakers of all backends of an upstream do with its exchanges: open where every one is."""
    seen = set(states)
    if not seen or State.CLOSED in seen:
        return State.CLOSED
    return State.HALF_OPEN if State.HALF_OPEN in seen else State.OPEN


def _with_last(cause: str, why: str) -> str:
    return f"{cause}, the last by {why}" if why else cause
