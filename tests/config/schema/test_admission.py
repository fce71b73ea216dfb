"""What a configuration says about load."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings
from gateway.config.schema.admission import AdaptiveConcurrency, Queue

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]


def test_an_empty_block_is_on_with_its_defaults(load_text: Load) -> None:
    """Absent ones are off: nobody waits, and no limit moves."""
    settings = load_text(
        "limits: {queue: {}}\n"
        "upstreams: [{name: a, backends: [], adaptive_concurrency: {}}]\n"
        "routes: [{path: /, upstream: a}]"
    )
    (upstream,), (route,) = settings.upstreams, settings.routes

    assert settings.limits.queue == Queue(size=100, timeout=1.0)
    assert upstream.adaptive_concurrency == AdaptiveConcurrency()
    assert (upstream.queue, route.queue, route.priority, route.in_flight) == (None, None, "normal", 0)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("{max_limit: 10}", "found 20, 20 and 10"),
        ("{min_limit: 50}", "found 50, 20 and 1000"),
        ("{tolerance: 0.9}", "expected a number from 1 to 100"),
    ],
)
def test_an_adaptive_limit_stays_within_its_bounds(complaints: Complaints, block: str, complaint: str) -> None:
    """What could never hold is told by its place."""
    (line,) = complaints(f"upstreams: [{{name: a, backends: [], adaptive_concurrency: {block}}}]")

    assert "upstreams[0].adaptive_concurrency" in line
    assert complaint in line


def test_a_priority_is_one_of_three(complaints: Complaints) -> None:
    """Words, since numbers would be read in two directions."""
    (line,) = complaints("upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a, priority: 1}]")

    assert "routes[0].priority" in line
