"""Who waits for a stream, in which order, and until when."""

from __future__ import annotations

from gateway.transport.deadlines import NEVER
from gateway.upstream.waiting import Waiting
from tests.upstream.conftest import Waiter


def test_who_came_first_is_first() -> None:
    """And waits no more."""
    waiting = Waiting()
    first, second = Waiter(), Waiter()
    waiting.join(first, 5.0)
    waiting.join(second, 3.0)

    assert waiting.first() is first
    assert len(waiting) == 1
    assert waiting.first() is second


def test_who_wants_a_fresh_connection_waits_for_one() -> None:
    """Those behind are served meanwhile, in their order."""
    waiting = Waiting()
    choosy, other = Waiter(fresh=True), Waiter()
    for one in (choosy, other):
        waiting.join(one, NEVER)

    assert waiting.first_for(fresh=False) is other
    assert waiting.first_for(fresh=False) is None
    assert len(waiting) == 1
    assert waiting.first_for(fresh=True) is choosy


def test_leaving_twice_is_leaving_once() -> None:
    """Whoever asks learns whether it waited."""
    waiting = Waiting()
    one = Waiter()
    waiting.join(one, NEVER)

    assert [waiting.leave(one), waiting.leave(one)] == [True, False]


def test_those_whose_time_is_over() -> None:
    """They wait on until they are told; the earliest of all is known."""
    waiting = Waiting()
    early, late = Waiter(), Waiter()
    waiting.join(late, 5.0)
    waiting.join(early, 3.0)

    assert waiting.earliest == 3.0
    assert waiting.due(2.9) == []
    assert waiting.due(3.0) == [early]
    assert waiting.due(9.0) == [late, early]
    assert Waiting().earliest == NEVER
