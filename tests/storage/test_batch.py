"""Commands that leave in one write, and who waits."""

from __future__ import annotations

from twisted.python.failure import Failure

from gateway.awaited import Awaited
from gateway.storage.batch import Batch
from gateway.storage.errors import StoreUnavailable


def test_commands_keep_their_order() -> None:
    """Each has somebody who waits for its answer."""
    batch = Batch(100.0)
    waiting = [batch.add(command) for command in (b"one", b"two")]

    assert (batch.commands, batch.waiting) == ([b"one", b"two"], waiting)


def test_who_waits_may_be_brought_along() -> None:
    """In place of a Deferred made for it."""
    batch = Batch(100.0)
    mine = Awaited()
    batch.put(b"one", mine)
    other = batch.add(b"two")

    assert (batch.commands, batch.waiting) == ([b"one", b"two"], [mine, other])


def test_what_has_its_answer_does_not_fail() -> None:
    """Only those that wait are told, and once."""
    batch = Batch(100.0)
    answers: list[object] = []
    failures: list[Failure] = []
    for command in (b"one", b"two", b"three"):
        batch.add(command).addCallbacks(answers.append, failures.append)
    batch.waiting[0].callback("one")
    batch.answered = 1
    batch.fail(StoreUnavailable("lost"))
    batch.fail(StoreUnavailable("down"))

    assert answers == ["one"]
    assert [str(failure.value) for failure in failures] == ["lost", "lost"]
