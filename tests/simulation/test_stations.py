"""Backends that take their time, and fail as they are told."""

from __future__ import annotations

import random
from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError  # noqa: A004  # Twisted's name for it
from twisted.python.failure import Failure

from gateway.memory.client import FakeClient
from gateway.memory.network import MemoryNetwork
from gateway.simulation.clock import JumpingClock
from gateway.simulation.faults import parse_fault
from gateway.simulation.service import parse_service
from gateway.simulation.stations import Station

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Place:
    """A backend, and who asks it."""

    def __init__(self, service: str) -> None:
        self.clock = JumpingClock()
        self.network = MemoryNetwork(self.clock)
        self.heard = 0
        _, kind = parse_service(service)
        self.station = Station(self.network, "a", 80, kind, random.Random(1), self.hear)

    def hear(self) -> None:
        """Count what is no check."""
        self.heard += 1

    def ask(self, octets: bytes = GET) -> FakeClient:
        """Make a request on a connection of its own."""
        client = FakeClient()
        failures: list[Failure] = []
        dialled: Any = self.network.dial("a", 80, None, lambda: client, 5.0)
        dialled.addCallback(lambda _: client.send(octets)).addErrback(failures.append)
        self.network.pump()
        if failures:
            failures[0].raiseException()
        return client

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.network.pump()

    def begin(self, *faults: str) -> None:
        """Let things go wrong."""
        for fault in faults:
            self.station.begin(parse_fault(fault))
        self.network.pump()

    def end(self, fault: str) -> None:
        """Let one be over."""
        self.station.end(parse_fault(fault))


def statuses(*clients: FakeClient) -> list[int]:
    """Return what they got; 0 for nothing yet."""
    return [next(iter([one.status for one in client.responses()]), 0) for client in clients]


def test_a_request_takes_its_time() -> None:
    """And all take it at once, where there is no bound."""
    place = Place("100ms")
    clients = [place.ask() for _ in range(3)]

    place.wait(0.099)
    assert statuses(*clients) == [0, 0, 0]
    place.wait(0.002)
    assert statuses(*clients) == [200, 200, 200]
    assert clients[0].responses()[0].body == b"ok"
    station = place.station
    assert (station.asked, station.most, station.failed) == (3, 3, 0)
    assert station.busy == pytest.approx(0.3)


def test_beyond_its_places_they_wait_in_line() -> None:
    """The first first; who has hung up by then is not worked on."""
    place = Place("100ms,at-once=1")
    first, second, third = (place.ask() for _ in range(3))
    second.reset()
    place.network.pump()

    place.wait(0.1)
    assert statuses(first, third) == [200, 0]
    place.wait(0.1)
    assert statuses(third) == [200]
    assert place.station.busy == pytest.approx(0.2)
    assert place.station.most == 3


def test_who_is_down_refuses_and_resets() -> None:
    """What it was working on is lost, and nothing comes of it when it is back."""
    place = Place("100ms,at-once=1")
    under_way, in_line = place.ask(), place.ask()
    place.begin("a:down")

    assert under_way.closed is not None
    assert in_line.closed is not None
    with pytest.raises(ConnectionRefusedError):
        place.ask()
    assert place.station.failed == 2

    place.end("a:down")
    later = place.ask()
    place.wait(0.1)
    assert statuses(later) == [200]


def test_who_is_lost_says_nothing() -> None:
    """On connections that are open, and to those who would connect; answers under way do not arrive."""
    place = Place("100ms")
    before = place.ask()
    place.begin("a:lost")
    while_lost = place.ask()
    place.wait(1.0)
    place.end("a:lost")
    place.wait(1.0)

    assert statuses(before, while_lost) == [0, 0]
    assert before.closed is None
    assert while_lost.transport is None


def test_who_is_slow_takes_longer() -> None:
    """So many times as long; of several faults one after the other."""
    place = Place("100ms")
    place.begin("a:slow=5", "a:slow=2")
    client = place.ask()

    place.wait(0.999)
    assert statuses(client) == [0]
    place.wait(0.002)
    assert statuses(client) == [200]


def test_who_has_errors_answers_with_them() -> None:
    """That share, with that status."""
    place = Place("1ms")
    place.begin("a:503=20%")
    clients = [place.ask() for _ in range(1000)]
    place.wait(0.1)

    found = statuses(*clients)
    assert found.count(503) == place.station.failed
    assert found.count(503) == pytest.approx(200, rel=0.15)
    assert found.count(200) == 1000 - found.count(503)


def test_a_check_is_answered_and_not_counted() -> None:
    """It waits in line as everybody does: a backend with too much to do fails it."""
    place = Place("100ms,at-once=1")
    place.ask()
    check = place.ask(b"GET /health HTTP/1.1\r\nHost: x\r\nUser-Agent: gateway-health-check\r\n\r\n")

    place.wait(0.1)
    assert statuses(check) == [0]
    place.wait(0.1)
    assert statuses(check) == [200]
    assert (place.station.asked, place.heard) == (1, 1)
    assert place.station.busy == pytest.approx(0.1)


def test_an_answer_to_a_head_has_no_content() -> None:
    """But its length."""
    place = Place("1ms")
    client = place.ask(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    place.wait(0.1)

    assert client.received.endswith(b"Content-Length: 2\r\n\r\n")
