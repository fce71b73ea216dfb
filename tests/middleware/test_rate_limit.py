"""The steps of rate limits by themselves: what they ask, raise and write."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from gateway.awaited import Awaited
from gateway.errors import LimitExceeded
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.limiting.keys import limit_key
from gateway.limiting.limit import Decide, Limit, Verdict
from gateway.limiting.store import MemoryLimits
from gateway.message import Response
from gateway.middleware.rate_limit import MOST, Counted, RateLimit, VaryingRateLimit
from gateway.middleware.rate_limit_fields import RateLimitFields
from tests.middleware.conftest import PEER, MakeExchange

LIMIT = Limit(b"-" * 8, "ip", 2, 60.0, 2)
COUNTED = Counted(LIMIT, limit_key(["ip"], "users"))


class Later:
    """A store whose answers are to come.

    Attributes:
        asked: Keys and moments.
    """

    def __init__(self, kind: type[Any] = Deferred) -> None:
        self.asked: list[tuple[list[bytes], float]] = []
        self.answer = kind()

    def bind(self, limits: Sequence[Limit]) -> Decide:
        def decide(keys: Sequence[bytes], now: float) -> Any:
            self.asked.append((list(keys), now))
            return self.answer

        return decide


async def waiting_for(answer: Awaitable[None]) -> None:
    """Wait as a coroutine does."""
    await answer


def test_in_memory_nothing_waits(make: MakeExchange) -> None:
    """None lets a request pass, an exception refuses it; both are counted."""
    counts: list[str] = []
    step = RateLimit("ratelimit:pre", [COUNTED], MemoryLimits(), counts.append)

    assert step.on_request(make()) is None
    assert step.on_request(make()) is None
    with pytest.raises(LimitExceeded) as caught:
        step.on_request(make())

    assert caught.value.headers == ((b"Retry-After", b"30"),)
    assert counts == ["allowed", "allowed", "limited"]


def test_keys_and_moment_are_those_of_the_exchange(make: MakeExchange) -> None:
    """The step does not look at the clock."""
    store = Later()
    route = Counted(LIMIT, limit_key(["route"], "users"))
    step = RateLimit("ratelimit:pre", [COUNTED, route], store, lambda outcome: None)

    waiting = step.on_request(make())
    store.answer.callback(Verdict(True, LIMIT, 1, 0.0, 0.0))
    ensureDeferred(waiting)  # type: ignore[arg-type]

    assert store.asked == [([b"4" + PEER.encode(), b"rusers"], 100.0)]


@pytest.mark.parametrize("kind", [Deferred, Awaited])
@pytest.mark.parametrize("allowed", [True, False])
def test_an_answer_that_comes_later_counts_all_the_same(make: MakeExchange, allowed: bool, kind: type[Any]) -> None:
    """As those of Redis do, and of a queue."""
    store, exchange = Later(kind), make()
    waiting = RateLimit("ratelimit:pre", [COUNTED], store, lambda outcome: None).on_request(exchange)
    assert waiting is not None
    result: list[Any] = []
    ensureDeferred(waiting_for(waiting)).addBoth(result.append)
    assert not result
    verdict = Verdict(allowed, LIMIT, 1, 0.25, 0.0)

    store.answer.callback(verdict)

    assert exchange.rate_limit is verdict
    assert result[0] is None if allowed else result[0].check(LimitExceeded)


def test_a_client_that_goes_withdraws_its_question(make: MakeExchange) -> None:
    """Nothing is counted, and a verdict that comes too late is nobody's."""
    counts: list[str] = []
    store, exchange = Later(Awaited), make()
    waiting: Any = RateLimit("ratelimit:pre", [COUNTED], store, counts.append).on_request(exchange)
    waiting.cancel()
    store.answer.callback(Verdict(True, LIMIT, 1, 0.25, 0.0))

    assert waiting.told
    assert store.answer.told
    assert (counts, exchange.rate_limit) == ([], None)


def test_limits_for_some_paths_are_left_out_on_others(make: MakeExchange) -> None:
    """For a path without limits the store is not asked."""
    some = Counted(LIMIT, COUNTED.key, lambda path: path.startswith(b"/users/7"))
    step = VaryingRateLimit("ratelimit:pre", [some], MemoryLimits(), lambda outcome: None)

    for _ in range(5):
        assert step.on_request(make(target=b"/users/8")) is None
    for _ in range(2):
        assert step.on_request(make(target=b"/users/7")) is None
    with pytest.raises(LimitExceeded):
        step.on_request(make(target=b"/users/7"))


def test_of_combinations_that_clients_choose_so_many_are_kept(make: MakeExchange) -> None:
    """A step for each, made again where it was forgotten; counts are in the store and stay."""
    store = MemoryLimits()
    made = [Counted(Limit(b"%08d" % number, "ip", 2, 60.0, 2), COUNTED.key) for number in range(MOST + 1)]
    wanted = iter([*made, made[0], made[0]])
    step = VaryingRateLimit(
        "ratelimit:pre", [Counted(LIMIT, COUNTED.key, None, lambda _: next(wanted))], store, lambda outcome: None
    )

    for _ in range(MOST + 2):
        step.on_request(make())

    assert len(step._steps) == 2
    with pytest.raises(LimitExceeded):
        step.on_request(make())


def told(exchange: Exchange, *limits: Counted, x: bool = True, ietf: bool = False) -> list[tuple[bytes, bytes]]:
    """What is written on a response."""
    exchange.response = Response(200, Headers([(b"x-ratelimit-limit", b"9"), (b"RateLimit", b"theirs")]))
    RateLimitFields(limits, x, ietf, lambda: 1000.5).on_response(exchange)
    return list(exchange.response.headers)


def test_the_fields_take_the_place_of_those_of_the_backend(make: MakeExchange) -> None:
    """Of both kinds; a time between two seconds is rounded up."""
    exchange = make()
    exchange.rate_limit = Verdict(True, LIMIT, 1, 0.0, 30.0)

    assert told(exchange, COUNTED) == [
        (b"RateLimit", b"theirs"),
        (b"X-RateLimit-Limit", b"2"),
        (b"X-RateLimit-Remaining", b"1"),
        (b"X-RateLimit-Reset", b"1031"),
    ]
    assert told(exchange, COUNTED, x=False, ietf=True) == [
        (b"x-ratelimit-limit", b"9"),
        (b"RateLimit-Policy", b'"ip";q=2;w=60'),
        (b"RateLimit", b'"ip";r=1;t=31'),
    ]


def test_the_clock_of_the_store_goes_before_ours(make: MakeExchange) -> None:
    """So that instances whose clocks differ tell clients the same."""
    exchange = make()
    exchange.rate_limit = Verdict(True, LIMIT, 1, 0.0, 0.0, reset=2000)

    assert (b"X-RateLimit-Reset", b"2000") in told(exchange, COUNTED)


def test_before_anything_is_counted_the_tightest_is_told_whole(make: MakeExchange) -> None:
    """The tightest of those for the path, with nothing used."""
    wide = Counted(Limit(b"+" * 8, "user", 9, 60.0, 9), COUNTED.key)
    some = Counted(LIMIT, COUNTED.key, lambda path: path == b"/users/7")

    assert told(make(), wide, COUNTED)[1:3] == [(b"X-RateLimit-Limit", b"2"), (b"X-RateLimit-Remaining", b"2")]
    assert told(make(target=b"/users/8"), some) == [(b"x-ratelimit-limit", b"9"), (b"RateLimit", b"theirs")]
    assert told(make(target=b"/users/7"), some, wide)[1:3] == [
        (b"X-RateLimit-Limit", b"2"),
        (b"X-RateLimit-Remaining", b"2"),
    ]
