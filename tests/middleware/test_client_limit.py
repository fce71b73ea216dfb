"""The limits of the token endpoint: of a client, and of an address."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred

from gateway.errors import LimitExceeded
from gateway.exchange import Exchange, Request
from gateway.headers import Headers
from gateway.limiting.limit import Limit, Verdict
from gateway.limiting.store import MemoryLimits
from gateway.middleware.client_limit import ClientLimit

CLIENT = Limit(b"client..", "client", 3, 60.0, 3, sliding=True)
ADDRESS = Limit(b"address.", "ip", 3, 60.0, 3, sliding=True)


class From:
    """Where an exchange comes from."""

    def __init__(self, address: str) -> None:
        self._address = address

    def client_address(self, headers: Headers) -> str:
        return self._address


def exchange(address: str = "192.0.2.1", at: float = 0.0) -> Exchange:
    """A request to the token endpoint."""
    here: Any = From(address)
    return Exchange(Request(b"POST", b"/oauth/token", Headers()), here, address, here, at, at + 1)


class Bench:
    """A limit in memory, and what it counted."""

    def __init__(self) -> None:
        self.counted: list[str] = []
        self.retry_after = 0
        self.limit = ClientLimit(MemoryLimits(), CLIENT, ADDRESS, self.counted.append)

    def ask(self, client: str, address: str = "192.0.2.1", at: float = 0.0) -> bool:
        """Ask once; gives whether it may."""
        asked = exchange(address, at)
        try:
            self.limit.admit(asked, client)
        except LimitExceeded as error:
            self.retry_after = int(dict(error.headers)[b"Retry-After"])
        assert asked.rate_limit is not None
        return asked.rate_limit.allowed


@pytest.fixture
def bench() -> Bench:
    """Three in a minute."""
    return Bench()


def test_an_address_that_tries_many_clients_is_stopped(bench: Bench) -> None:
    """Each of them has had one attempt."""
    assert [bench.ask(f"client-{number}") for number in range(4)] == [True, True, True, False]
    assert bench.counted == ["allowed"] * 3 + ["limited"]


def test_a_client_that_is_tried_from_many_addresses_is_stopped(bench: Bench) -> None:
    """Guessing from a thousand of them is no faster than from one."""
    assert [bench.ask("acme", f"192.0.2.{number}") for number in range(4)] == [True, True, True, False]
    assert bench.ask("other", "192.0.2.9")


def test_what_names_no_client_counts_for_its_address(bench: Bench) -> None:
    """Together with what does."""
    assert [bench.ask(client) for client in ("", "acme", "", "acme")] == [True, True, True, False]
    assert not bench.ask("")


def test_there_is_something_again_after_a_window(bench: Bench) -> None:
    """Whoever was refused was not counted."""
    for _ in range(5):
        bench.ask("acme")

    assert bench.retry_after == 60
    assert bench.ask("acme", at=60.1)


def test_a_name_is_in_no_store_as_it_was_written() -> None:
    """Somebody may have put a secret there."""
    store = MemoryLimits()
    ClientLimit(store, CLIENT, ADDRESS, lambda what: None).admit(exchange(), "s3cret")

    assert b"s3cret" not in b"".join(store._states)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_store_that_takes_its_time_is_waited_for(allowed: bool) -> None:
    """As Redis is."""
    verdict: Deferred[Verdict] = Deferred()

    class Slow:
        def bind(self, limits: Any) -> Any:
            return lambda keys, now: verdict

    waiting = ClientLimit(Slow(), CLIENT, ADDRESS, lambda what: None).admit(exchange(), "acme")
    assert waiting is not None
    found: list[Any] = []
    ensureDeferred(waiting).addBoth(found.append)  # type: ignore[arg-type]  # it is a coroutine
    assert found == []

    verdict.callback(Verdict(allowed, CLIENT, 0, 7.5, 60.0))

    if allowed:
        assert found == [None]
    else:
        assert dict(found[0].value.headers)[b"Retry-After"] == b"8"
