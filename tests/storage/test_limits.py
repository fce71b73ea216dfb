"""Asking Redis for a verdict: the command, what is remembered, and what is done without an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from gateway.awaited import Awaited, Hearer
from gateway.errors import LimitUnavailable
from gateway.limiting.limit import Limit, Verdict
from gateway.limiting.store import MemoryLimits
from gateway.storage.errors import CommandRefused, StoreUnavailable
from gateway.storage.limits import PREFIX, SCRIPT, Asking, Shared
from gateway.storage.resp import pack
from gateway.storage.shared_limits import RedisLimits

BUCKET = Limit(b"bucket--", "ip", 6, 10.0, 3)
SLIDING = Limit(b"sliding-", "user", 100, 60.0, 100, sliding=True)


class Heard(Hearer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    def callback(self, value: Any) -> None:
        self.results.append(value)

    def errback(self, failure: Failure) -> None:
        self.results.append(failure)


class Redis:
    """A store that writes down what it is sent, and answers when it is told to."""

    def __init__(self) -> None:
        self.available = True
        self.sent: list[bytes] = []
        self.waiting: list[Any] = []

    def send(self, command: bytes) -> Deferred[Any]:
        asked: Deferred[Any] = Deferred()
        self.ask(command, asked)
        return asked

    def ask(self, command: bytes, waiting: Any) -> None:
        self.sent.append(command)
        self.waiting.append(waiting)

    def answer(self, answer: Any) -> None:
        """Answer the oldest question, or fail it."""
        waiting = self.waiting.pop(0)
        if isinstance(answer, Exception):
            waiting.errback(Failure(answer))
        else:
            waiting.callback(answer)


def never(keys: Sequence[bytes], now: float) -> Verdict:
    """Decides while Redis is away, here: not at all."""
    raise LimitUnavailable()


def result(answer: Any) -> Any:
    """What was waited for."""
    heard = Heard()
    answer.hear(heard)
    (only,) = heard.results
    return only


def test_the_command_is_what_packing_it_anew_would_give() -> None:
    """Though it was encoded when the snapshot was built."""
    redis = Redis()
    asking = Asking(redis, [BUCKET, SLIDING])
    names = asking.names([b"192.0.2.1", b"alice"])
    asking.ask(names, (1, 20), Heard())

    keys = [PREFIX + name for name in names]
    bucket = ("t", 6, repr(10e6 / 6), 3, "000001")
    sliding = ("s", 100, 937_500, 64, "000020")
    assert redis.sent == [pack(b"EVALSHA", SCRIPT.digest, 2, *keys, *bucket, *sliding)]


def test_names_are_apart_by_limit_and_key_and_of_one_length() -> None:
    """Whatever a client sends."""
    asking = Asking(Redis(), [BUCKET, SLIDING])
    names = [*asking.names([b"a", b"a"]), *asking.names([b"b" * 10_000, b""])]

    assert len(set(names)) == 4
    assert {len(name) for name in names} == {32}


def test_a_server_that_does_not_know_the_script_is_told_it() -> None:
    """After a restart, for instance."""
    redis = Redis()
    answer = Shared(Asking(redis, [BUCKET]), never).decide([b"a"], 100.0)

    redis.answer(CommandRefused("NOSCRIPT No matching script."))
    assert pack(SCRIPT.source).partition(b"\r\n")[2] in redis.sent[1]
    redis.answer([1, 1, 2, 0, 1000, 1])

    verdict = result(answer)
    assert (verdict.allowed, verdict.limit, verdict.remaining, verdict.reset) == (True, BUCKET, 2, 1000)


def test_a_refusal_is_remembered_for_as_long_as_it_lasts_and_a_second_at_most() -> None:
    """For who got it, and nobody else."""
    redis = Redis()
    shared = Shared(Asking(redis, [BUCKET]), never)
    for key, wait in ((b"short", 300_000), (b"long", 9_000_000)):
        answer = shared.decide([key], 100.0)
        redis.answer([0, 1, 0, wait, 1000])
        assert result(answer).retry_after == wait / 1e6

    known: Any = shared.decide([b"long"], 100.9)
    assert isinstance(known, Verdict)
    assert known.retry_after == pytest.approx(8.1)
    assert not known.allowed
    assert isinstance(shared.decide([b"long"], 101.0), Awaited)
    assert isinstance(shared.decide([b"short"], 100.3), Awaited)
    assert isinstance(shared.decide([b"other"], 100.0), Awaited)


@pytest.mark.parametrize("lease", [1, 5])
def test_without_an_answer_it_is_decided_here(lease: int) -> None:
    """And counted; at once while Redis is known to be away."""
    redis, counted = Redis(), []
    limit = Limit(b"bucket--", "ip", 6, 10.0, 6, lease=lease)
    decide = RedisLimits(redis, MemoryLimits(), 2, lambda: counted.append(1)).bind([limit])

    first = decide([b"a"], 100.0)
    redis.answer(StoreUnavailable("timeout"))
    redis.available = False
    second: Any = decide([b"a"], 100.0)

    assert result(first).remaining == 2  # half of six, and one is taken
    assert second.remaining == 1
    assert len(counted) == 2


def test_a_client_that_goes_is_not_decided_about() -> None:
    """Its question is withdrawn."""
    redis = Redis()
    shared = Shared(Asking(redis, [BUCKET]), never)
    answer = shared.decide([b"a"], 100.0)
    assert isinstance(answer, Awaited)

    answer.cancel()
    redis.answer([0, 1, 0, 9_000_000, 1000])

    assert result(answer).check(CancelledError)
    assert isinstance(shared.decide([b"a"], 100.0), Awaited), "what came too late was remembered"


@pytest.mark.parametrize("lease", [1, 5])
@pytest.mark.parametrize("answer", [CommandRefused("NOSCRIPT again"), 7, [1, 9, 0, 0, 0, 1]])
def test_an_answer_that_is_none_fails_the_request_and_nobody_else(lease: int, answer: Any) -> None:
    """Who reads the answers goes on to the next one, and the script is not told again and again."""
    redis = Redis()
    limit = Limit(b"bucket--", "ip", 6, 10.0, 6, lease=lease)
    decide = RedisLimits(redis, MemoryLimits(), 1, lambda: None).bind([limit])
    asked: Any = decide([b"a"], 100.0)
    redis.answer(CommandRefused("NOSCRIPT No matching script."))
    redis.answer(answer)

    found = result(asked)
    assert not redis.waiting
    if isinstance(answer, CommandRefused):
        assert found.remaining == 5, "decided as without an answer"
    else:
        assert isinstance(found, Failure)


def test_of_two_questions_the_one_that_is_cancelled_takes_nothing_from_the_other() -> None:
    """Each has its own answer."""
    redis = Redis()
    shared = Shared(Asking(redis, [BUCKET]), never)
    first, second = (shared.decide([key], 100.0) for key in (b"a", b"b"))
    assert isinstance(first, Awaited)
    first.cancel()
    redis.answer([1, 1, 1, 0, 1000])
    redis.answer([1, 1, 2, 0, 1000])

    assert result(first).check(CancelledError)
    assert result(second).remaining == 2
