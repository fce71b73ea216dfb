"""The limits of the token endpoint: on the requests of a client, and on the failures of an address."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from gateway.errors import LimitExceeded
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.limiting.limit import Limit, Verdict
from gateway.limiting.store import MemoryLimits
from gateway.message import Request
from gateway.middleware.client_limit import ClientLimit, GuessLimit
from tests.peers import direct

CLIENT = Limit(b"client..", "client", 3, 60.0, 3, sliding=True)
BOTH = Limit(b"together", "client+ip", 3, 60.0, 3, sliding=True)
ADDRESS = Limit(b"address.", "ip", 3, 60.0, 3, sliding=True)


def exchange(address: str = "192.0.2.1", at: float = 0.0) -> Exchange:
    """A request to the token endpoint."""
    nobody: Any = None
    return Exchange(Request(b"POST", b"/oauth/token", Headers()), nobody, direct(address), at, at + 1)


class Bench:
    """A limit in memory, and what it has counted."""

    def __init__(self) -> None:
        self.counted: list[str] = []
        self.retry_after = 0
        self.spares = True
        self.limit = ClientLimit(MemoryLimits(), CLIENT, BOTH, ADDRESS, self.counted.append)

    def ask(self, client: str, address: str = "192.0.2.1", at: float = 0.0, right: bool = False) -> bool:
        """Make an attempt; return whether it is admitted."""
        asked = exchange(address, at)
        outcome = ended(self._attempt(asked, client, right))
        if isinstance(outcome, LimitExceeded):
            self.retry_after = int(dict(outcome.headers)[b"Retry-After"])
        assert asked.rate_limit is not None
        assert asked.rate_limit.allowed is (outcome is None)
        return outcome is None

    async def _attempt(self, asked: Exchange, client: str, right: bool) -> None:
        async def is_right() -> bool:
            return right and self.spares

        paid = bool(client) and await self.limit.admit(asked, client, is_right)
        if right:
            await self.limit.proved(asked, client)
        elif not paid:
            await self.limit.failed(asked)


def ended(attempt: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that waits for nothing."""
    found: list[Any] = []
    ensureDeferred(attempt).addBoth(lambda result: found.append(getattr(result, "value", result)))
    return found[0]


@pytest.fixture
def bench() -> Bench:
    """Three attempts a minute."""
    return Bench()


def test_an_address_that_tries_many_clients_is_stopped(bench: Bench) -> None:
    """Though it tries each client only once; a right secret passes all the same, if there is time to compare it."""
    assert [bench.ask(f"client-{number}") for number in range(5)] == [True, True, True, False, False]
    assert bench.counted == ["allowed"] * 3 + ["limited"] * 2
    assert bench.ask("acme", right=True)
    assert bench.counted[5:] == ["allowed"]
    bench.spares = False
    assert not bench.ask("acme", right=True)


def test_who_shows_the_right_secret_takes_nothing_of_the_address(bench: Bench) -> None:
    """Many clients may share one address."""
    assert all(bench.ask(f"client-{number}", right=True) for number in range(9))
    assert [bench.ask("acme", right=True) for _ in range(4)] == [True, True, True, False]


def test_an_address_is_good_again_when_its_failures_are_past(bench: Bench) -> None:
    """And its attempts are no longer counted in advance."""
    for _ in range(3):
        bench.ask("")
    assert not bench.ask("acme")

    assert bench.ask("acme", at=60.1, right=True)
    assert all(bench.ask(f"client-{number}", at=60.2, right=True) for number in range(9))


def test_another_instance_that_finds_nothing_left_says_so(bench: Bench) -> None:
    """It has seen no failure itself, so it finds that out with the first one."""
    store = MemoryLimits()
    here, there = (ClientLimit(store, CLIENT, BOTH, ADDRESS, bench.counted.append) for _ in range(2))
    for _ in range(3):
        ended(here.failed(exchange()))

    assert ended(there.admit(exchange(), "acme")) is False
    assert isinstance(ended(there.failed(exchange())), LimitExceeded)
    assert isinstance(ended(there.admit(exchange(), "acme")), LimitExceeded)


def test_addresses_that_failed_fill_no_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten, and found out again when it fails again."""
    monkeypatch.setattr("gateway.middleware.client_limit.MOST", 2)
    for number in range(5):
        for _ in range(3):
            bench.ask("", f"192.0.2.{number}")

    assert len(bench.limit._spent) == 2
    assert not bench.ask("", "192.0.2.0")


def test_who_guesses_shuts_nobody_out(bench: Bench) -> None:
    """Neither elsewhere nor at the guesser's own address, where the client has as many as its own limit allows."""
    assert [bench.ask("acme", "192.0.2.66") for _ in range(4)] == [True, True, True, False]

    assert bench.ask("acme", "192.0.2.66", right=True)
    assert [bench.ask("acme", "192.0.2.9", right=True) for _ in range(3)] == [True, True, False]
    assert not bench.ask("acme", "192.0.2.66", right=True)


def test_many_who_guess_together_take_nothing_of_the_client(bench: Bench) -> None:
    """Each address has a count of its own, and the client's own limit is not touched."""
    for number in range(9):
        bench.ask("acme", f"192.0.2.{number}")

    assert bench.ask("acme", "198.51.100.1", right=True)


def test_guesses_at_once_are_held_before_any_of_them_has_failed() -> None:
    """Attempts are counted before the first comparison is over."""
    limit = ClientLimit(MemoryLimits(), CLIENT, BOTH, ADDRESS, lambda what: None)

    outcomes = [ended(limit.admit(exchange(), "acme")) for _ in range(5)]

    assert outcomes[:3] == [False] * 3
    assert all(isinstance(outcome, LimitExceeded) for outcome in outcomes[3:])


def test_what_names_no_client_counts_for_its_address(bench: Bench) -> None:
    """Together with failures that name one."""
    assert [bench.ask(client) for client in ("", "acme", "", "acme")] == [True, True, True, False]
    assert not bench.ask("")


def test_there_is_something_again_after_a_window(bench: Bench) -> None:
    """A refused attempt was not counted, so it does not make the wait longer."""
    for _ in range(5):
        bench.ask("acme")

    assert bench.retry_after == 60
    assert bench.ask("acme", at=60.1)


def test_a_name_is_in_no_store_as_it_was_written() -> None:
    """It may be a secret in the wrong field."""
    store = MemoryLimits()
    ended(ClientLimit(store, CLIENT, BOTH, ADDRESS, lambda what: None).admit(exchange(), "s3cret"))

    assert len(store) == 1
    assert b"s3cret" not in b"".join(store._states)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_store_that_takes_its_time_is_waited_for(allowed: bool) -> None:
    """As Redis does."""
    verdict: Deferred[Verdict] = Deferred()

    class Slow:
        def bind(self, limits: Any) -> Any:
            return lambda keys, now: verdict

    waiting = ClientLimit(Slow(), CLIENT, BOTH, ADDRESS, lambda what: None).admit(exchange(), "acme")
    found: list[Any] = []
    ensureDeferred(waiting).addBoth(found.append)
    assert found == []

    verdict.callback(Verdict(allowed, CLIENT, 0, 7.5, 60.0))

    if allowed:
        assert found == [False]
    else:
        assert dict(found[0].value.headers)[b"Retry-After"] == b"8"


def test_guesses_alone_are_no_concern_of_the_fields_of_a_route() -> None:
    """Counted once an attempt, refused with the time to come back, and nothing is left on the exchange."""
    counted: list[str] = []
    limit = GuessLimit(MemoryLimits(), BOTH, ADDRESS, counted.append)
    tries = [exchange() for _ in range(4)]

    async def attempt(asked: Exchange) -> None:
        if not await limit.admit(asked, "alice"):
            await limit.failed(asked)

    outcomes = [ended(attempt(asked)) for asked in tries]

    assert outcomes[:3] == [None] * 3
    assert dict(outcomes[3].headers) == {b"Retry-After": b"60"}
    assert counted == ["allowed"] * 3 + ["limited"]
    assert [asked.rate_limit for asked in tries] == [None] * 4
