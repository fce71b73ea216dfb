"""Secrets compared in threads: so many at once, some that wait, the rest refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import argon2
import pytest
from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from gateway.authorities.secret_checker import MOST_AT_ONCE, MOST_WAITING, SecretChecker
from gateway.errors import AuthUnavailable
from gateway.identity.secrets import VerifiedSecrets

HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct")


class HeldThreads(Service):
    """Threads that work when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        self.done = 0

    def call(self, work: Callable[..., Any], /, *arguments: Any) -> Deferred[Any]:
        waiting: Deferred[Any] = Deferred()
        self.waiting.append((lambda: work(*arguments), waiting))
        return waiting

    def work(self) -> None:
        """Do the work that waits."""
        jobs, self.waiting = self.waiting, []
        for job, waiting in jobs:
            self.done += 1
            waiting.callback(job())


def outcome(asked: Deferred[bool]) -> list[Any]:
    """Collect what a Deferred fires with."""
    found: list[Any] = []
    asked.addBoth(found.append)
    return found


class Bench:
    """A checker, its threads and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.threads = HeldThreads()
        self.checker = SecretChecker(self.threads, VerifiedSecrets(b"k" * 32), self.clock.seconds)
        self.checker.startService()

    def ask(self, secret: str = "correct", encoded: str = HASH, decoy: bool = False) -> Deferred[bool]:
        """Begin a comparison."""
        return ensureDeferred(self.checker.matches(secret, encoded, decoy))


@pytest.fixture
def bench() -> Bench:
    """A checker that runs."""
    return Bench()


def result(waiting: Deferred[Any]) -> Any:
    """The result of a comparison; None while there is none."""
    found: list[Any] = []
    waiting.addBoth(found.append)
    return found[0] if found else None


def test_a_thread_says_whether_a_secret_is_right(bench: Bench) -> None:
    """There is no answer before it has compared."""
    asked = [bench.ask("correct"), bench.ask("wrong")]
    assert bench.checker.under_way == 2
    assert not any(one.called for one in asked)

    bench.threads.work()

    assert [result(one) for one in asked] == [True, False]
    assert bench.checker.under_way == 0


def test_what_was_right_a_moment_ago_is_not_compared_again(bench: Bench) -> None:
    """A wrong secret is compared each time, and so is a right one after a minute."""
    for secret in ("correct", "wrong"):
        bench.ask(secret)
        bench.threads.work()

    assert result(bench.ask("correct")) is True
    assert result(bench.ask("wrong")) is None
    bench.threads.work()
    bench.clock.advance(60.0)
    assert result(bench.ask("correct")) is None


def test_a_decoy_is_compared_and_never_right(bench: Bench) -> None:
    """Also where the secret is that of the client whose hash stands in, or that client has just shown it."""
    bench.ask("correct")
    bench.threads.work()
    decoy = bench.ask("correct", decoy=True)

    assert not decoy.called
    bench.threads.work()

    assert result(decoy) is False
    assert bench.threads.done == 2


def test_a_crowd_is_turned_away(bench: Bench) -> None:
    """With 503 and Retry-After; those that wait are served, and then there is room again."""
    asked = [bench.ask(f"wrong-{number}") for number in range(MOST_AT_ONCE + MOST_WAITING)]

    refused = result(bench.ask())
    assert isinstance(refused.value, AuthUnavailable)
    assert dict(refused.value.headers)[b"Retry-After"] == b"1"
    bench.threads.work()

    assert [result(one) for one in asked] == [False] * len(asked)
    assert result(bench.ask()) is None


def test_a_client_that_leaves_keeps_its_place_until_the_work_is_done(bench: Bench) -> None:
    """A thread cannot be cancelled: a client that asks and leaves at once does not get round the limit."""
    asked = bench.ask()
    asked.addErrback(lambda _: None)
    asked.cancel()
    assert bench.checker.under_way == 1

    bench.threads.work()

    assert bench.checker.under_way == 0


def test_the_threads_live_as_long_as_the_checker(bench: Bench) -> None:
    """They start and stop with it."""
    assert bench.threads.running

    bench.checker.stopService()

    assert not bench.threads.running


def test_who_has_no_attempts_left_gets_one_comparison_at_a_time(bench: Bench) -> None:
    """Of all clients; what was right a moment ago needs none."""
    first, second = (outcome(ensureDeferred(bench.checker.spares("correct", HASH, False))) for _ in range(2))
    assert (first, second) == ([], [False])
    assert len(bench.threads.waiting) == 1

    bench.threads.work()

    assert first == [True]
    assert outcome(ensureDeferred(bench.checker.spares("correct", HASH, False))) == [True]
    wrong = outcome(ensureDeferred(bench.checker.spares("guess", HASH, False)))
    bench.threads.work()
    assert wrong == [False]
    assert bench.threads.done == 2


def test_who_does_not_exist_and_has_no_attempts_left_costs_the_same(bench: Bench) -> None:
    """A comparison, though nothing can come of it: an answer at once would tell which names there are."""
    bench.ask("correct")
    bench.threads.work()
    decoy = outcome(ensureDeferred(bench.checker.spares("correct", HASH, True)))
    assert decoy == []

    bench.threads.work()

    assert decoy == [False]


def test_who_has_no_attempts_left_waits_for_no_thread(bench: Bench) -> None:
    """The threads are for the others while there are any."""
    for _ in range(MOST_AT_ONCE):
        bench.ask("guess")

    assert outcome(ensureDeferred(bench.checker.spares("correct", HASH, False))) == [False]
