"""Which time is running: both tables, and each of their pairs on the real channel."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.serving.contract import ConnectionOptions
from gateway.serving.phases import Event, Phase
from gateway.serving.times import BETWEEN, DURING, Stage, Time, Turn, between
from gateway.transport.deadlines import NEVER
from tests.serving.connections import GET, Connection

OPTIONS = ConnectionOptions(10.0, 20.0, 75.0, 0.0, 40.0, 65536, 100)
UPLOAD = b"POST /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"

SECONDS = {
    Time.HEAD: 10.0,
    Time.IDLE: 75.0,
    Time.CONTENT: 20.0,
    Time.ANSWER: 50.0,
    Time.SILENCE: 50.0,
    Time.LINGER: 5.0,
    Time.CLOSE: 10.0,
    Time.NONE: NEVER,
}
"""With `tests.serving.connections.TIMEOUTS`, and 50 s for the exchanges of the route."""


def named(value: object) -> str:
    """For the names of the tests."""
    return getattr(value, "name", str(value))


def test_the_tables_are_complete() -> None:
    """Every phase without an exchange, and every pair with one."""
    assert set(BETWEEN) == set(Phase) - {Phase.SERVING}
    assert set(DURING) == set(product(Stage, Turn))


@pytest.mark.parametrize("phase", BETWEEN, ids=named)
def test_between_exchanges(phase: Phase) -> None:
    """By the phase, from when it begins."""
    assert between(phase, 100.0, OPTIONS) == 100.0 + SECONDS[BETWEEN[phase]]
    connection = Connection().reach(phase)
    if phase is not Phase.CLOSED:  # nobody looks any more
        assert connection.left == pytest.approx(SECONDS[BETWEEN[phase]])


def asked(turn: Turn) -> Connection:
    """Nothing of the answer is out."""
    connection = Connection(request_timeout="50s")
    connection.backend.stall()
    connection.send(UPLOAD if turn is Turn.CLIENT else GET)
    return connection


def answering(turn: Turn) -> Connection:
    """The head is out; after it a part of the content has come, or a part of the answer."""
    connection = asked(Turn.CLIENT)
    connection.backend.connection.send(HEAD)
    connection.settle()
    connection.gateway.advance(2)
    if turn is Turn.CLIENT:
        connection.send(b"d")
    else:
        connection.backend.connection.send(b"d")
        connection.settle()
    return connection


def tunnel(turn: Turn) -> Connection:
    """Both ends have said something."""
    connection = Connection(request_timeout="50s")
    connection.backend.stall()
    connection.send(GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: echo\r\nHost"))
    connection.backend.connection.send(SWITCH)
    connection.settle()
    connection.send(b"up")
    return connection


STAGES = {Stage.ASKED: asked, Stage.ANSWERING: answering, Stage.TUNNEL: tunnel}


@pytest.mark.parametrize(("stage", "turn"), DURING, ids=named)
def test_during_an_exchange(stage: Stage, turn: Turn) -> None:
    """By how far its answer is, and who is waited for."""
    connection = STAGES[stage](turn)
    assert connection.channel.life.stage is stage
    assert connection.left == pytest.approx(SECONDS[DURING[stage, turn]])


def test_a_client_whose_content_is_not_read_is_not_slow() -> None:
    """The backend takes none: it is its turn, before the head and behind it."""
    connection = asked(Turn.CLIENT)
    for stage in (Stage.ASKED, Stage.ANSWERING):
        assert connection.channel.life.stage is stage
        connection.channel.pause_reading()
        assert connection.left == pytest.approx(50.0)
        connection.channel.resume_reading()
        assert connection.left == pytest.approx(20.0)
        connection.backend.connection.send(HEAD)
        connection.settle()


def test_the_last_part_of_the_content_gives_the_answer_its_time() -> None:
    """The client has nothing more to send: it is the backend that is waited for."""
    connection = answering(Turn.CLIENT)
    connection.send(b"efghij")
    assert connection.left == pytest.approx(50.0)


def test_a_client_that_reads_nothing_is_gone_however_long_a_stream_may_be_silent() -> None:
    """`request_timeout: 0`: `timeouts.request` stands in for it while the client is full."""
    connection = Connection(request_timeout=0)
    connection.backend.stall()
    connection.send(GET)
    connection.backend.connection.send(HEAD)
    connection.settle()
    assert connection.left == NEVER
    connection.channel.pauseProducing()
    assert connection.left == pytest.approx(40.0)
    connection.backend.connection.send(b"d")
    connection.settle()
    assert connection.left == pytest.approx(40.0)
    connection.channel.resumeProducing()
    assert connection.left == NEVER


def test_a_route_without_a_bound_has_one_for_the_client_s_silence() -> None:
    """`request_timeout: 0` is about the exchange, not about a client that sends half of its content."""
    connection = Connection(request_timeout=0)
    connection.backend.stall()
    connection.send(UPLOAD)
    assert connection.left == pytest.approx(20.0)
    connection.provoke(Event.EXPIRED)
    assert [response.status for response in connection.client.responses()] == [408]
