from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from gateway.dialling.resolver import Resolver


class NameServer:
    """A reactor's name resolver whose answers the test gives."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._receivers: list[Any] = []
        self.nameResolver = self

    def resolveHostName(self, receiver: Any, host: str) -> None:
        self.asked.append(host)
        self._receivers.append(receiver)

    def answer(self, *addresses: str) -> None:
        """Answer the lookup that has waited longest."""
        receiver = self._receivers.pop(0)
        receiver.resolutionBegan(None)
        for address in addresses:
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, 0))
        receiver.resolutionComplete()


class World:
    """A resolver, its name server and its clock."""

    def __init__(self) -> None:
        self.server = NameServer()
        self.time = 100.0
        self.resolver = Resolver(self.server, lambda: self.time, interval=5.0)
        self.changes: list[tuple[str, tuple[str, ...]]] = []
        self.resolver.on_change(lambda host, addresses: self.changes.append((host, addresses)))

    def knows(self, host: str, *addresses: str) -> None:
        """Look a name up and answer."""
        self.resolver.resolve(host)
        self.server.answer(*addresses)


@pytest.fixture
def world() -> World:
    """A resolver that has no answers yet."""
    return World()


def result(deferred: Deferred[list[str]]) -> list[str]:
    """The result of a Deferred that has fired."""
    got: list[Any] = []
    deferred.addBoth(got.append)
    assert got, "it has not fired"
    if not isinstance(got[0], list):
        got[0].raiseException()
    found: list[str] = got[0]
    return found


def test_a_name_has_all_its_addresses(world: World) -> None:
    """Of both versions, each once, in the order of preference."""
    found = world.resolver.resolve("b.example")

    world.server.answer("::1", "10.0.0.1", "::1")

    assert result(found) == ["::1", "10.0.0.1"]


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1", "fe80::1%eth0"])
def test_an_address_is_never_asked_for(world: World, literal: str) -> None:
    """It stands for itself."""
    assert result(world.resolver.resolve(literal)) == [literal]
    assert world.resolver.cached(literal) == (literal,)
    assert world.server.asked == []


def test_one_question_serves_all_who_wait(world: World) -> None:
    """Many dials for a new name make one lookup."""
    waiting = [world.resolver.resolve("b.example") for _ in range(3)]

    world.server.answer("10.0.0.1")

    assert [result(each) for each in waiting] == [["10.0.0.1"]] * 3
    assert world.server.asked == ["b.example"]


def test_who_stops_waiting_does_not_spoil_it_for_the_others(world: World) -> None:
    """One is cancelled, and the lookup goes on for the rest."""
    impatient = world.resolver.resolve("b.example")
    impatient.addErrback(lambda _: None)
    patient = world.resolver.resolve("b.example")

    impatient.cancel()
    world.server.answer("10.0.0.1")

    assert result(patient) == ["10.0.0.1"]


def test_a_late_answer_is_kept(world: World) -> None:
    """Though every caller has given up by then."""
    world.resolver.resolve("b.example").addErrback(lambda _: None).cancel()

    world.server.answer("10.0.0.1")

    assert world.resolver.cached("b.example") == ("10.0.0.1",)


def test_what_is_known_is_not_asked_again(world: World) -> None:
    """Within the interval neither `cached` nor `resolve` begins a lookup."""
    world.knows("b.example", "10.0.0.1")
    world.time += 4.9

    assert world.resolver.cached("b.example") == ("10.0.0.1",)
    assert result(world.resolver.resolve("b.example")) == ["10.0.0.1"]
    assert world.server.asked == ["b.example"]


def test_an_old_answer_serves_while_a_new_one_is_fetched(world: World) -> None:
    """No caller waits for the refresh, and there is one at a time."""
    world.knows("b.example", "10.0.0.1")
    world.time += 5

    assert world.resolver.cached("b.example") == ("10.0.0.1",)
    assert result(world.resolver.resolve("b.example")) == ["10.0.0.1"]
    assert world.server.asked == ["b.example"] * 2
    world.server.answer("10.0.0.2")

    assert world.resolver.cached("b.example") == ("10.0.0.2",)
    assert world.server.asked == ["b.example"] * 2


def test_a_change_is_told(world: World) -> None:
    """The first answer is not: no connections to earlier addresses are there to be retired."""
    world.knows("b.example", "10.0.0.1")
    assert world.changes == []
    world.time += 5
    world.resolver.cached("b.example")

    world.server.answer("10.0.0.2", "10.0.0.3")

    assert world.changes == [("b.example", ("10.0.0.2", "10.0.0.3"))]


def test_another_order_is_no_change(world: World) -> None:
    """Name servers rotate the order from answer to answer."""
    world.knows("b.example", "10.0.0.1", "10.0.0.2")
    world.time += 5
    world.resolver.cached("b.example")

    world.server.answer("10.0.0.2", "10.0.0.1")

    assert world.changes == []
    assert world.resolver.cached("b.example") == ("10.0.0.1", "10.0.0.2")


def test_a_name_that_does_not_resolve_fails(world: World) -> None:
    """It is looked up again the next time: failures are not cached."""
    found = world.resolver.resolve("b.example")
    world.server.answer()
    with pytest.raises(DNSLookupError, match=r"b\.example"):
        result(found)

    again = world.resolver.resolve("b.example")
    world.server.answer("10.0.0.1")

    assert result(again) == ["10.0.0.1"]


def test_a_failing_refresh_keeps_the_addresses_and_is_logged_once(world: World) -> None:
    """So that backends can be reached while a name server is down."""
    logged: list[LogEvent] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_namespace") == "gateway.dialling.resolver.Resolver":
            logged.append(event)

    globalLogPublisher.addObserver(observe)
    try:
        world.knows("b.example", "10.0.0.1")
        for answers in ((), (), ("10.0.0.1",)):
            world.time += 5
            assert world.resolver.cached("b.example") == ("10.0.0.1",)
            world.server.answer(*answers)
    finally:
        globalLogPublisher.removeObserver(observe)

    assert [event["log_level"].name for event in logged] == ["warn", "info"]
    assert world.changes == []


def test_a_name_nobody_asked_for_is_not_known(world: World) -> None:
    """`cached` does not begin the first lookup of a name."""
    assert world.resolver.cached("b.example") is None
    assert world.server.asked == []
