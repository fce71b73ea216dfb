"""A step that refuses nobody, whatever comes of it; flows are in `tests/flow/test_dry_run.py`."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import capturedLogs

from gateway.errors import AddressRefused, AuthUnavailable
from gateway.exchange import Exchange
from gateway.middleware.dry_run import DryRun, noting
from tests.middleware.conftest import MakeExchange


class Rule:
    """Raises at once, or when its answer comes."""

    name = "rule"

    def __init__(self, outcome: Exception | Deferred[None] | None) -> None:
        self.outcome = outcome

    def on_request(self, exchange: Exchange) -> Deferred[None] | None:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def watched(rule: Rule, counts: list[tuple[str, str]]) -> DryRun:
    """The rule in dry run."""
    return DryRun(rule, noting("rule", lambda route, reason: counts.append((route, reason))))


@pytest.mark.parametrize("waits", [False, True])
def test_what_a_rule_refuses_is_noted_and_passes(make: MakeExchange, waits: bool) -> None:
    """At once, or when a store or an authority has answered."""
    counts: list[tuple[str, str]] = []
    answer: Deferred[None] = Deferred()
    step = watched(Rule(answer if waits else AuthUnavailable()), counts)
    exchange = make()

    waiting = step.on_request(exchange)
    if waiting is not None:
        done: Deferred[None] = ensureDeferred(waiting)  # type: ignore[arg-type]
        assert exchange.dry_run == ""
        answer.errback(AuthUnavailable())
        assert done.result is None

    assert exchange.dry_run == "rule=auth.unavailable"
    assert counts == [("users", "auth.unavailable")]


@pytest.mark.parametrize("waits", [False, True])
def test_a_fault_of_ours_keeps_nobody_and_is_in_the_log(make: MakeExchange, waits: bool) -> None:
    """A rule that acts would have been a 500."""
    counts: list[tuple[str, str]] = []
    answer: Deferred[None] = Deferred()
    exchange = make()

    with capturedLogs() as logs:
        waiting = watched(Rule(answer if waits else ZeroDivisionError()), counts).on_request(exchange)
        if waiting is not None:
            done: Deferred[None] = ensureDeferred(waiting)  # type: ignore[arg-type]
            answer.errback(ZeroDivisionError())
            assert done.result is None

    assert exchange.dry_run == "rule=internal"
    assert [event["log_failure"].type for event in logs] == [ZeroDivisionError]


def test_what_passes_leaves_nothing(make: MakeExchange) -> None:
    """Not even a place to keep it."""
    exchange = make()

    assert watched(Rule(None), []).on_request(exchange) is None
    assert (exchange.dry_run, exchange._state) == ("", None)


def test_a_client_that_goes_takes_the_rule_along(make: MakeExchange) -> None:
    """The wait is cancelled, and nothing is noted."""
    counts: list[tuple[str, str]] = []
    waiting = watched(Rule(Deferred()), counts).on_request(make())
    done: Deferred[None] = ensureDeferred(waiting)  # type: ignore[arg-type]
    done.cancel()

    done.addErrback(lambda failure: failure.trap(CancelledError))
    assert counts == []


def test_a_route_that_is_not_there_has_no_name(make: MakeExchange) -> None:
    """Address rules of all hold before a route is found."""
    counts: list[tuple[str, str]] = []
    exchange = make()
    exchange.route = None

    watched(Rule(AddressRefused()), counts).on_request(exchange)

    assert counts == [("", "auth.forbidden")]
