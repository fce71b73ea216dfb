"""Every pair of phase and event, on the real channel of the whole gateway in memory."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.serving.phases import AFTER, NEXT, Event, Half, Phase
from tests.serving.connections import GET, Connection

IMPOSSIBLE = {
    **{
        (phase, event): "an answer belongs to an exchange, and there is none"
        for phase in Phase
        for event in (Event.ANSWERED, Event.PARTED)
        if phase is not Phase.SERVING
    },
    (Phase.NEW, Event.UNREAD): "nothing has been written that could wait to be read",
    (Phase.HELD, Event.ENDED): "reading is held back, so FIN is not seen before the client reads on",
}
"""Pairs that cannot come about, and why; `test_what_cannot_come_about` looks whether that is so."""

AT_ONCE = {
    (Phase.SERVING, Event.EXPIRED): (Phase.IDLE, "the exchange is answered with a 504"),
    (Phase.CLOSING, Event.EXPIRED): (Phase.CLOSED, "the transport is told to abort, and is gone"),
}
"""Pairs that change no phase themselves, but are followed at once by an event that does."""

PAIRS = [pair for pair in product(Phase, Event) if pair not in IMPOSSIBLE]


def named(value: object) -> str:
    """For the names of the tests."""
    return getattr(value, "name", str(value))


@pytest.mark.parametrize(("phase", "event"), PAIRS, ids=named)
def test_what_an_event_makes_of_a_phase(phase: Phase, event: Event) -> None:
    """As the table says; what is not in it changes nothing."""
    connection = Connection().reach(phase)
    before = len(connection.channel.history)
    connection.provoke(event)
    passed = connection.channel.history[before:]

    if (phase, event) in NEXT:
        assert passed[0] is NEXT[phase, event]
    elif (phase, event) in AT_ONCE:
        assert passed[0] is AT_ONCE[phase, event][0]
    else:
        assert passed == []


@pytest.mark.parametrize(("phase", "event"), IMPOSSIBLE, ids=named)
def test_what_cannot_come_about(phase: Phase, event: Event) -> None:
    """It stands in no table, and what it would need is not there; whoever tries changes nothing."""
    connection = Connection().reach(phase)
    assert (phase, event) not in NEXT
    if event is Event.UNREAD:
        assert connection.client.received == b""
        assert connection.channel.transport.queued == 0
        return
    assert connection.channel.life.exchange is None
    assert connection.channel._held_back or event is not Event.ENDED
    before = list(connection.channel.history)
    connection.provoke(event)
    assert connection.channel.history == before
    assert connection.channel.half is Half.OPEN


@pytest.mark.parametrize("phase", Phase, ids=named)
def test_an_exchange_is_there_while_one_is_served(phase: Phase) -> None:
    """In no other phase, and requests that are ready wait in two phases only."""
    channel = Connection().reach(phase).channel
    assert (channel.life.exchange is not None) is (phase is Phase.SERVING)
    assert bool(channel._parser.requests) is (phase is Phase.HELD)
    assert channel.closed is (phase is Phase.CLOSED)


@pytest.mark.parametrize("phase", Phase, ids=named)
def test_every_phase_ends(phase: Phase) -> None:
    """A connection is gone in the end, whatever it was doing when its client fell silent."""
    connection = Connection().reach(phase)
    for _ in range(8):
        if connection.channel.closed:
            break
        connection.expired()
    assert connection.channel.closed
    assert not connection.gateway.gateway.site.channels
    connection.gateway.check_quiet()


def test_the_rows_are_the_table() -> None:
    """Looked up by number."""
    assert [[AFTER[phase][event] for event in Event] for phase in Phase] == [
        [NEXT.get((phase, event), phase) for event in Event] for phase in Phase
    ]


@pytest.mark.parametrize("phase", Phase, ids=named)
def test_every_phase_can_be_reached(phase: Phase) -> None:
    """From a new connection, by the table."""
    reached, fresh = {Phase.NEW}, [Phase.NEW]
    while fresh:
        here = fresh.pop()
        ahead = {after for (start, _), after in NEXT.items() if start is here} - reached
        reached |= ahead
        fresh += ahead
    assert phase in reached


def test_the_client_s_half_is_closed_once() -> None:
    """FIN while one is served."""
    connection = Connection().reach(Phase.SERVING)
    halves = [connection.channel.half]
    connection.provoke(Event.ENDED)
    halves.append(connection.channel.half)
    assert halves == [Half.OPEN, Half.ENDED]


def test_a_half_closed_client_has_been_asked() -> None:
    """After a second; then its half is in its last state."""
    connection = Connection().reach(Phase.SERVING)
    connection.provoke(Event.ENDED)
    connection.gateway.advance(1.1)
    assert connection.channel.half is Half.ASKED
    assert connection.channel.phase is Phase.SERVING


def test_requests_that_were_held_are_answered_after_the_client_closed_its_half() -> None:
    """It reads late, and has sent all that it had to send: the answers are owed to it."""
    connection = Connection().reach(Phase.HELD)
    connection.provoke(Event.ENDED)
    connection.provoke(Event.REQUEST)
    connection.provoke(Event.ANSWERED)

    assert [response.status for response in connection.client.responses()] == [200, 200]
    assert connection.channel.closed


def test_a_request_behind_that_is_not_complete_costs_the_one_before_it_nothing() -> None:
    """The client closes its half inside of the second request's content: the first is answered all the same."""
    connection = Connection()
    connection.backend.stall()
    connection.send(GET + b"POST /orders/8 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    connection.provoke(Event.ENDED)
    connection.provoke(Event.ANSWERED)

    assert [response.status for response in connection.client.responses()] == [200]
    assert len(connection.backend.requests) == 1
    connection.gateway.check_quiet()


def test_content_of_the_next_request_is_not_the_time_of_this_one() -> None:
    """An answer streams for longer than its exchange might have taken to begin; octets of the next request come."""
    connection = Connection().reach(Phase.SERVING)
    connection.backend.connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1")
    for _ in range(3):
        connection.gateway.advance(30)
        connection.backend.connection.send(b"2")
        connection.settle()
    connection.send(b"POST /orders/8 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    connection.gateway.advance(1)
    connection.backend.connection.send(b"3" * 96)
    connection.settle()

    (response,) = connection.client.responses()
    assert (response.complete, len(response.body)) == (True, 100)


def test_a_drain_lets_a_client_read_that_is_let_finish() -> None:
    """What is written is not taken from it by a reset."""
    connection = Connection().reach(Phase.CLOSING)
    connection.provoke(Event.DRAINED)
    connection.gateway.advance(1)
    connection.client.read_on()
    connection.settle()

    assert [len(response.body) for response in connection.client.responses()] == [60_000] * 3


@pytest.mark.parametrize(("phase", "seconds"), [(Phase.NEW, 14), (Phase.IDLE, 75)])
def test_empty_lines_before_a_head_keep_no_connection_open(phase: Phase, seconds: int) -> None:
    """RFC 9112 section 2.2 lets them be; at most the first of them begins the time of a head."""
    connection = Connection().reach(phase)
    for _ in range(seconds // 4):
        connection.gateway.advance(4)
        connection.send(b"\r\n")
    connection.gateway.advance(4)
    assert connection.channel.phase in (Phase.LINGERING, Phase.CLOSED)


def test_a_head_that_was_begun_behind_unread_answers_is_no_408_in_their_place() -> None:
    """The requests before it are owed their answers first; the client that does not read them is given up."""
    connection = Connection().reach(Phase.HELD)
    before = connection.client.received
    connection.send(GET[:5])
    connection.gateway.advance(80)
    assert connection.channel.closed
    assert connection.client.received == before
