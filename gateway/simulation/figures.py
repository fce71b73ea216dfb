"""What came of a simulation: counts, and histograms in the place of lists: a day needs no more room than a minute.

Tests: `tests/simulation/test_figures.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import ceil, exp, log
from typing import Final, NamedTuple

COLUMNS: Final = 60
"""Into so many equal parts the time is divided, for charts."""

EVENTS: Final = 1000
"""Events that are kept; of those beyond, how many there were."""

FINEST: Final = 1e-5
"""Seconds: what is shorter counts as this."""

_STEP: Final = log(1.02)


class Histogram:
    """Times in classes of 2 % each: a percentile is right within 1 %, the largest exactly.

    Attributes:
        count: Of times.
        total: Their sum, in seconds.
        max: The largest.
    """

    __slots__ = ("_classes", "count", "max", "total")

    def __init__(self) -> None:
        self._classes: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.max = 0.0

    def add(self, seconds: float) -> None:
        """Count a time."""
        place = int(log(seconds / FINEST) / _STEP) if seconds > FINEST else 0
        self._classes[place] = self._classes.get(place, 0) + 1
        self.count += 1
        self.total += seconds
        self.max = max(self.max, seconds)

    @property
    def mean(self) -> float:
        """Seconds; 0 where nothing was counted."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """Return the time that so many of 100 are not above, in seconds; 0 where nothing was counted."""
        left = ceil(self.count * percent / 100.0)
        for place in sorted(self._classes):
            left -= self._classes[place]
            if left <= 0:
                return min(self.max, FINEST * exp((place + 0.5) * _STEP)) if self.max > FINEST else self.max
        return self.max


class Event(NamedTuple):
    """Something that happened.

    Attributes:
        at: Seconds from the beginning.
        name: `fault.begins`, `fault.ends`, or as in `gateway.telemetry.events`.
        words: For people.
    """

    at: float
    name: str
    words: str


@dataclass
class Tally:
    """What became of requests.

    Attributes:
        count: Of those that are over.
        errors: Answered with a status from 500, or not at all.
        limited: Answered with 429.
        latency: From when a request was made until its answer was there; of all that were answered.
    """

    count: int = 0
    errors: int = 0
    limited: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def add(self, status: int, seconds: float) -> None:
        """Count a request that is over; its status is 0 where there was no answer."""
        self.count += 1
        self.errors += status == 0 or status >= 500
        self.limited += status == 429
        if status:
            self.latency.add(seconds)

    @property
    def error_rate(self) -> float:
        """The share of errors, up to 1.0."""
        return self.errors / self.count if self.count else 0.0


@dataclass
class RouteTally(Tally):
    """What became of the requests of one route.

    Attributes:
        retries: Attempts beyond the first.
    """

    retries: int = 0


@dataclass
class Figures:
    """All of it.

    Args:
        seconds: How long the simulation is.

    Attributes:
        tally: Of all requests.
        columns: The same for each part of the time, by when they were made.
        backends: For each part of the time, requests that came to each backend, by its name.
        routes: By the name of the route; empty for what no route took.
        statuses: Requests by status.
        reasons: Requests by why the gateway answered with an error.
        events: The first of them.
        happened: All of them, by name.
    """

    seconds: float
    tally: Tally = field(default_factory=Tally)
    columns: list[Tally] = field(default_factory=lambda: [Tally() for _ in range(COLUMNS)])
    backends: dict[str, list[int]] = field(default_factory=dict)
    routes: dict[str, RouteTally] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    def column(self, at: float) -> int:
        """Return the part of the time in which a moment is; what comes after the end is in the last."""
        return min(COLUMNS - 1, int(at / self.seconds * COLUMNS))

    def answered(self, asked_at: float, status: int, seconds: float) -> None:
        """Count a request that is over."""
        self.tally.add(status, seconds)
        self.columns[self.column(asked_at)].add(status, seconds)
        self.statuses[status] += 1

    def recorded(self, route: str, status: int, seconds: float, attempts: int, reason: str) -> None:
        """Count what the access log says of a request."""
        tally = self.routes.setdefault(route, RouteTally())
        tally.add(status, seconds)
        tally.retries += max(0, attempts - 1)
        if reason:
            self.reasons[reason] += 1

    def came(self, backend: str, at: float) -> None:
        """Count a request at a backend."""
        self.backends[backend][self.column(at)] += 1

    def happens(self, event: Event) -> None:
        """Note an event."""
        self.happened[event.name] += 1
        if len(self.events) < EVENTS:
            self.events.append(event)

    @property
    def retries(self) -> int:
        """Attempts beyond the first, of all routes."""
        return sum(route.retries for route in self.routes.values())
