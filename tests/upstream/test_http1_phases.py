"""Every pair of a phase and an event of a backend connection: what follows, or why it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.python.failure import Failure
from zope.interface import directlyProvides

from gateway.body import Body
from gateway.upstream.http1_phases import NEXT, Event, Phase
from tests.upstream.conftest import Bench, Wire
from tests.upstream.test_http1_connection import OK, SWITCH, Asked, Line, OtherEnd

ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nok"

IMPOSSIBLE = {
    Event.OPENED: "the keeper opens a stream only on a connection that it has among its unused ones",
    Event.RETURNED: "who was lent it sends or gives it back, once",
    Event.SENT: "who was lent it sends once",
    Event.BEGUN: "who was lent it sends once",
    Event.CONTENT_ENDED: "without an answer the content is let go of when the attempt ends, with one when that ends",
    Event.HEAD: "the parser tells it once for a request, and nothing that comes unasked is parsed",
    Event.COMPLETED: "the parser tells it once for a request, and nothing that comes unasked is parsed",
    Event.SWITCHES: "the parser takes a 101 only where an upgrade was asked for, and that is asked without content",
    Event.JOINED: "only the answer with the 101 leads to it, and is joined once",
    Event.CLIENT_ENDS: "the client's end is told nothing by the connection, and tells it nothing, before it has joined",
}
"""Why the pairs that are not in the table cannot be, by their event."""


class Stage(Line):
    """A connection that is brought into a phase."""

    def __init__(self) -> None:
        super().__init__(Bench())
        self.body = Body(length=3)
        self.peer = OtherEnd()
        self.asked: Asked | None = None

    @property
    def phase(self) -> Phase:
        return self.connection.phase

    # How it gets into each phase.

    def idle(self) -> None:
        self.connection.unused()

    def lent(self) -> None:
        """As it is."""

    def uploading(self) -> None:
        self.asked = self.send(b"POST", self.body)

    def waiting(self) -> None:
        self.asked = self.send(upgrade=b"x")

    def early(self) -> None:
        self.uploading()
        self.read(OK[:-1])

    def answering(self) -> None:
        self.asked = self.send()
        self.read(OK[:-1])

    def switched(self) -> None:
        self.waiting()
        self.read(SWITCH)

    def tunnel(self) -> None:
        self.switched()
        self.join()

    def backend_ended(self) -> None:
        self.tunnel()
        self.connection.readConnectionLost()

    def client_ended(self) -> None:
        self.tunnel()
        self.end_of_tunnel.tunnel_half_closed()

    def closing(self) -> None:
        """Of a tunnel, which is where most can come after it."""
        self.tunnel()
        self.connection.close()

    def gone(self) -> None:
        self.tunnel()
        self.lose()

    # What happens.

    def join(self) -> None:
        assert self.asked is not None
        self.end_of_tunnel = self.asked.end
        self.end_of_tunnel.join(self.peer)

    def lose(self) -> None:
        self.connection.connectionLost(Failure(ConnectionLost()))

    def send_all(self) -> None:
        self.send()

    def end_content(self) -> None:
        self.body.push(b"abc")
        self.body.end()


REACH: dict[Phase, Callable[[Stage], None]] = {
    Phase.IDLE: Stage.idle,
    Phase.LENT: Stage.lent,
    Phase.UPLOADING: Stage.uploading,
    Phase.WAITING: Stage.waiting,
    Phase.EARLY: Stage.early,
    Phase.ANSWERING: Stage.answering,
    Phase.SWITCHED: Stage.switched,
    Phase.TUNNEL: Stage.tunnel,
    Phase.BACKEND_ENDED: Stage.backend_ended,
    Phase.CLIENT_ENDED: Stage.client_ended,
    Phase.CLOSING: Stage.closing,
    Phase.LOST: Stage.gone,
}

CAUSE: dict[Event, Callable[[Stage], object]] = {
    Event.OPENED: lambda stage: stage.connection.open(),
    Event.RETURNED: lambda stage: stage.connection.unused(),
    Event.SENT: Stage.send_all,
    Event.BEGUN: lambda stage: stage.send(b"POST", stage.body),
    Event.CONTENT_ENDED: Stage.end_content,
    Event.HEAD: lambda stage: stage.read(OK[:-1]),
    Event.COMPLETED: lambda stage: stage.read(OK if stage.phase in (Phase.WAITING, Phase.UPLOADING) else OK[-1:]),
    Event.SWITCHES: lambda stage: stage.read(SWITCH),
    Event.JOINED: Stage.join,
    Event.BACKEND_ENDS: lambda stage: stage.connection.readConnectionLost(),
    Event.CLIENT_ENDS: lambda stage: stage.end_of_tunnel.tunnel_half_closed(),
    Event.CLOSED: lambda stage: stage.connection.close(),
    Event.DISCONNECTED: Stage.lose,
}

PAIRS = [(phase, event) for phase, event in product(Phase, Event) if phase in NEXT[event]]

ASIDE = {
    (Phase.EARLY, Event.COMPLETED): Phase.CLOSING,
    (Phase.UPLOADING, Event.COMPLETED): Phase.CLOSING,
}
"""Where another event follows at once: in the middle of a request there is no place for the next one."""

ELSEWHERE = {
    (Phase.LOST, Event.COMPLETED): "test_an_answer_may_end_with_its_connection",
    (Phase.CLOSING, Event.JOINED): "test_a_tunnel_that_ended_before_it_was_joined",
    (Phase.LOST, Event.JOINED): "test_a_tunnel_that_ended_before_it_was_joined",
}
"""Pairs that need another way into the phase, by the test that goes it."""


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_reached(phase: Phase) -> None:
    """By what really happens."""
    stage = Stage()
    REACH[phase](stage)

    assert stage.phase is phase


@pytest.mark.parametrize(("phase", "event"), [pair for pair in PAIRS if pair not in ELSEWHERE])
def test_what_follows_is_what_the_table_says(phase: Phase, event: Event) -> None:
    """The event is caused as it comes in operation."""
    stage = Stage()
    REACH[phase](stage)
    CAUSE[event](stage)

    assert stage.phase is ASIDE.get((phase, event), NEXT[event][phase])


@pytest.mark.parametrize("event", Event)
def test_what_is_not_in_the_table_says_why(event: Event) -> None:
    """Each event can come in each phase, or there is a reason."""
    assert (len(NEXT[event]) < len(Phase)) == (event in IMPOSSIBLE)


@pytest.mark.parametrize("event", [Event.OPENED, Event.RETURNED, Event.SENT, Event.BEGUN])
@pytest.mark.parametrize("phase", Phase)
def test_who_breaks_the_contract_is_stopped(phase: Phase, event: Event) -> None:
    """The keeper and the attempt could call at any time: where they must not, nothing is written."""
    if phase in NEXT[event]:
        return
    stage = Stage()
    REACH[phase](stage)
    stage.transport.clear()

    with pytest.raises(KeyError):
        CAUSE[event](stage)
    assert stage.transport.value() == b""


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in NEXT[Event.HEAD]])
def test_octets_that_are_no_part_of_an_answer(phase: Phase) -> None:
    """End an unused connection, pass through a tunnel, go on with an answer, and are dropped where it closes."""
    stage = Stage()
    REACH[phase](stage)
    if phase in (Phase.EARLY, Phase.ANSWERING):
        stage.read(b"")
    else:
        stage.read(OK)

    expected = Phase.CLOSING if phase in (Phase.IDLE, Phase.LENT) else phase
    assert stage.phase is expected
    joined = phase in (Phase.TUNNEL, Phase.BACKEND_ENDED, Phase.CLIENT_ENDED, Phase.CLOSING)
    assert stage.peer.data == (OK if joined else b"")


def test_an_answer_may_end_with_its_connection() -> None:
    """Its length was not given."""
    stage = Stage()
    asked = stage.send()
    stage.read(ENDLESS)
    stage.end()

    assert stage.phase is Phase.LOST
    assert asked.told == ["answered", "finished"]


def test_an_answer_may_end_with_the_backends_half() -> None:
    """And the connection is closed."""
    stage = Stage()
    asked = stage.send()
    stage.read(ENDLESS)
    stage.connection.readConnectionLost()

    assert stage.phase is Phase.CLOSING
    assert asked.told == ["answered", "finished"]
    assert stage.transport.disconnecting


@pytest.mark.parametrize("end", [Stage.end, lambda stage: stage.connection.readConnectionLost()])
def test_a_101_is_no_complete_answer(end: Callable[[Stage], None]) -> None:
    """A connection that ends while the steps look at it has failed."""
    stage = Stage()
    stage.switched()
    end(stage)

    assert stage.asked is not None
    assert stage.asked.told == ["switched", "failed"]


@pytest.mark.parametrize("end", [Stage.lose, lambda stage: stage.connection.close()], ids=["lost", "closed"])
def test_a_tunnel_that_ended_before_it_was_joined(end: Callable[[Stage], None]) -> None:
    """The client's end gets what had come, hears of the end, and nothing is left in flight."""
    stage = Stage()
    stage.switched()
    stage.read(b"bird")
    pool = stage.bench.pool
    pool.in_flight = 1  # as the attempt left it when it became a tunnel
    stage.connection._hearer = None  # which was over then
    end(stage)
    before = stage.phase
    stage.join()

    assert stage.phase is before
    assert stage.peer.data == b"bird"
    assert stage.peer.told == ["lost"]
    assert pool.in_flight == 0


@pytest.mark.parametrize("phase", [Phase.TUNNEL, Phase.BACKEND_ENDED, Phase.CLIENT_ENDED])
@pytest.mark.parametrize("end", [Stage.lose, lambda stage: stage.connection.close(aborting=True)])
def test_the_place_of_a_tunnel_is_given_back_once(phase: Phase, end: Callable[[Stage], None]) -> None:
    """Where it ends, and not again where its transport is gone."""
    stage = Stage()
    REACH[phase](stage)
    stage.bench.pool.in_flight = 1
    end(stage)
    assert stage.bench.pool.in_flight == 0
    stage.lose()

    assert stage.bench.pool.in_flight == 0


@pytest.mark.parametrize("tls", [False, True])
def test_tls_has_no_halves(tls: bool) -> None:
    """Twisted's TLS cannot close one: the connection ends."""
    stage = Stage()
    stage.tunnel()
    if tls:
        directlyProvides(stage.transport, ISSLTransport)
    stage.end_of_tunnel.tunnel_half_closed()

    assert isinstance(stage.transport, Wire)
    assert (stage.transport.half_closed, stage.transport.disconnecting) == (not tls, tls)
    assert stage.phase is (Phase.CLOSING if tls else Phase.CLIENT_ENDED)
