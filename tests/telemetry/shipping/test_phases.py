"""Every pair of a state and an event: what is not in the table changes nothing."""

from __future__ import annotations

import itertools

from gateway.telemetry.shipping.phases import NEXT, Event, State

ENDS = (State.FLUSHING, State.PAUSING, State.CLOSED)


def test_every_pair_is_as_the_theory_says() -> None:
    """Nothing leads out of the end, and only a timer or an answer leads out of what waits for one."""
    for state, event in itertools.product(State, Event):
        after = NEXT.get((state, event))
        if state is State.CLOSED:
            assert after is None
        elif state in ENDS:
            assert after is None or after in ENDS
        if event is Event.CLOSE and state not in ENDS:
            assert after in ENDS
        if event is Event.OUT_OF_TIME:
            assert after is (State.CLOSED if state in (State.FLUSHING, State.PAUSING) else None)


def test_every_state_is_reached_and_can_end() -> None:
    """From each state but the last some way leads to `CLOSED`."""
    assert set(NEXT.values()) == set(State)
    for state in State:
        seen = {state}
        for _ in State:
            seen |= {after for (before, _), after in NEXT.items() if before in seen}
        assert State.CLOSED in seen
