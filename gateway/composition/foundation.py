"""What outlives configurations: clocks, chance, the pool, the counts.

Made once by `gateway.composition.assembly` (or by the test harness, with a virtual clock
and a network in memory); every snapshot is built on it.

Tests: `tests/flow/test_cache_validation.py::test_the_gateway_waits_for_fetches_in_the_background_before_it_ends`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.answering.health import Health
from gateway.composition.carried import Carried
from gateway.composition.failures import LastFailures
from gateway.dialling.dialer import Dialer
from gateway.forwarding.attempts import Attempts
from gateway.resilience.occupancy import Occupancy
from gateway.telemetry.metrics import Metrics
from gateway.transport.deadlines import Deadlines
from gateway.transport.threads import Threads
from gateway.upstream.pool import ConnectionPool

if TYPE_CHECKING:
    from gateway.composition.whole import Whole


class Waited:
    """Watches subrequests that the gateway waits for before it ends (a `gateway.forwarding.subrequest.Keeper`).

    Its site does, as it does for connections: what is built before the site has this in its place.

    Args:
        now: Monotonic seconds.

    Attributes:
        site: Set when it is there.
    """

    __slots__ = ("now", "site")

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.site: Any = None

    def entered(self, subrequest: object) -> None:
        """Watch a subrequest that has begun."""
        self.site.entered(subrequest)

    def left(self, subrequest: object) -> None:
        """Forget a subrequest that is over."""
        self.site.left(subrequest)


class Ending:
    """How long the end of the gateway may still take.

    Args:
        now: Monotonic seconds.

    Attributes:
        until: Monotonic seconds at which `timeouts.shutdown` is over; None while nothing ends.
    """

    __slots__ = ("_now", "until")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.until: float | None = None

    def left(self) -> float:
        """Return the seconds that are left of it; 0 where there are none, and where nothing ends."""
        return 0.0 if self.until is None else max(self.until - self._now(), 0.0)


@dataclass(frozen=True, slots=True)
class Foundation:
    """What snapshots are built on.

    Attributes:
        now: Monotonic seconds.
        wall_clock: Unix seconds.
        random_bytes: As `os.urandom`.
        random: As `random.random`.
        dialer: Opens connections to backends.
        pool: Holds them.
        attempts: Makes attempts over the pool.
        deadlines: Watches connections and attempts.
        metrics: Counts.
        health: Answers the health paths.
        occupancy: Counts the exchanges in flight.
        carried: What one configuration hands to the next.
        waited: Watches subrequests that the gateway waits for before it ends.
        ending: How long its end may still take.
        reactor: For what keeps timers and makes connections of its own.
        later: Calls something at the end of the reactor's turn.
        failures: The last exchanges that failed.
        threads: Makes threads for what would hold the reactor up: how many at most, and what they are called.
        terminal: Whether somebody sits at a terminal and reads the log.
        whole: What is in common with the other workers; None where this is the only process.
    """

    now: Callable[[], float]
    wall_clock: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    random: Callable[[], float]
    dialer: Dialer
    pool: ConnectionPool
    attempts: Attempts
    deadlines: Deadlines
    metrics: Metrics
    health: Health
    occupancy: Occupancy
    carried: Carried
    waited: Waited
    ending: Ending
    reactor: Any
    threads: Callable[[int, str], Threads]
    later: Callable[[Callable[[], None]], object]
    failures: LastFailures
    terminal: bool = False
    whole: Whole | None = None
