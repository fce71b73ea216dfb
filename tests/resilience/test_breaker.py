"""The circuit breaker: its table, both rules, the probes, and what holds whatever happens."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.resilience.breaker import NEXT, PROBE, Breaker, BreakerRules, Event, State, together

CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN
RULES = BreakerRules(failure_threshold=3, min_requests=10)


def fail(breaker: Breaker, now: float, times: int = 1) -> None:
    """Let attempts pass and fail."""
    for _ in range(times):
        ticket = breaker.admit(now)
        assert ticket
        breaker.failed(now, ticket, "upstream.reset")


def succeed(breaker: Breaker, now: float, times: int = 1) -> None:
    """Let attempts pass and succeed."""
    for _ in range(times):
        ticket = breaker.admit(now)
        assert ticket
        breaker.succeeded(now, ticket)


def in_state(state: State, rules: BreakerRules = RULES) -> Breaker:
    """Make a breaker that came to a state at 100.0."""
    breaker = Breaker(rules)
    if state is not CLOSED:
        fail(breaker, 100.0, rules.failure_threshold)
    if state is HALF_OPEN:
        breaker.health_restored(100.0)
    assert breaker.state is state
    return breaker


def cause(breaker: Breaker, event: Event, now: float) -> None:
    """Do what brings the event about, as far as the state lets anybody do it."""
    if event is Event.TRIPPED:
        for _ in range(RULES.failure_threshold if breaker.state is CLOSED else 0):
            breaker.failed(now, breaker.admit(now))
    elif event is Event.COOLED_DOWN:
        breaker.admit(now + RULES.timeout)
    elif event is Event.HEALTH_RESTORED:
        breaker.health_restored(now)
    elif event is Event.PROVED:
        breaker.succeeded(now, breaker.admit(now))
    elif event is Event.FAILED:
        breaker.failed(now, breaker.admit(now))


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_of_state_and_event(state: State, event: Event) -> None:
    """The breaker does what the table says, and nothing where the table is silent."""
    breaker = in_state(state)

    cause(breaker, event, 101.0)

    assert breaker.state is NEXT.get((state, event), state)


def test_the_table_has_no_way_past_the_probes() -> None:
    """Only probes close a breaker, and only an open one becomes half-open."""
    assert {old for (old, _), new in NEXT.items() if new is CLOSED} == {HALF_OPEN}
    assert {old for (old, _), new in NEXT.items() if new is HALF_OPEN} == {OPEN}


def test_failures_in_a_row_open_it() -> None:
    """At the threshold, not before."""
    breaker = Breaker(BreakerRules())

    fail(breaker, 1.0, 4)
    assert breaker.state is CLOSED
    fail(breaker, 1.0)

    assert breaker.state is OPEN
    assert breaker.since == 1.0
    assert breaker.cause == "5 failures in a row, the last by upstream.reset"


def test_a_success_while_closed_resets_the_row() -> None:
    """Four, one good, four: still closed."""
    breaker = Breaker(BreakerRules())

    fail(breaker, 1.0, 4)
    succeed(breaker, 1.0)
    fail(breaker, 1.0, 4)

    assert breaker.state is CLOSED
    assert breaker.consecutive == 4


def test_too_large_a_share_of_failures_opens_it() -> None:
    """Every other one fails, so there is never a row: the twentieth outcome decides."""
    breaker = Breaker(BreakerRules())

    for _ in range(9):
        fail(breaker, 1.0)
        succeed(breaker, 1.0)
    succeed(breaker, 1.0)
    assert breaker.state is CLOSED
    fail(breaker, 1.0)

    assert breaker.state is OPEN
    assert breaker.cause == "10 of 20 failed within 60 s, the last by upstream.reset"


def test_the_share_is_judged_whoever_completes_the_number_of_requests() -> None:
    """The twentieth outcome is a success: half of twenty failed all the same."""
    breaker = Breaker(BreakerRules())

    for _ in range(10):
        fail(breaker, 1.0)
        succeed(breaker, 1.0)

    assert breaker.state is OPEN


def test_a_share_below_the_ratio_leaves_it_closed() -> None:
    """One in three fails for ever."""
    breaker = Breaker(BreakerRules())

    for second in range(300):
        fail(breaker, float(second))
        succeed(breaker, float(second), 2)

    assert breaker.state is CLOSED


def test_failures_older_than_the_window_do_not_count() -> None:
    """Nine bad ones a minute ago say nothing now."""
    breaker = Breaker(BreakerRules(failure_threshold=0))
    fail(breaker, 1.0, 9)

    succeed(breaker, 62.0, 10)
    fail(breaker, 62.0)

    assert breaker.counts(62.0) == (11, 1)
    assert breaker.state is CLOSED


def test_a_threshold_of_nought_leaves_only_the_ratio() -> None:
    """As for the breaker of a whole upstream."""
    breaker = Breaker(BreakerRules(failure_threshold=0))

    fail(breaker, 1.0, 19)
    assert breaker.state is CLOSED
    fail(breaker, 1.0)

    assert breaker.state is OPEN


def test_open_admits_nothing_until_the_timeout() -> None:
    """And says how long that is."""
    breaker = in_state(OPEN)

    assert not breaker.admit(129.9)
    assert not breaker.willing(129.9)
    assert breaker.retry_after(110.0) == 20.0
    assert breaker.willing(130.0)
    assert breaker.state is OPEN
    assert breaker.retry_after(200.0) == 0.0
    assert breaker.admit(131.0)
    assert breaker.state is HALF_OPEN
    assert breaker.since == 131.0
    assert breaker.retry_after(131.0) == 0.0


def test_half_open_admits_one_probe_under_concurrency() -> None:
    """The others are turned away until it ends."""
    breaker = in_state(OPEN)

    assert [bool(breaker.admit(130.0)) for _ in range(100)] == [True] + [False] * 99
    assert not breaker.willing(130.0)


def test_half_open_admits_as_many_probes_as_configured() -> None:
    """The block of the requirements: three probes, two successes."""
    breaker = in_state(OPEN, BreakerRules(success_threshold=2, timeout=60.0, half_open_requests=3))
    tickets = [breaker.admit(160.0) for _ in range(5)]
    assert [bool(ticket) for ticket in tickets] == [True, True, True, False, False]

    breaker.succeeded(161.0, tickets[0])
    assert breaker.state is HALF_OPEN
    breaker.succeeded(161.0, tickets[1])

    assert breaker.state is CLOSED
    assert breaker.cause == "2 of 2 probes succeeded"


def test_one_probe_at_a_time_may_have_to_prove_twice() -> None:
    """A slot is free again when its probe succeeded."""
    breaker = in_state(OPEN, BreakerRules(success_threshold=2))

    succeed(breaker, 130.0)
    assert breaker.state is HALF_OPEN
    succeed(breaker, 130.0)

    assert breaker.state is CLOSED


def test_a_failed_probe_opens_it_for_another_timeout() -> None:
    """Counted from the failure."""
    breaker = in_state(OPEN)
    ticket = breaker.admit(130.0)

    breaker.failed(135.0, ticket, "upstream.timeout")

    assert breaker.state is OPEN
    assert breaker.cause == "a probe failed, the last by upstream.timeout"
    assert not breaker.admit(164.0)
    assert breaker.admit(165.0)


def test_a_probe_without_a_verdict_gives_its_slot_back() -> None:
    """A client that went away says nothing about the backend."""
    breaker = in_state(OPEN)
    ticket = breaker.admit(130.0)
    assert not breaker.admit(131.0)

    breaker.cancelled(ticket)

    assert breaker.state is HALF_OPEN
    assert breaker.admit(131.0)


def test_what_began_before_a_change_says_nothing_after_it() -> None:
    """Late answers neither close a half-open breaker, nor free its slot, nor open a closed one."""
    breaker = Breaker(RULES)
    late = [breaker.admit(99.0) for _ in range(4)]
    fail(breaker, 100.0, 3)
    breaker.succeeded(110.0, late[0])
    assert breaker.state is OPEN

    probe = breaker.admit(130.0)
    breaker.succeeded(131.0, late[1])
    breaker.failed(131.0, late[2])
    breaker.cancelled(late[3])
    assert breaker.state is HALF_OPEN
    assert not breaker.admit(131.0)

    breaker.succeeded(132.0, probe)
    breaker.failed(133.0, late[1])
    assert breaker.state is CLOSED
    assert breaker.consecutive == 0


def test_a_closed_breaker_starts_afresh() -> None:
    """What opened it is not held against it twice."""
    breaker = in_state(OPEN)
    succeed(breaker, 130.0)

    fail(breaker, 131.0, 2)

    assert breaker.state is CLOSED
    assert breaker.counts(131.0) == (2, 2)


def test_what_opened_it_is_seen_until_it_is_closed() -> None:
    """Open and half-open, however long that takes and whatever its probes do; closed, it counts anew."""
    breaker = in_state(OPEN)
    counted = breaker.counts(100.0), breaker.consecutive
    assert counted == ((3, 3), 3)

    breaker.forget()
    fail(breaker, 130.0)
    assert (breaker.state, breaker.counts(500.0), breaker.consecutive) == (OPEN, *counted)
    ticket = breaker.admit(500.0)
    assert (breaker.state, breaker.counts(500.0), breaker.consecutive) == (HALF_OPEN, *counted)
    breaker.succeeded(501.0, ticket)
    assert (breaker.state, breaker.counts(501.0), breaker.consecutive) == (CLOSED, (0, 0), 0)


def test_a_restored_health_lets_probes_pass_early() -> None:
    """They still decide."""
    breaker = in_state(OPEN)

    breaker.health_restored(105.0)

    assert breaker.state is HALF_OPEN
    fail(breaker, 105.0)
    assert not breaker.admit(106.0)


def test_an_infinite_timeout_leaves_it_to_the_health_check() -> None:
    """`close_on: health_check`."""
    breaker = in_state(OPEN, BreakerRules(timeout=float("inf")))

    assert not breaker.admit(1e12)
    breaker.health_restored(1e12)

    assert breaker.admit(1e12)


def test_every_change_is_told_once_with_its_cause() -> None:
    """When the listener hears of it, the breaker is in the new state."""
    told: list[tuple[State, State, str]] = []

    def listen(old: State, new: State, cause: str) -> None:
        assert breaker.state is new
        told.append((old, new, cause))

    breaker = Breaker(RULES, listen)
    fail(breaker, 100.0, 3)
    fail(breaker, 130.0)
    succeed(breaker, 160.0)

    assert told == [
        (CLOSED, OPEN, "3 failures in a row, the last by upstream.reset"),
        (OPEN, HALF_OPEN, "30 s have passed"),
        (HALF_OPEN, OPEN, "a probe failed, the last by upstream.reset"),
        (OPEN, HALF_OPEN, "30 s have passed"),
        (HALF_OPEN, CLOSED, "1 of 1 probes succeeded"),
    ]


def test_what_was_admitted_stands_until_it_opens() -> None:
    """After that nothing does but what was admitted as a probe, until it is closed again."""
    breaker = Breaker(BreakerRules(failure_threshold=1, timeout=1.0))
    before = breaker.admit(0.0)
    assert breaker.stands(before)
    breaker.failed(0.0, before)
    assert not breaker.stands(before)
    probe = breaker.admit(1.0)
    assert breaker.stands(probe)
    assert not breaker.stands(before)
    breaker.succeeded(1.0, probe)
    assert breaker.stands(before)


class BreakerMachine(RuleBasedStateMachine):
    """Whatever comes in whatever order: the promises hold."""

    @initialize(
        threshold=st.integers(0, 4), minimum=st.integers(1, 8), probes=st.integers(1, 3), proofs=st.integers(1, 3)
    )
    def make(self, threshold: int, minimum: int, probes: int, proofs: int) -> None:
        """Begin with any rules."""
        rules = BreakerRules(
            failure_threshold=threshold, min_requests=minimum, half_open_requests=probes, success_threshold=proofs
        )
        self.now = 0.0
        self.changes: list[tuple[State, State]] = []
        self.breaker = Breaker(rules, lambda old, new, cause: self.changes.append((old, new)))
        self.out: list[tuple[int, bool]] = []
        self.opened = 0.0
        self.probed = 0.0
        self.taken = -1  # in which period, told by the changes before it, a probe that is not over has lost its slot

    @rule(seconds=st.floats(0.0, 40.0))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule()
    def ask(self) -> None:
        """Somebody wants to make an attempt."""
        before, willing, probes = self.breaker.state, self.breaker.willing(self.now), self.breaker.probes
        ticket = self.breaker.admit(self.now)
        assert bool(ticket) == willing
        if before is HALF_OPEN:
            full = probes == self.breaker.rules.half_open_requests
            assert bool(ticket) == (not full or self.now - self.probed >= PROBE)
            if full and ticket:
                self.taken = len(self.changes)
        if ticket and self.breaker.state is HALF_OPEN:
            self.probed = self.now
        if before is OPEN:
            assert bool(ticket) == (self.now >= self.opened + 30.0)
        if before is CLOSED:
            assert ticket
        if ticket:
            self.out.append((ticket, self.breaker.state is HALF_OPEN))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=st.sampled_from(["succeeded", "failed", "cancelled"]))
    def end(self, data: st.DataObject, outcome: str) -> None:
        """One of the attempts under way ends."""
        ticket, _ = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        if outcome == "cancelled":
            self.breaker.cancelled(ticket)
        elif outcome == "succeeded":
            self.breaker.succeeded(self.now, ticket)
        else:
            before = len(self.changes)
            self.breaker.failed(self.now, ticket)
            if len(self.changes) > before:
                assert self.breaker.state is OPEN
        if self.changes and self.changes[-1][1] is OPEN and self.breaker.since == self.now:
            self.opened = self.now

    @rule()
    def restore(self) -> None:
        """A health check turns good."""
        self.breaker.health_restored(self.now)
        assert self.breaker.state is not OPEN

    @invariant()
    def probes_are_few(self) -> None:
        """Never more than `half_open_requests` at once; the count is that of the tickets that have a slot."""
        if self.breaker.state is HALF_OPEN:
            mine = [ticket for ticket, probe in self.out if probe and self.changes and ticket == len(self.changes) + 1]
            if self.taken == len(self.changes):
                assert self.breaker.probes <= len(mine)
            else:
                assert self.breaker.probes == len(mine)
            assert self.breaker.probes <= self.breaker.rules.half_open_requests
        else:
            assert self.breaker.probes == 0

    @invariant()
    def changes_are_those_of_the_table(self) -> None:
        """One after the other, none left out."""
        assert set(self.changes) <= {(old, new) for (old, _), new in NEXT.items()}
        assert all(new is old for (_, new), (old, _) in zip(self.changes, self.changes[1:], strict=False))


TestBreakerMachine = BreakerMachine.TestCase


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], CLOSED),
        ([OPEN, CLOSED, HALF_OPEN], CLOSED),
        ([OPEN, HALF_OPEN], HALF_OPEN),
        ([OPEN, OPEN], OPEN),
    ],
)
def test_all_backends_together(states: list[State], expected: State) -> None:
    """One that is closed is enough; without backends nothing is kept back."""
    assert together(states) is expected


def test_no_probe_keeps_its_slot_for_ever() -> None:
    """One that hangs lets another pass after half a minute; what it gives back later frees nothing."""
    breaker = Breaker(BreakerRules(failure_threshold=1, success_threshold=9))
    breaker.failed(0.0, breaker.admit(0.0))
    hangs = breaker.admit(30.0)
    assert hangs
    assert not breaker.admit(59.9)
    assert breaker.admit(60.0)
    breaker.cancelled(hangs)
    assert breaker.probes == 0
    breaker.cancelled(hangs)
    assert breaker.probes == 0


def test_probes_whose_content_streams_have_slots_of_their_own() -> None:
    """They take none from the others, and count as proofs."""
    breaker = Breaker(BreakerRules(failure_threshold=1))
    breaker.failed(0.0, breaker.admit(0.0))
    streams = breaker.admit(30.0, whole=False)
    assert streams < 0
    assert breaker.stands(streams)
    assert not breaker.willing(30.0, whole=False)
    whole = breaker.admit(30.0)
    assert whole
    breaker.cancelled(streams)
    assert not breaker.willing(30.0)
    assert breaker.willing(30.0, whole=False)
    breaker.succeeded(31.0, breaker.admit(31.0, whole=False))
    assert breaker.state is State.CLOSED
    breaker.failed(32.0, streams)
    assert breaker.state is State.CLOSED


def test_a_probe_gives_back_one_place() -> None:
    """Its own: of two that are under way the other still has its place, of either kind."""
    for whole in (True, False):
        breaker = Breaker(BreakerRules(failure_threshold=1, half_open_requests=2, success_threshold=3))
        fail(breaker, 0.0)
        tickets = [breaker.admit(30.0, whole) for _ in range(2)]
        assert all(tickets)
        assert not breaker.willing(30.0, whole)

        breaker.succeeded(31.0, tickets[0])

        assert breaker.admit(31.0, whole)
        assert not breaker.willing(31.0, whole)


def test_outcomes_that_left_the_window_are_not_counted() -> None:
    """Although nothing has come since that would have moved it on."""
    breaker = Breaker(BreakerRules(window=10.0))
    fail(breaker, 100.0, 2)
    assert breaker.counts(100.0) == (2, 2)

    assert breaker.counts(200.0) == (0, 0)
