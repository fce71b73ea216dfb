"""The steps that hold a place in flight and give it back, and the one that sheds load."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.body import Body
from gateway.errors import Overloaded, TooManyInFlight
from gateway.exchange import Exchange
from gateway.middleware.admission import (
    Admission,
    AdmissionAtTheDoor,
    Full,
    LateAdmission,
    LateFull,
    LoadShedding,
    SplitAdmission,
)
from gateway.middleware.gate import Gate
from gateway.resilience.admission import Priority
from gateway.resilience.occupancy import Occupancy
from gateway.resilience.shedding import Shedder
from gateway.transport.deadlines import Deadlines
from tests.middleware.conftest import MakeExchange

LOW, NORMAL, HIGH = Priority
MakeGate = Callable[..., Gate]


@pytest.fixture
def gate() -> MakeGate:
    """Make a gate whose clock stands still."""

    def make(limit: int, max_queue: int = 0) -> Gate:
        return Gate(
            "route",
            "users",
            limit=limit,
            max_queue=max_queue,
            timeout=5.0,
            deadlines=Deadlines(lambda: 100.0),
            now=lambda: 100.0,
            queued=lambda *labels: None,
            refused=lambda *labels: None,
        )

    return make


def test_a_place_is_held_until_the_exchange_is_over(make: MakeExchange, gate: MakeGate) -> None:
    """An exchange that finds a place does not wait."""
    stands = gate(1)
    step = Admission(stands, NORMAL)
    first, second = make(), make()

    assert step.on_request(first) is None
    with pytest.raises(TooManyInFlight):
        step.on_request(second)
    for exchange in (second, first):
        step.on_finish(exchange)

    assert stands.in_flight == 0
    assert step.on_request(make()) is None


def test_the_priority_of_a_route_decides_whose_turn_it_is(make: MakeExchange, gate: MakeGate) -> None:
    """Where two routes wait before one gate."""
    stands = gate(1, 2)
    low, high = Admission(stands, LOW), Admission(stands, HIGH)
    first, second, third = make(), make(), make()
    low.on_request(first)
    waiting = [low.on_request(second), high.on_request(third)]

    low.on_finish(first)

    assert [place is not None and place.called for place in waiting] == [False, True]


def test_one_too_many_is_turned_away(make: MakeExchange) -> None:
    """The tree counted it before it had a route; the step only raises the error."""
    one, other = make(), make()
    other.error = TooManyInFlight()

    step = Full(Occupancy(), 100)
    step.on_request(one)
    with pytest.raises(TooManyInFlight):
        step.on_request(other)


def uploading(make: MakeExchange, octets: int = 100) -> Exchange:
    """An exchange whose content is still to come."""
    exchange = make()
    exchange.request.body = Body(length=octets)
    return exchange


def test_an_upload_gives_its_place_back_until_it_is_there(make: MakeExchange) -> None:
    """Without a queue: when its content is there and others have taken all places, it is refused."""
    occupancy = Occupancy()
    door, late = Full(occupancy, 100), LateFull(occupancy, 1)
    slow, streams = uploading(make), uploading(make, 101)
    for exchange, held in ((slow, 0), (streams, 1)):
        occupancy.in_flight += 1
        door.on_request(exchange)
        assert occupancy.places_held == held

    with pytest.raises(TooManyInFlight):
        late.on_request(slow)
    late.on_request(streams)
    occupancy.in_flight -= 1
    door.on_finish(slow)
    assert occupancy.places_held == 1


def test_an_upload_enters_the_gate_when_it_is_there(make: MakeExchange, gate: MakeGate) -> None:
    """With a queue: it waits for a place when its content is there; an exchange that has a place keeps it."""
    stands = gate(1, 1)
    door, late = AdmissionAtTheDoor(stands, NORMAL, 100), LateAdmission(stands, NORMAL)
    slow, other = uploading(make), make()
    assert (door.on_request(slow), door.on_request(other)) == (None, None)
    assert stands.in_flight == 1
    assert late.on_request(other) is None
    place = late.on_request(slow)
    assert place is not None
    door.on_finish(other)
    assert place.called
    door.on_finish(slow)
    assert stands.in_flight == 0


def test_a_split_route_waits_before_the_upstream_that_was_chosen(make: MakeExchange, gate: MakeGate) -> None:
    """Each exchange holds a place before its upstream; before one without a limit nothing waits."""
    one, other = gate(1), gate(1)
    names = iter(["one", "free", "other", "free"])
    step = SplitAdmission(lambda _: next(names), {"one": one, "other": other}, NORMAL)
    exchanges = [make() for _ in range(4)]

    assert [step.on_request(exchange) for exchange in exchanges] == [None] * 4
    assert [exchange.upstream for exchange in exchanges] == ["one", "free", "other", "free"]
    assert (one.in_flight, other.in_flight) == (1, 1)

    exchanges[2].upstream = "one"  # a fallback
    for exchange in exchanges[1:]:
        step.on_finish(exchange)
        step.on_finish(exchange)
    assert (one.in_flight, other.in_flight) == (1, 0)


@pytest.mark.parametrize(("lag", "shed"), [(0.0, ""), (0.08, "LOW"), (0.11, "LOW NORMAL"), (0.16, "LOW NORMAL HIGH")])
def test_what_is_shed_is_turned_away(make: MakeExchange, lag: float, shed: str) -> None:
    """By the level that holds when it comes."""
    shedder = Shedder(loop_lag_mark=0.1)
    asked: list[Priority] = []

    def refuse(priority: Priority) -> Overloaded:
        asked.append(priority)
        return Overloaded()

    shedder.observe(lag, 0)
    for priority in Priority:
        step = LoadShedding(shedder, priority, refuse)
        if priority.name in shed.split():
            with pytest.raises(Overloaded):
                step.on_request(make())
        else:
            step.on_request(make())

    assert " ".join(priority.name for priority in asked) == shed
