"""What is made for rules in dry run: what notes their refusals, and the field that tells clients.

Tests: `tests/flow/test_dry_run.py::test_without_rules_in_dry_run_nothing_is_there_for_them`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.dry_runs import has_dry_runs
from gateway.config.schema.routes import Route
from gateway.exchange import Exchange
from gateway.interfaces import Middleware
from gateway.middleware.dry_run import DryRunField, Note, noting


def limit_note(foundation: Foundation) -> Note:
    """Make what notes the refusals of limits."""
    return noting("rate_limit", foundation.metrics.counter("gateway_rate_limit_dry_run_total").add)


def auth_note(foundation: Foundation) -> Note:
    """Make what notes the refusals of authentication."""
    return noting("auth", foundation.metrics.counter("gateway_auth_dry_run_total").add)


def address_note(foundation: Foundation) -> Note:
    """Make what notes the refusals of address rules."""
    return noting("ip", foundation.metrics.counter("gateway_ip_dry_run_total").add)


def cors_note(foundation: Foundation) -> Note:
    """Make what notes what pages of other origins would be kept from."""
    return noting("cors", foundation.metrics.counter("gateway_cors_dry_run_total").add)


def breaker_note(upstream: str, foundation: Foundation) -> Callable[[Exchange, str], None]:
    """Make what notes the refusals of an upstream's breakers."""
    count = foundation.metrics.counter("gateway_circuit_breaker_dry_run_total").add

    def note(exchange: Exchange, reason: str) -> None:
        count(upstream)
        exchange.would_have("circuit_breaker", reason)

    return note


class Fields:
    """Makes the steps of one configuration that tell clients what rules in dry run would have done.

    Args:
        settings: The configuration.
    """

    def __init__(self, settings: Settings) -> None:
        self._told = settings.dry_run_header
        self._there_are_some = cache(lambda: has_dry_runs(settings))  # all routes are looked at: once

    def step(self, route: Route | None) -> Middleware | None:
        """Make the step of a route; None where clients are not to be told, or there is nothing to tell."""
        told = self._told if route is None or route.dry_run_header is None else route.dry_run_header
        return DryRunField() if told and self._there_are_some() else None
