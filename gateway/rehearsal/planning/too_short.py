"""Timeouts of routes that are below what an access log shows: answers that would be cut off (504).

Tests: `tests/rehearsal/planning/test_too_short.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gateway.config import Settings
from gateway.config.problems import Place
from gateway.recorded.latencies import Latencies
from gateway.recorded.request import Recorded
from gateway.rehearsal.replaying.destinations import Destinations
from gateway.serving.tree import Tree

SHARE = 0.99
"""The share of answers that a timeout should leave time for."""


class TooShort(NamedTuple):
    """A route whose timeout is below the time that its answers take.

    Attributes:
        route: By name.
        timeout: Seconds.
        p99: Seconds that 99 % of its answers did not take longer than.
        share: The share of its answers that took longer than the timeout.
        answers: How many there are in the log.
        place: Where the timeout is written; None where that is not known.
    """

    route: str
    timeout: float
    p99: float
    share: float
    answers: int
    place: Place | None = None


def too_short(requests: Iterable[Recorded], settings: Settings, tree_at: Callable[[str], Tree]) -> list[TooShort]:
    """Return the routes whose timeout is below the 99th percentile, the most affected first.

    What the gateway answered itself took no backend any time, but for answers that it waited for in vain.

    Args:
        requests: Of a log.
        settings: The configuration.
        tree_at: Returns its routes at the address of a listener.
    """
    destinations = Destinations(settings, tree_at)
    timeouts = {route.name: route.timeout for route in settings.routes}
    latencies: dict[str, Latencies] = {}
    for request in requests:
        seconds = request.seconds if request.upstream_seconds is None else request.upstream_seconds
        if seconds is None or request.status == 101 or request.reason not in (None, "upstream.timeout"):
            continue
        try:
            route = destinations.route(request)
        except ValueError:
            continue  # no host that a gateway would take
        if route is not None and route.upstream:
            latencies.setdefault(route.name, Latencies()).add(seconds)
    found = []
    for name, known in latencies.items():
        p99 = known.quantile(SHARE)
        if timeouts[name] < p99:
            found.append(TooShort(name, timeouts[name], p99, known.share_over(timeouts[name]), known.count))
    return sorted(found, key=lambda one: -one.share)
