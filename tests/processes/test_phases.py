"""What may become of a worker's place: every pair of the table."""

from __future__ import annotations

import itertools

import pytest

from gateway.processes.phases import NEXT, Event, Phase, after


@pytest.mark.parametrize(("phase", "event"), list(itertools.product(Phase, Event)))
def test_every_pair(phase: Phase, event: Event) -> None:
    """What is not in the table changes nothing."""
    assert after(phase, event) is NEXT.get((phase, event), phase)


def test_nobody_comes_where_nobody_is_to_be() -> None:
    """GONE is the end, and it is reached from everywhere."""
    assert {after(Phase.GONE, event) for event in Event} == {Phase.GONE}
    for phase in Phase:
        assert after(after(phase, Event.LEAVE), Event.ENDED) is Phase.GONE
