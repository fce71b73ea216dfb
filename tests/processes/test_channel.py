"""What a parent and its worker say to each other: in memory, and once over real sockets (`tests/system`)."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from gateway.processes import channel as module
from gateway.processes.channel import Channel, ChannelLost, Refused, Unanswered, pair
from tests.processes.channels import channels


@pytest.fixture
def clock() -> Clock:
    """Time, turned by the test."""
    return Clock()


@pytest.fixture
def ends(clock: Clock) -> tuple[Channel, Channel]:
    """The end of a parent and that of its worker."""
    return channels(clock)


def failure(asked: Deferred[Any]) -> BaseException:
    """What a Deferred has failed with."""
    found: list[BaseException] = []

    def keep(why: Failure) -> None:
        assert why.value is not None
        found.append(why.value)

    asked.addErrback(keep)
    (one,) = found
    return one


def test_what_is_told_arrives_in_order(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """Whatever JSON can say."""
    heard: list[Any] = []
    ends[1].on("count", heard.append)

    for body in (1, {"two": [2.0, None]}, "drei ✓"):
        ends[0].tell("count", body)
    clock.advance(0)

    assert heard == [1, {"two": [2.0, None]}, "drei ✓"]


def test_frames_may_arrive_in_any_pieces(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """One octet at a time, two frames without a gap."""
    heard: list[Any] = []
    ends[1].on("say", heard.append)
    sent = bytearray()
    ends[0].transport.write = sent.extend  # type: ignore[union-attr,method-assign]

    ends[0].tell("say", "a")
    ends[0].tell("say", "b")
    for octet in bytes(sent):
        ends[1].dataReceived(bytes([octet]))

    assert heard == ["a", "b"]


def test_an_ask_is_answered_with_what_the_handler_returns(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """Nothing is left that waits."""
    ends[0].on("double", lambda body: body * 2)

    asked = ends[1].ask("double", 21)
    clock.advance(0)

    assert asked.result == 42
    assert clock.getDelayedCalls() == []


def test_answers_come_when_they_are_ready(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """A handler that waits does not hold up the others, of the same kind or another."""
    waiting: dict[str, Deferred[str]] = {"slow": Deferred(), "fast": Deferred()}
    ends[1].on("wait", waiting.__getitem__)

    slow, fast = ends[0].ask("wait", "slow"), ends[0].ask("wait", "fast")
    clock.advance(0)
    waiting["fast"].callback("f")
    clock.advance(0)

    assert fast.result == "f"
    assert not slow.called
    waiting["slow"].callback("s")
    clock.advance(0)
    assert slow.result == "s"


def test_the_error_of_a_handler_is_that_of_the_ask(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """In its words."""

    def refuse(body: object) -> None:
        raise ValueError(f"not {body}")

    ends[1].on("try", refuse)

    asked = ends[0].ask("try", "that")
    clock.advance(0)

    error = failure(asked)
    assert isinstance(error, Refused)
    assert str(error) == "not that"


def test_what_nobody_answers_is_refused(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """A kind without a handler is the mistake of whoever asks."""
    asked = ends[0].ask("nothing")
    clock.advance(0)

    assert str(failure(asked)) == "nobody answers 'nothing'"


def test_an_answer_that_is_no_json_is_an_error_of_the_ask(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """Whoever asks does not wait for nothing."""
    ends[1].on("octets", lambda body: b"\xff")

    asked = ends[0].ask("octets")
    clock.advance(0)

    assert isinstance(failure(asked), Refused)


def test_an_ask_has_a_deadline_and_a_late_answer_goes_nowhere(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """It says what was asked of whom."""
    late: Deferred[int] = Deferred()
    ends[1].on("wait", lambda body: late)

    asked = ends[0].ask("wait", patience=3)
    clock.advance(3)

    error = failure(asked)
    assert isinstance(error, Unanswered)
    assert str(error) == "worker 1 has not answered 'wait' in 3 s"
    late.callback(1)
    clock.advance(0)


def test_an_ask_that_is_cancelled_is_forgotten(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """Its timer too."""
    ends[1].on("wait", lambda body: 1)

    asked = ends[0].ask("wait")
    asked.addErrback(lambda why: None)
    asked.cancel()
    clock.advance(0)

    assert clock.getDelayedCalls() == []


def test_when_the_other_end_goes_what_was_asked_fails_and_lost_fires(
    clock: Clock, ends: tuple[Channel, Channel]
) -> None:
    """What is said after that is dropped, what is asked fails at once."""
    asked = ends[0].ask("wait")
    ends[1].on("wait", lambda body: Deferred())
    clock.advance(0)

    ends[1].close()
    clock.advance(0)

    assert isinstance(failure(asked), ChannelLost)
    assert ends[0].lost.called
    assert ends[1].lost.called
    ends[0].tell("anything")
    assert isinstance(failure(ends[0].ask("anything")), ChannelLost)
    assert clock.getDelayedCalls() == []


def test_a_told_kind_whose_handler_fails_is_logged_and_the_channel_goes_on(
    clock: Clock, ends: tuple[Channel, Channel]
) -> None:
    """Nobody waits for it: the log has it."""
    heard: list[Any] = []
    ends[1].on("bad", lambda body: 1 // 0)
    ends[1].on("good", heard.append)

    with capturedLogs() as events:
        ends[0].tell("bad")
        ends[0].tell("good", 1)
        clock.advance(0)

    assert heard == [1]
    assert [event["log_failure"].type for event in events] == [ZeroDivisionError]


def test_what_is_too_long_is_a_mistake_of_whoever_says_it(ends: tuple[Channel, Channel]) -> None:
    """Nothing of it is sent."""
    with pytest.raises(TypeError, match="more than a frame holds"):
        ends[0].tell("long", "x" * module.MOST)


def test_a_frame_that_says_it_is_too_long_ends_the_channel(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """What follows could not be read."""
    ends[0].dataReceived(b"\xff\xff\xff\xff")

    assert ends[0].gone


def test_what_the_other_end_does_not_read_is_kept_up_to_a_bound(
    clock: Clock, ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over it, the other end is taken for gone."""
    monkeypatch.setattr(module, "BACKLOG", 100)
    heard: list[Any] = []
    ends[1].on("say", heard.append)

    ends[0].pauseProducing()
    ends[0].tell("say", "kept")
    clock.advance(0)
    assert heard == []
    ends[0].resumeProducing()
    clock.advance(0)
    assert heard == ["kept"]

    ends[0].pauseProducing()
    ends[0].tell("say", "x" * 100)
    assert ends[0].gone


def test_what_is_said_before_there_is_a_transport_waits_for_it(clock: Clock) -> None:
    """Both ends may speak at once."""
    end = Channel(clock, "worker 1")

    end.tell("early")

    assert not end.gone


def test_descriptors_go_with_what_is_asked(clock: Clock, ends: tuple[Channel, Channel]) -> None:
    """In their order."""
    read, write = os.pipe()
    taken: list[int] = []
    ends[1].on("take", lambda body: taken.extend(ends[1].received))

    ends[0].ask("take", descriptors=[write, read])
    clock.advance(0)

    assert taken == [write, read]
    os.close(read)
    os.close(write)


def test_a_pair_is_connected() -> None:
    """Either end may be handed to another process."""
    ours, theirs = pair()
    with socket.socket(fileno=ours) as one, socket.socket(fileno=theirs) as other:
        one.send(b"x")
        assert other.recv(9) == b"x"
