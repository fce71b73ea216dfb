"""A breaker that opens and keeps nothing out."""

from __future__ import annotations

import pytest

from gateway.resilience.breaker import Breaker, BreakerRules, State
from gateway.resilience.dry_run import PASSED, DryRunBreaker, breaker_of

RULES = BreakerRules(failure_threshold=2, timeout=10.0, dry_run=True)


def opened() -> DryRunBreaker:
    """A breaker that opened at 0."""
    breaker = DryRunBreaker(RULES)
    for _ in range(2):
        breaker.failed(0.0, breaker.admit(0.0))
    return breaker


def test_rules_say_whether_it_acts() -> None:
    """And nothing else about it."""
    assert type(breaker_of(RULES, lambda *change: None)) is DryRunBreaker
    assert type(breaker_of(BreakerRules(), lambda *change: None)) is Breaker


def test_open_it_lets_everything_pass_whose_outcome_says_nothing() -> None:
    """As if it had not been: no success closes it, no failure counts twice."""
    breaker = opened()

    assert breaker.state is State.OPEN
    assert (breaker.admit(1.0), breaker.admit(1.0, whole=False)) == (PASSED, PASSED)
    assert (breaker.would_admit(1.0), breaker.willing(1.0), breaker.stands(1)) == (False, True, True)
    breaker.succeeded(1.0, PASSED)
    breaker.failed(1.0, PASSED)
    breaker.cancelled(PASSED)
    assert (breaker.state, breaker.probes) == (State.OPEN, 0)


def test_half_open_only_its_probes_decide() -> None:
    """One at once, as the rules say; the others pass beside it."""
    breaker = opened()

    probe = breaker.admit(10.0)
    states = [breaker.state]
    assert probe != PASSED
    assert breaker.admit(10.0) == PASSED
    breaker.succeeded(10.0, PASSED)
    states.append(breaker.state)
    breaker.failed(10.0, probe)
    states.append(breaker.state)
    breaker.succeeded(20.0, breaker.admit(20.0))
    states.append(breaker.state)
    assert states == [State.HALF_OPEN, State.HALF_OPEN, State.OPEN, State.CLOSED]


def test_what_it_reports_says_that_it_keeps_nothing_out() -> None:
    """Whoever reads the log wonders otherwise why requests flow."""
    causes: list[str] = []
    breaker = DryRunBreaker(RULES, lambda old, new, cause: causes.append(cause))
    for _ in range(2):
        breaker.failed(0.0, breaker.admit(0.0), "upstream.reset")

    assert causes == ["2 failures in a row, the last by upstream.reset (in dry run: nothing is kept out)"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_whoever_asks_hears_of_its_changes(dry_run: bool) -> None:
    """As of those of one that acts: the log and the metrics are what it is for."""
    told: list[tuple[State, State]] = []
    rules = BreakerRules(failure_threshold=1, dry_run=dry_run)
    breaker = breaker_of(rules, lambda old, new, cause: told.append((old, new)))

    breaker.failed(0.0, breaker.admit(0.0))

    assert told == [(State.CLOSED, State.OPEN)]


def test_attempts_whose_content_is_to_come_have_their_own_places() -> None:
    """As in one that acts: the probe that has all of its content takes no place of theirs."""
    breaker = opened()
    whole = breaker.admit(10.0)

    assert whole > 0
    assert (breaker.would_admit(10.0), breaker.would_admit(10.0, whole=False)) == (False, True)
    assert breaker.admit(10.0, whole=False) < 0
    assert not breaker.would_admit(10.0, whole=False)
