"""Requests in advance: far fewer questions, and never more than the limit in all instances together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.awaited import Awaited, Hearer
from gateway.errors import LimitUnavailable
from gateway.limiting.limit import Limit, Verdict
from gateway.limiting.sliding_window import SlidingWindow
from gateway.storage.errors import StoreUnavailable
from gateway.storage.leases import Leased

LIMIT = Limit(b"-" * 8, "ip", 100, 10.0, 100, sliding=True, lease=10)


class Server:
    """Redis, as far as the script goes: one clock and one count for everybody.

    Attributes:
        asked: Questions so far.
        held: Answers that are to come, where `holds`.
    """

    def __init__(self, limit: Limit = LIMIT) -> None:
        self.limits = (limit,)
        self.available = True
        self.now = 1000.0
        self.asked = 0
        self.holds = False
        self.down = False
        self.held: list[Callable[[], None]] = []
        self._states: dict[bytes, Any] = {}
        self._rule = SlidingWindow(limit)

    def names(self, keys: Sequence[bytes]) -> tuple[bytes, ...]:
        return tuple(keys)

    def ask(self, names: tuple[bytes, ...], wants: tuple[int, ...], waiting: Hearer) -> None:
        self.asked += 1
        if self.down:
            waiting.errback(Failure(StoreUnavailable("timeout")))
            return
        answer = self._answer(names[0], wants[0])
        if self.holds:
            self.held.append(partial(waiting.callback, answer))
        else:
            waiting.callback(answer)

    def _answer(self, name: bytes, want: int) -> list[int]:
        taken, wait = 0, 0.0
        for _ in range(want):
            state = self._states.get(name)
            wait = self._rule.wait(state, self.now)
            if wait > 0:
                break
            self._states[name] = self._rule.take(state, self.now)
            taken += 1
        left = self._rule.remaining(self._states[name], self.now)
        return [1, 1, left, 0, 2000, taken] if taken else [0, 1, 0, int(wait * 1e6), 2000]

    def verdict(self, answer: list[int]) -> Verdict:
        return Verdict(bool(answer[0]), self.limits[0], answer[2], answer[3] / 1e6, 0.0, answer[4])


def never(keys: Sequence[bytes], now: float) -> Verdict:
    """Decides while Redis is away."""
    raise LimitUnavailable()


def leased(server: Any, fallback: Any = never) -> Leased:
    """An instance."""
    return Leased(server, fallback)


def said(answer: Any) -> Any:
    """What was decided: a verdict, an error, or nothing yet."""
    if not isinstance(answer, Awaited):
        return answer
    if not answer.told:
        return None
    found: list[Any] = []
    waiting: Deferred[Any] = Deferred()
    answer.hear(waiting)
    waiting.addBoth(found.append)
    return found[0]


def test_one_question_serves_many_requests() -> None:
    """And what is left is told as if each had been asked for."""
    server = Server()
    instance = leased(server)

    left = [said(instance.decide([b"a"], server.now)).remaining for _ in range(25)]

    assert server.asked == 3
    assert left == list(range(99, 74, -1))


def test_requests_that_come_together_ask_once() -> None:
    """They wait for the one answer, in their order."""
    server = Server()
    server.holds = True
    instance = leased(server)
    answers = [instance.decide([b"a"], server.now) for _ in range(12)]
    assert server.asked == 1

    server.held.pop()()
    assert [said(answer) is None for answer in answers] == [False] * 10 + [True] * 2
    server.held.pop()()

    assert [said(answer).remaining for answer in answers[10:]] == [89, 88]


def test_what_was_taken_is_not_kept() -> None:
    """It counted when it was taken: used much later, it would come on top of what was taken since."""
    server = Server()
    instance = leased(server)
    said(instance.decide([b"a"], server.now))

    server.now += LIMIT.leased_for
    said(instance.decide([b"a"], server.now))

    assert server.asked == 2


def test_a_refusal_is_remembered_for_a_second() -> None:
    """Who floods costs nothing."""
    server = Server(Limit(b"-" * 8, "ip", 5, 10.0, 5, sliding=True, lease=5))
    instance = leased(server)
    answer = [said(instance.decide([b"a"], server.now)) for _ in range(20)][-1]

    assert not answer.allowed
    assert server.asked == 2
    assert said(instance.decide([b"a"], server.now + 0.9)).retry_after < answer.retry_after
    said(instance.decide([b"a"], server.now + 1.0))
    assert server.asked == 3


def test_without_redis_each_request_is_decided_without_it() -> None:
    """Those that waited for the answer, and those that come when it is known to be away."""
    server = Server()
    server.down = True
    instance = leased(server, lambda keys, now: Verdict(True, LIMIT, 7, 0.0, 0.0))

    assert said(instance.decide([b"a"], server.now)).remaining == 7
    server.available = False
    assert said(instance.decide([b"a"], server.now)).remaining == 7
    assert server.asked == 1


def test_without_redis_a_refusal_reaches_who_waited() -> None:
    """`on_store_failure: closed`."""
    server = Server()
    server.down = True

    answer = said(leased(server).decide([b"a"], server.now))

    assert isinstance(answer, Failure)
    assert answer.check(LimitUnavailable)


def test_a_client_that_goes_while_it_waits_takes_nobody_with_it() -> None:
    """The others have their answer."""
    server = Server()
    server.holds = True
    instance = leased(server)
    first, second = (instance.decide([b"a"], server.now) for _ in range(2))
    assert isinstance(first, Awaited)
    first.cancel()

    server.held.pop()()

    assert said(second).allowed


@given(
    events=st.lists(
        st.tuples(st.integers(0, 2), st.one_of(st.just(0), st.integers(0, 300_000)), st.integers(1, 40)), max_size=60
    ),
    lease=st.integers(2, 30),
    requests=st.sampled_from([20, 80]),
)
def test_all_instances_together_never_let_more_through(
    events: list[tuple[int, int, int]], lease: int, requests: int
) -> None:
    """In any window, whoever has taken how much in advance."""
    limit = Limit(b"-" * 8, "ip", requests, 1.0, requests, sliding=True, lease=lease)
    server = Server(limit)
    instances = [leased(server) for _ in range(3)]
    passed: list[float] = []
    micros = 1_000_000_000
    for which, gap, times in events:
        micros += gap
        server.now = micros / 1e6
        answers = [said(instances[which].decide([b"a"], server.now)) for _ in range(times)]
        passed += [server.now for answer in answers if answer.allowed]

    for position, start in enumerate(passed):
        assert bisect_left(passed, start + limit.window - 1e-6) - position <= requests


@pytest.mark.parametrize("lease", [2, 10, 25])
def test_busy_instances_get_nearly_all_of_it(lease: int) -> None:
    """At least 95 %, though what is not used in time is lost."""
    limit = Limit(b"-" * 8, "ip", 1000, 1.0, 1000, sliding=True, lease=lease)
    server = Server(limit)
    instances = [leased(server) for _ in range(2)]
    passed = 0
    for number in range(20 * 3000):
        server.now = 1000.0 + number / 3000
        passed += said(instances[number % 2].decide([b"a"], server.now)).allowed

    assert 0.95 * 20_000 <= passed <= 21_000
