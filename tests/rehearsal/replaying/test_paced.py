"""Requests of a log that are sent to a server."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from gateway.recorded.request import Recorded
from gateway.rehearsal.replaying.answered import Answered, Otherwise
from gateway.rehearsal.replaying.paced import Ask, Pace, send
from gateway.rehearsal.replaying.replay import Replayed
from tests.rehearsal.logs import request


class Server:
    """Answers after a second, and notes when it was asked.

    Args:
        clock: Of the test.
        taken: What it answers.
    """

    def __init__(self, clock: Clock, taken: Answered | None = None) -> None:
        self.asked: list[tuple[int, float]] = []
        self._clock = clock
        self._taken = taken or Answered(200)

    async def ask(self, request: Recorded) -> Answered:
        """Answer one."""
        self.asked.append((request.line, self._clock.seconds()))
        done: Deferred[None] = Deferred()
        self._clock.callLater(1.0, done.callback, None)
        await done
        return self._taken


def sent(
    clock: Clock, requests: Sequence[Recorded], ask: Ask, pace: Pace, expected: Ask | None = None
) -> Deferred[Replayed]:
    """Begin to send requests, and let ten minutes pass."""
    sending = ensureDeferred(send(requests, ask, expected, clock, pace))
    clock.pump([0.25] * 2400)
    return sending


def result(sending: Deferred[Replayed]) -> Replayed:
    """Return what came of it."""
    found: list[Replayed] = []
    sending.addCallback(found.append)
    return found[0]


def test_requests_are_sent_at_a_rate() -> None:
    """Whether or not the one before is answered."""
    clock = Clock()
    server = Server(clock)

    found = result(sent(clock, [request(line) for line in range(4)], server.ask, Pace(rate=2)))

    assert server.asked == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]
    assert (found.requests, found.otherwise) == (4, 0)


def test_without_a_rate_they_are_sent_at_their_moments() -> None:
    """Counted from the first."""
    clock = Clock()
    server = Server(clock)

    result(sent(clock, [request(1, 0.0), request(2, 30.0), request(3, 31.5)], server.ask, Pace()))

    assert server.asked == [(1, 0.0), (2, 30.0), (3, 31.5)]


def test_no_more_wait_at_once_than_may() -> None:
    """A server that is slow is not asked more and more."""
    clock = Clock()
    server = Server(clock)

    result(sent(clock, [request(line) for line in range(4)], server.ask, Pace(rate=100, at_once=2)))

    assert server.asked == [(0, 0.0), (1, 0.25), (2, 1.0), (3, 1.25)]


def test_what_may_change_something_is_not_sent() -> None:
    """Unless somebody says so; tunnels never are."""
    clock = Clock()
    server = Server(clock)
    requests = [request(1, method="DELETE"), request(2), request(3, status=101)]

    found = result(sent(clock, requests, server.ask, Pace(rate=1)))

    assert [line for line, _ in server.asked] == [2]
    assert sorted(found.left_out) == [
        "a tunnel: what goes through it is in no log",
        "its method may change something (--unsafe sends it)",
    ]
    found = result(sent(clock, requests, server.ask, Pace(rate=1, unsafe=True)))
    assert found.requests == 2


def test_answers_are_compared_with_the_log() -> None:
    """By status: a server says nothing of its routes."""
    clock = Clock()
    server = Server(clock, Answered(503))

    found = result(sent(clock, [request(route="a", upstream="a")], server.ask, Pace()))

    assert list(found.groups) == [Otherwise("status", "200", "503")]


def test_answers_are_compared_with_those_of_another_server() -> None:
    """Fields and content too; both are asked at the same time."""
    clock = Clock()
    was, now = Server(clock, Answered(200, body="1")), Server(clock, Answered(200, fields=(("server", "x"),), body="2"))

    found = result(sent(clock, [request()], now.ask, Pace(), was.ask))

    assert list(found.groups) == [Otherwise("fields", "+server", ""), Otherwise("body", "another content", "")]
    assert was.asked == now.asked


def test_a_server_that_does_not_answer_is_told() -> None:
    """With the reason."""
    clock = Clock()

    found = result(sent(clock, [request()], Server(clock, Answered(reason="refused")).ask, Pace()))

    assert list(found.groups) == [Otherwise("status", "200", "no answer (refused)")]


def test_a_mistake_of_ours_ends_it() -> None:
    """What was not foreseen is no answer."""
    clock = Clock()

    async def fail(request: Recorded) -> Answered:
        raise LookupError("no such thing")

    failures: list[type[BaseException] | None] = []
    sending = sent(clock, [request(line) for line in range(9)], fail, Pace(rate=1))
    sending.addErrback(lambda failure: failures.append(failure.type))

    assert failures == [LookupError]


@pytest.mark.parametrize("requests", [[], [request(method="POST")]])
def test_nothing_to_send_is_nothing_otherwise(requests: list[Recorded]) -> None:
    """It ends at once."""
    clock = Clock()

    assert result(sent(clock, requests, Server(clock).ask, Pace())).requests == 0
