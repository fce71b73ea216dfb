"""What is known of an upstream and its backends: health, ejection, breakers, recovery.

Made once and carried from configuration to configuration, so that a reload
forgets nothing. The decisions are `gateway.resilience`'s; here they hear what
happens, and who picks learns whether there is anything to ask at all: while
all is well, `Condition.disturbed` is False and costs one look. When a backend
comes into force, and when it is in none any more, `gateway.upstream.in_force`
says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from gateway.resilience.breaker import BreakerRules, State, together
from gateway.resilience.dry_run import breaker_of
from gateway.resilience.health import Health
from gateway.resilience.outliers import OutlierDetector, OutlierRules, Suspect
from gateway.resilience.slow_start import factor

REMEMBERED: Final = 5
"""Last errors and last changes that are kept for who wants to see them."""

_TOGETHER: Final = {
    State.OPEN: "the breaker of every backend is open",
    State.HALF_OPEN: "the breaker of a backend lets probes pass",
    State.CLOSED: "the breaker of a backend is closed",
}


class Change(NamedTuple):
    """Something about a backend, or an upstream, is otherwise now.

    Attributes:
        upstream: Its name.
        backend: URL; empty where it is about the whole upstream.
        what: `health`, `ejection`, `breaker` or `panic`.
        before: What it was.
        after: What it is: `healthy`/`unhealthy`, `ejected`/`returned`, or a state of the breaker.
        cause: In words.
    """

    upstream: str
    backend: str
    what: str
    before: str
    after: str
    cause: str


@dataclass(frozen=True, slots=True)
class ConditionRules:
    """What is watched about an upstream; each part is None (or 0) where it is not.

    Attributes:
        breaker: Of each backend.
        upstream_breaker: Of the whole upstream.
        outliers: Passive health.
        unhealthy_threshold: Failed checks in a row that take a backend out; 0 without active checks.
        healthy_threshold: Successful ones that bring it back.
        healing: Whether a restored health lets an open breaker go half-open.
        rest: Seconds after which any successful check of a healthy backend does so, where time alone does not: it may
            have passed its checks all the while. Infinite where time does.
        slow_start: Seconds over which a recovered backend's share grows.
        panic_threshold: Share of the backends that must be left.
    """

    breaker: BreakerRules | None = None
    upstream_breaker: BreakerRules | None = None
    outliers: OutlierRules | None = None
    unhealthy_threshold: int = 0
    healthy_threshold: int = 0
    healing: bool = True
    rest: float = inf
    slow_start: float = 0.0
    panic_threshold: float = 0.5

    @property
    def watch(self) -> bool:
        """Whether there is anything to watch."""
        return bool(self.breaker or self.upstream_breaker or self.outliers or self.unhealthy_threshold)


class Condition:
    """The state of one upstream.

    Args:
        upstream: Its name.
        rules: What is watched.
        now: Monotonic seconds.
        report: Hears of every change.

    Attributes:
        breaker: Of the whole upstream, by its share of failures.
        state: What breakers do with its exchanges: as `breaker` says, or open where that of every backend is.
        since: When it came into this state; None if it never changed.
        cause: Why, in words.
        detector: Ejects its backends.
        disturbed: Whether a backend may be other than well: then every pick asks.
        rejected: Exchanges that a breaker kept out.
    """

    def __init__(
        self,
        upstream: str,
        rules: ConditionRules,
        now: Callable[[], float],
        report: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self.upstream = upstream
        self.rules = rules
        self.now = now
        self.report = report
        self.disturbed = False
        self.rejected = 0
        self.state = State.CLOSED
        self.since: float | None = None
        self.cause = ""
        self.breaker = (
            None if rules.upstream_breaker is None else breaker_of(rules.upstream_breaker, self._breaker_changed)
        )
        self.detector: OutlierDetector | None = None
        self.standings: dict[str, Standing] = {}
        if rules.outliers is not None:
            self.detector = OutlierDetector(rules.outliers, on_change=self._ejection_changed)

    def reckon(self, cause: str = "") -> None:
        """A breaker is in another state now, or the backends are others: find out what that makes of the whole.

        Args:
            cause: Why, where it is the breaker of the whole upstream.
        """
        if self.breaker is None:
            return
        new = self.breaker.state
        if new is State.CLOSED:
            new = together(one.breaker.state for one in self.standings.values() if one.breaker and not one.drained)
            cause = cause or _TOGETHER[new]
        if new is not self.state:
            old, self.state, self.since, self.cause = self.state, new, self.now(), cause
            self.breaker.forget()  # what came before is dealt with: it must not open what has just proved itself
            self.report(Change(self.upstream, "", "breaker", old.value, new.value, cause))

    def _breaker_changed(self, old: State, new: State, cause: str) -> None:
        self.reckon(cause)

    def _ejection_changed(self, name: str, ejected: bool, cause: str) -> None:
        standing = self.standings.get(name)
        if standing is not None:
            standing.ejection_changed(ejected, cause)


class Standing:
    """What is known of one backend.

    Attributes:
        backend: Its name.
        condition: That of its upstream.
        breaker: Its own.
        health: By active checks.
        suspect: Its passive health, while in service.
        drained: Its weight is 0.
        recovered: When it last came back; minus infinity if it never had to.
        errors: The last failures, each with its time (monotonic seconds).
        changes: The last changes, each with its time.
    """

    __slots__ = (
        "backend",
        "breaker",
        "changes",
        "condition",
        "drained",
        "errors",
        "health",
        "recovered",
        "suspect",
    )

    def __init__(self, backend: str, condition: Condition) -> None:
        rules = condition.rules
        self.backend = backend
        self.condition = condition
        self.breaker = None if rules.breaker is None else breaker_of(rules.breaker, self._breaker_changed)
        self.health: Health | None = None
        if rules.unhealthy_threshold:
            self.health = Health(rules.unhealthy_threshold, rules.healthy_threshold, self._health_changed)
        self.suspect: Suspect | None = None
        self.drained = False
        self.recovered = -inf
        self.errors: deque[tuple[float, str]] = deque(maxlen=REMEMBERED)
        self.changes: deque[tuple[float, Change]] = deque(maxlen=REMEMBERED)

    def enter(self) -> None:
        """The backend is in a configuration in force."""
        condition = self.condition
        condition.standings[self.backend] = self
        if condition.detector is not None:
            self.suspect = condition.detector.watch(self.backend)

    def leave(self) -> None:
        """It is in none any more."""
        condition = self.condition
        if condition.standings.get(self.backend) is self:
            del condition.standings[self.backend]
            if condition.detector is not None:
                condition.detector.forget(self.backend)

    def healthy(self) -> bool:
        """Whether its active checks pass, or there are none."""
        return self.health is None or self.health.healthy

    def ejected(self, now: float) -> bool:
        """Whether it is out for failures of real traffic."""
        return self.suspect is not None and self.suspect.ejected(now)

    def admits(self, now: float, whole: bool = True) -> bool:
        """Whether its breaker would let an attempt pass (with all of its content, or not), or there is none."""
        return self.breaker is None or self.breaker.willing(now, whole)

    def share(self, now: float) -> float:
        """Return the part of its weight that it has: less than 1.0 while it starts slowly."""
        return factor(now - self.recovered, self.condition.rules.slow_start)

    def well(self, now: float) -> bool:
        """Whether nothing about it needs to be asked at each pick."""
        closed = self.breaker is None or self.breaker.state is State.CLOSED
        return closed and self.healthy() and not self.ejected(now) and self.share(now) == 1.0

    def judge(self, ticket: int, now: float, failure: str | None) -> None:
        """An attempt on it is over.

        Args:
            ticket: Of its breaker; 0 where there is none, or it was handed back.
            now: Monotonic seconds.
            failure: What the backend did wrong; empty for nothing; None where that was not found out.
        """
        breaker = self.breaker
        if failure:
            self.errors.append((now, failure))
            if breaker is not None:
                breaker.failed(now, ticket, failure)
            if self.suspect is not None:
                self.suspect.record(False, now, failure)
        elif breaker is not None:
            if failure is None:
                breaker.cancelled(ticket)
            else:
                breaker.succeeded(now, ticket)

    def checked(self, ok: bool, why: str) -> bool:
        """An active check ended; returns whether it is in doubt now what the backend's health is."""
        now = self.condition.now()
        assert self.health is not None
        if not ok:
            self.errors.append((now, f"health check: {why}"))
        health = self.health
        health.record(ok, now, why)
        breaker = self.breaker
        if ok and health.healthy and breaker is not None and breaker.open_for(now) >= self.condition.rules.rest:
            breaker.health_restored(now)
        return bool(health.failures) if health.healthy else bool(health.successes)

    def ejection_changed(self, ejected: bool, cause: str) -> None:
        """The detector has taken it out, or its ejection is over."""
        words = ("returned", "ejected") if ejected else ("ejected", "returned")
        self._changed("ejection", *words, cause, recovered=not ejected)

    def _health_changed(self, healthy: bool, cause: str) -> None:
        words = ("unhealthy", "healthy") if healthy else ("healthy", "unhealthy")
        self._changed("health", *words, cause, recovered=healthy)
        if healthy and self.breaker is not None and self.condition.rules.healing:
            self.breaker.health_restored(self.condition.now())

    def _breaker_changed(self, old: State, new: State, cause: str) -> None:
        rules = self.condition.rules.breaker
        # A breaker in dry run kept no traffic away: there is nothing that the backend has to begin slowly again.
        recovered = new is State.CLOSED and not (rules is not None and rules.dry_run)
        self._changed("breaker", old.value, new.value, cause, recovered)
        self.condition.reckon()

    def _changed(self, what: str, before: str, after: str, cause: str, recovered: bool) -> None:
        condition = self.condition
        condition.disturbed = True
        now = condition.now()
        if recovered:
            self.recovered = now
        change = Change(condition.upstream, self.backend, what, before, after, cause)
        self.changes.append((now, change))
        condition.report(change)
