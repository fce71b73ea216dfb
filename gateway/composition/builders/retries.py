"""Settings of a route's further attempts, one after or beside the other, into what makes them.

Tests: `tests/flow/test_retries.py::test_another_backend_takes_over`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.composition.foundation import Foundation
from gateway.config.schema.resilience import Hedge, Retry
from gateway.forwarding.retries import Retries
from gateway.resilience.budget import RetryBudget
from gateway.resilience.latencies import Latencies
from gateway.resilience.retry import RetryPolicy

if TYPE_CHECKING:
    from gateway.forwarding.hedges import Hedges


def build_retries(route: str, settings: Retry | None, foundation: Foundation) -> Retries | None:
    """Return the retries of a route; None for none. Its budget is the one of the configuration before."""
    if settings is None or not settings.attempts:
        return None
    budget = foundation.carried.get(
        ("retry budget", route, settings.budget, settings.min_per_second), lambda: retry_budget(settings)
    )
    return retries_within(budget, route, settings, foundation)


def retry_budget(settings: Retry) -> RetryBudget:
    """Make the budget of a route."""
    return RetryBudget(settings.budget, float(settings.min_per_second))


def retries_within(budget: RetryBudget, route: str, settings: Retry, foundation: Foundation) -> Retries:
    """Make the retries of a route that pay into this budget, and out of it."""
    on = frozenset(settings.on)
    if settings.per_try_timeout is not None:
        on |= {"timeout"}  # a time for each attempt is for trying again when it is over
    return Retries(
        RetryPolicy(settings.attempts, on, settings.backoff, settings.max_backoff, settings.idempotency_key),
        budget,
        settings.buffer,
        settings.per_try_timeout or 0.0,
        foundation.reactor,
        foundation.random,
        partial(foundation.metrics.counter("gateway_retries_total").add, route),
    )


def build_hedges(route: str, settings: Hedge | None, foundation: Foundation) -> Hedges | None:
    """Return the hedging of a route; None for none. What is known of its answers is carried over."""
    if settings is None:
        return None
    percentile, budget = settings.percentile, settings.budget
    from gateway.forwarding.hedges import Hedges

    return Hedges(
        foundation.carried.get(("latencies", route, percentile), lambda: Latencies(percentile)),
        foundation.carried.get(("hedge budget", route, budget), lambda: RetryBudget(budget, 0.0)),
        settings.min_delay,
        foundation.reactor,
        foundation.now,
        partial(foundation.metrics.counter("gateway_hedges_total").add, route),
    )
