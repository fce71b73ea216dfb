"""A worker does what its parent says: in memory."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from gateway.processes.channel import Refused
from gateway.processes.worker import say_that_it_failed
from tests.processes.members import Member, Whole


@pytest.fixture
def whole(tmp_path: Path) -> Whole:
    """One worker."""
    return Whole(tmp_path / "gateway.yaml", 1)


def test_signals_for_all_processes_are_the_parents(whole: Whole) -> None:
    """A terminal sends them to every process."""
    assert set(whole.members[0].signals) == {signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}


def test_it_gives_signs_of_life(whole: Whole) -> None:
    """At once."""
    asked = whole.members[0].channel.ask("alive")
    whole.turn()

    assert asked.result is True


def test_one_that_cannot_serve_says_why_and_ends(whole: Whole) -> None:
    """In the words in which one process would."""
    member = Member(whole.stage.edition, 2)
    member.taken.add("tcp:1")
    member.start()

    assert member.told == [
        ("failed", f"gateway: cannot listen on tcp:1: this worker cannot ({whole.path}:2:24: listeners[0].endpoint)")
    ]
    assert member.reactor.stopped == 1


def test_told_to_drain_it_ends_and_says_when_it_accepts_nothing_more(whole: Whole) -> None:
    """Its channel is closed last."""
    member = whole.members[0]
    member.channel.tell("drain", {"handed_over": False})
    member.channel.tell("drain", {"handed_over": False})
    whole.turn()
    assert member.reactor.stopped == 1

    stopped = member.worker.stopService()
    for _ in range(20):
        member.reactor.advance(0.1)
        member.network.pump()

    assert stopped.called
    assert member.open == []
    assert member.told[-1] == ("closed", None)
    assert member.channel.gone


def test_where_another_process_has_the_ports_it_lets_go_of_them(whole: Whole) -> None:
    """As in an upgrade of one process."""
    member = whole.members[0]
    member.channel.tell("drain", {"handed_over": True})
    whole.turn()

    assert member.worker.gateway.ports.handed_over


def test_when_the_parent_is_gone_it_drains(whole: Whole) -> None:
    """What it had prepared is forgotten."""
    member = whole.members[0]
    with capturedLogs() as events:
        member.channel.close()
        whole.turn()

    assert member.reactor.stopped == 1
    assert [formatEvent(event) for event in events] == ["The parent process is gone: this worker drains"]


def test_nothing_is_put_into_force_that_was_not_prepared(whole: Whole) -> None:
    """Whoever asks is told."""
    asked = whole.members[0].channel.ask("commit")
    found: list[BaseException | None] = []
    asked.addErrback(lambda why: found.append(why.value))
    whole.turn()

    assert isinstance(found[0], Refused)


def test_what_was_prepared_is_forgotten_at_the_end(whole: Whole) -> None:
    """A change that waits for its verdict does not hold up a stop."""
    member = whole.members[0]
    asked = member.channel.ask("prepare", {"edition": whole.stage.edition.body(), "sockets": [], "shared": []})
    whole.turn()
    assert asked.called
    stopped = member.worker.stopService()
    for _ in range(20):
        member.reactor.advance(0.1)
        member.network.pump()

    assert stopped.called


def test_logs_are_opened_anew_and_the_drain_cut_short_on_word(whole: Whole) -> None:
    """Both by its gateway."""
    member = whole.members[0]
    writer = member.worker.gateway.gateway.access_logs.writer
    member.channel.tell("logs")
    member.channel.tell("hurry")
    with capturedLogs() as events:
        whole.turn()

    assert getattr(writer, "reopened", None) == 1
    assert [formatEvent(event) for event in events] == ["Not waiting for what is in flight"]


def test_before_the_reactor_runs_it_is_said_all_the_same() -> None:
    """The words arrive as if told."""
    read, write = os.pipe()
    say_that_it_failed(write, "no such file")
    os.close(write)

    with os.fdopen(read, "rb") as stream:
        assert stream.read().endswith(b'["tell","failed","no such file"]')
