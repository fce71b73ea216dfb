"""Find out how many exchanges an upstream can have in flight, from how long they take.

Layer 2: decides only. Gradient2 of Netflix's concurrency-limits ("Performance
Under Load", 2018), which borrows from TCP Vegas: while exchanges take as long
as they have for a long time, the limit grows by a few; when they take longer,
a queue is forming over there, and the limit shrinks by the same ratio. As in
its default, the averages of windows are compared, not single exchanges.

Off by default. Its limit is set on a `gateway.resilience.admission.Bulkhead`
(`resize`) whenever `record` says that it has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

WARM_UP = 10
"""Windows of which the long-term average is a plain one; afterwards it is exponential."""


@dataclass(frozen=True, slots=True)
class GradientRules:
    """How a limit follows the time that exchanges take; the defaults are Netflix's.

    Attributes:
        initial: The limit to begin with.
        least: Never below; also what keeps it learning when everything is slow.
        most: Never above.
        tolerance: How many times longer than usual is still usual.
        smoothing: Share of a new estimate that is taken over at once.
        headroom: By how many the limit grows while all is well: the queue that is allowed to form.
        window: Seconds over which times are averaged.
        min_samples: A window goes on until it has so many.
        memory: Windows that the long-term average reaches back.
    """

    initial: int = 20
    least: int = 20
    most: int = 1000
    tolerance: float = 1.5
    smoothing: float = 0.2
    headroom: float = 4.0
    window: float = 1.0
    min_samples: int = 10
    memory: int = 600


class Gradient:
    """The adaptive limit of one upstream.

    Args:
        rules: How it follows.

    Attributes:
        limit: Exchanges that may be in flight.
        usual: Seconds that an exchange takes in the long run; 0.0 before anything is known.
    """

    __slots__ = ("_busiest", "_due", "_estimate", "_rules", "_samples", "_spent", "_windows", "limit", "usual")

    def __init__(self, rules: GradientRules | None = None) -> None:
        self._rules = rules = rules or GradientRules()
        self._estimate = float(rules.initial)
        self.limit = rules.initial
        self.usual = 0.0
        self._windows = 0
        self._due = inf
        self._samples = self._busiest = 0
        self._spent = 0.0

    def record(self, seconds: float, in_flight: int, now: float) -> bool:
        """An exchange was answered, or timed out.

        Args:
            seconds: How long that took.
            in_flight: How many were in flight while it was, itself included.
            now: Monotonic seconds.

        Returns:
            Whether the limit is another now.
        """
        self._samples += 1
        self._spent += seconds
        if in_flight > self._busiest:
            self._busiest = in_flight
        if self._due == inf:
            self._due = now + self._rules.window
        if now < self._due or self._samples < self._rules.min_samples:
            return False
        recent, busiest, old = self._spent / self._samples, self._busiest, self.limit
        self._begin(now + self._rules.window)
        self._follow(recent, busiest)
        self.limit = int(self._estimate)
        return self.limit != old

    def _begin(self, due: float) -> None:
        self._samples = self._busiest = 0
        self._spent = 0.0
        self._due = due

    def _follow(self, recent: float, busiest: int) -> None:
        rules, estimate = self._rules, self._estimate
        self._learn(recent)
        if busiest < estimate / 2.0:
            return  # fewer exchanges came than the limit lets in: their times say nothing about it
        # At most halved, so that one odd window is not a collapse.
        gradient = max(0.5, min(1.0, rules.tolerance * self.usual / recent)) if recent > 0.0 else 1.0
        target = estimate * gradient + rules.headroom
        estimate += (target - estimate) * rules.smoothing
        self._estimate = max(float(rules.least), min(float(rules.most), estimate))

    def _learn(self, recent: float) -> None:
        self._windows = min(self._windows + 1, WARM_UP + 1)
        share = 1.0 / self._windows if self._windows <= WARM_UP else 2.0 / (self._rules.memory + 1)
        self.usual += (recent - self.usual) * share
        if self.usual > 2.0 * recent:
            # After a long overload the average is far too high, and any time would pass for usual: let it fall sooner.
            self.usual *= 0.95
