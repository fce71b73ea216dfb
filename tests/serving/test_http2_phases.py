"""Every pair of phase and event, on the real channel of the whole gateway in memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from gateway.http2.codes import PREFACE
from gateway.serving.http2_channel import Http2Channel
from gateway.serving.http2_phases import AFTER, NEXT, Event, Phase
from gateway.testing import FakeClient, Harness
from tests.http2.wire import GET, START, frame, headers

ORDER = [*GET[:3], (":path", "/orders/7")]


class Watched(Http2Channel):
    """A channel that remembers its phases."""

    history: list[Phase]

    @property
    def phase(self) -> Phase:
        return self.history[-1]

    @phase.setter
    def phase(self, phase: Phase) -> None:
        if "history" not in self.__dict__:
            self.history = []
        if not self.history or phase is not self.history[-1]:
            self.history.append(phase)


class Connection:
    """One client, and its connection, with a stream that is never answered."""

    def __init__(self) -> None:
        self.gateway = Harness("orders")
        self.gateway.backend("orders").stall()
        self.client = FakeClient()
        self.client.half_open = True
        self.channel = Watched(self.gateway.gateway.site, "192.0.2.1")
        self.gateway.network.connect(self.client, self.channel, "192.0.2.1")
        self.send(PREFACE)

    def send(self, data: bytes) -> None:
        self.gateway.send(data, self.client)

    def settings(self) -> None:
        self.send(START[len(PREFACE) :])

    def ask(self) -> None:
        self.settings()
        self.send(headers(1, ORDER))

    def part(self) -> None:
        self.channel.drain()
        self.gateway.network.pump()

    def pong(self) -> None:
        self.send(frame(6, 1, 0, bytes(8)))

    def notice(self) -> None:
        self.ask()
        self.part()

    def leave(self) -> None:
        self.notice()
        self.pong()

    def idle(self) -> None:
        self.gateway.advance(76)

    def end(self) -> None:
        self.send(frame(0, 0, 0, b"content of no stream"))

    def close(self) -> None:
        self.settings()
        self.client.stop_reading()
        self.channel.transport.pauseProducing()
        self.channel.readConnectionLost()

    def lose(self) -> None:
        self.client.reset()
        self.gateway.network.pump()


REACH: dict[Phase, Callable[[Connection], None]] = {
    Phase.NEW: lambda one: None,
    Phase.OPEN: Connection.settings,
    Phase.NOTICED: Connection.notice,
    Phase.LEAVING: Connection.leave,
    Phase.CLOSING: Connection.close,
    Phase.CLOSED: Connection.lose,
}
PROVOKE: dict[Event, Callable[[Connection], None]] = {
    Event.SETTINGS: Connection.settings,
    Event.PARTED: Connection.part,
    Event.HEARD: Connection.pong,
    Event.IDLED: Connection.idle,
    Event.ENDED: Connection.end,
    Event.LOST: Connection.lose,
}
PAIRS = [
    pair
    for pair in product(Phase, Event)
    # Time that passes is another event in other phases (`test_what_time_makes_of_a_phase`), and whoever answers a PING
    # before the settings breaks the rules.
    if (pair[1] is not Event.IDLED or pair[0] is Phase.OPEN) and pair != (Phase.NEW, Event.HEARD)
]


def named(value: object) -> str:
    """For the names of the tests."""
    return getattr(value, "name", str(value))


@pytest.mark.parametrize(("phase", "event"), PAIRS, ids=named)
def test_what_an_event_makes_of_a_phase(phase: Phase, event: Event) -> None:
    """As the table says; what is not in it changes nothing by itself."""
    connection = Connection()
    REACH[phase](connection)
    assert connection.channel.phase is phase
    before = len(connection.channel.history)
    PROVOKE[event](connection)
    passed = connection.channel.history[before:]

    if (phase, event) in NEXT:
        assert passed[0] is NEXT[phase, event]
    else:
        assert passed == [] or (phase is Phase.CLOSING and passed == [Phase.CLOSED])
    connection.lose()
    connection.gateway.advance(11)
    connection.gateway.check_quiet()
    assert not connection.gateway.gateway.site.channels


@pytest.mark.parametrize(
    ("phase", "seconds", "then"),
    [
        (Phase.NEW, 11, [Phase.CLOSING, Phase.CLOSED]),
        (Phase.OPEN, 76, [Phase.LEAVING, Phase.CLOSING, Phase.CLOSED]),
        (Phase.NOTICED, 2, [Phase.LEAVING]),
        (Phase.LEAVING, 32, [Phase.CLOSING, Phase.CLOSED]),
        (Phase.CLOSING, 11, [Phase.CLOSED]),
    ],
    ids=named,
)
def test_what_time_makes_of_a_phase(phase: Phase, seconds: float, then: list[Phase]) -> None:
    """None lasts for ever; a stream that is open is answered (504) before its connection ends."""
    connection = Connection()
    REACH[phase](connection)
    before = len(connection.channel.history)
    connection.client.half_open = False
    connection.gateway.advance(seconds)

    assert connection.channel.history[before:] == then


def test_the_rows_are_the_table() -> None:
    """Looked up by row and column."""
    assert all(AFTER[phase][event] is NEXT.get((phase, event), phase) for phase, event in product(Phase, Event))
