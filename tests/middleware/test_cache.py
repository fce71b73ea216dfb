"""The step before a store that answers later, as Redis does; what clients see is in tests/flow/test_cache.py."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from gateway.awaited import Awaited
from gateway.body import HIGH_WATER
from gateway.caching.flights import Flights, Room
from gateway.caching.freshness import Policy
from gateway.caching.kept import Kept
from gateway.caching.key import Key
from gateway.caching.lending import Lending
from gateway.caching.memory import MemoryStore
from gateway.caching.normal import usual_codings
from gateway.caching.store import CacheStore, Chosen, Missed
from gateway.caching.wishes import NO_WISHES
from gateway.exchange import Exchange
from gateway.headers import HeaderBlock, Headers
from gateway.http.fields import FieldFilter
from gateway.message import Response
from gateway.middleware.cache import CacheStep
from gateway.middleware.cache_invalidation import Invalidation
from gateway.middleware.cache_parts import Parts
from gateway.middleware.cache_request import Requests
from gateway.middleware.cache_waiting import Waiting
from gateway.telemetry.series import Cell
from tests.middleware.conftest import exchange_for
from tests.middleware.test_cache_fetch import Asked

NOW = 1_780_000_000.0


class Later(CacheStore):
    """A store that a test answers for."""

    def __init__(self) -> None:
        self.asked: list[Awaited] = []

    def find(self, key: Key, chosen: Chosen, now: float) -> Awaitable[Kept | Missed]:
        self.asked.append(Awaited())
        return self.asked[-1]


class Told:
    """What a waiting exchange is told (`gateway.awaited.Hearer`)."""

    def __init__(self) -> None:
        self.answers: list[Response | None] = []
        self.failures: list[Any] = []

    def callback(self, response: Response | None) -> None:
        self.answers.append(response)

    def errback(self, failure: Any) -> None:
        self.failures.append(failure)


class Stage:
    """A step, and an exchange whose fetch has got an answer that is not for it."""

    def __init__(self) -> None:
        self.store = Later()
        self.subrequests: list[Asked] = []
        requests = Requests(b"s", "users", None, (), FieldFilter(frozenset()), usual_codings)
        flights: Flights[Any] = Flights()
        room = Room(1000)
        self.lending = Lending(Room(HIGH_WATER))
        rules = (requests, Policy(), self.store, flights, room, 100, True)
        self.parts = Parts(*rules, lambda: NOW, self._ask, self.lending)
        self.parts.begin = lambda inner: None
        invalidation = Invalidation(MemoryStore(1000), flights)
        CacheStep(self.parts, frozenset([b"GET"]), True, invalidation, lambda outcome: Cell())
        exchange = exchange_for()
        self.waiting = Waiting(exchange, NO_WISHES, None)
        self.told = Told()
        self.waiting.hear(self.told)
        self.parts.rejoin(self.waiting, requests.key(exchange), (b"accept",))

    def _ask(self, asker: object, begin: Any) -> Asked:
        self.subrequests.append(Asked(begin))
        return self.subrequests[-1]


def kept(body: bytes = b"kept") -> Kept:
    """Return an answer that is fresh."""
    return Kept(200, HeaderBlock(Headers()), body, NOW - 1, NOW + 9, NOW + 9, NOW + 9, NOW + 9)


def test_who_is_sent_on_waits_for_the_store() -> None:
    """And has what was kept meanwhile; nobody is asked."""
    stage = Stage()
    assert not stage.told.answers
    stage.store.asked[0].callback(kept())

    assert [answer and answer.body for answer in stage.told.answers] == [b"kept"]
    assert not stage.subrequests


def test_who_is_sent_on_asks_alone_where_too_much_is_read_already() -> None:
    """As who comes then does: the answer is kept, and cannot be lent."""
    stage = Stage()
    stage.store.asked[0].callback(kept(b"x" * (HIGH_WATER + 1)))

    assert stage.told.answers == [None]
    assert stage.waiting.exchange.cached == "bypass"


def test_who_is_sent_on_asks_where_nothing_is_kept() -> None:
    """A fetch of its own kind."""
    stage = Stage()
    stage.store.asked[0].callback(Missed(1))

    assert len(stage.subrequests) == 1
    assert not stage.told.answers


@pytest.mark.parametrize("found", [kept(), Missed(1)])
def test_nobody_is_asked_for_a_client_that_is_gone(found: Kept | Missed) -> None:
    """It left while the store was asked."""
    stage = Stage()
    stage.waiting.cancel()
    stage.store.asked[0].callback(found)

    assert not stage.subrequests
    assert not stage.told.answers


def test_what_fails_then_fails_the_exchange() -> None:
    """A fault of ours is told to who waits: nobody else hears of it."""
    stage = Stage()

    def fail(inner: Exchange) -> None:
        raise RuntimeError("nothing begins here")

    stage.parts.begin = fail
    stage.store.asked[0].callback(Missed(1))

    assert [failure.getErrorMessage() for failure in stage.told.failures] == ["nothing begins here"]
