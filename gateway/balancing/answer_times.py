"""How long a backend takes to answer: a peak that decays, and a word on its failures.

Layer 2: time is passed in. Told by `gateway.forwarding.timing`, asked by `gateway.balancing.least_latency`.

# Note [Peak EWMA]
As in Finagle and linkerd: an answer slower than the estimate becomes the estimate at once, and from then on the
estimate falls, to 1/e every ten seconds. So a backend that becomes slow loses its traffic with its first slow answer,
and one that was slow is tried again after some time though nothing is heard of it.

Other than there, the estimate also moves towards each faster answer by an eighth of the difference. Under traffic the
wait for ten seconds would be the rule: one pause of a backend, or of the gateway, when everybody's answers come late
at once, would make the fast ones look like the slow one for so long.

A failure says nothing about speed, or the backend that refuses at once would win. It puts the estimate back to what it
was, and as long as it is remembered the backend counts as so many times slower. Failures are forgotten by time, one
every three seconds, so that a backend that fails all exchanges is tried about that often, however many exchanges there
are; and faster where it answers.
"""

from __future__ import annotations

from math import exp

DECAY = 10.0
"""Seconds in which an estimate falls to 1/e."""

TOWARDS = 1 / 8
"""How much of the way the estimate goes with each answer that is faster."""

LEAST = 0.0001
"""Seconds; backends that are faster are equally fast, and so are all of which nothing was heard for long."""

UNHEARD = 1e6
"""Seconds that a backend counts as which has never answered, while it has an exchange, or has just failed one: as long
as there is another, it is given one at a time."""

WORSE = 8.0
"""A failure makes a backend count as so many times slower."""

MOST = 3.0
"""Failures that are remembered."""

FORGIVEN = 3.0
"""Seconds in which one is forgotten."""


class AnswerTimes:
    """What is known of one backend."""

    __slots__ = ("_at", "_failures", "_peak")

    def __init__(self) -> None:
        self._peak: float | None = None
        self._failures = 0.0
        self._at = 0.0

    def answered(self, seconds: float, now: float) -> None:
        """The head of an answer came after so long."""
        peak, failures = self.estimate(now), self._remembered(now)
        self._peak = seconds if peak is None or seconds > peak else peak + (seconds - peak) * TOWARDS
        self._failures = failures / 2 if failures > 1.0 else 0.0
        self._at = now

    def failed(self, seconds: float, now: float) -> None:
        """An attempt failed by the backend's fault after so long."""
        if self._peak is not None:
            # As it was, not as it has become: it must not decay below that of others while all that comes are failures.
            self._peak = max(seconds, self._peak)
        self._failures = min(MOST, self._remembered(now) + 1.0)
        self._at = now

    def given_up(self, seconds: float, now: float) -> None:
        """There was no answer in so long, and nobody waits for it any more."""
        peak, failures = self.estimate(now), self._remembered(now)
        if peak is None:
            # That says nothing of how long it would have taken: who leaves at once would make it the fastest of all.
            self._failures, self._at = min(MOST, failures + 1.0), now
        elif seconds > peak:
            self._peak, self._failures, self._at = seconds, failures, now

    def seconds(self, now: float) -> float | None:
        """Return what an answer takes, as far as balancing goes; None where it is time to find out."""
        peak, failures = self.estimate(now), self._remembered(now)
        worse: float = WORSE**failures
        if peak is None:
            return UNHEARD * worse if failures else None
        return max(peak, LEAST) * worse

    def estimate(self, now: float) -> float | None:
        """Return what an answer takes, failures aside; None before the first."""
        return None if self._peak is None else self._peak * exp((self._at - now) / DECAY)

    def _remembered(self, now: float) -> float:
        return max(0.0, self._failures - (now - self._at) / FORGIVEN) if self._failures else 0.0
