"""The timeout of a dial and the order of its addresses; real connections are in tests/system/test_tls_dialer.py."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, TimeoutError  # noqa: A004
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gateway.dialling.dialer import STAGGER, _Dial


class Attempt:
    """An attempt that ends when the test says so."""

    def __init__(self, dial: _Dial) -> None:
        self.dial = dial
        self.address = ""
        self.given_up = False

    def connect(self, address: str) -> None:
        self.address = address

    def give_up(self) -> None:
        self.given_up = True


class Dialing:
    """One dial on a virtual clock, with a timeout of ten seconds."""

    def __init__(self, turn: int = 0) -> None:
        self.clock = Clock()
        self.attempts: list[Attempt] = []
        self.results: list[Any] = []
        self.name: Deferred[list[str]] = Deferred()
        self.done = _Dial(self.clock, self._attempt, 10, turn).begin(self.name)  # type: ignore[arg-type]
        self.done.addBoth(self.results.append)

    def _attempt(self, dial: _Dial) -> Attempt:
        self.attempts.append(Attempt(dial))
        return self.attempts[-1]

    def addresses(self) -> list[str]:
        """The addresses tried so far."""
        return [attempt.address for attempt in self.attempts]

    def refuse(self) -> None:
        """Let the last attempt fail."""
        attempt: Any = self.attempts[-1]
        attempt.dial.failed(attempt, Failure(ConnectionRefusedError()))


def test_the_first_that_connects_ends_it() -> None:
    """No timer is left."""
    dialing = Dialing()
    dialing.name.callback(["10.0.0.1", "10.0.0.2"])
    protocol = Protocol()

    attempt: Any = dialing.attempts[0]
    attempt.dial.succeeded(attempt, protocol)

    assert dialing.results == [protocol]
    assert not attempt.given_up
    assert dialing.clock.getDelayedCalls() == []


@pytest.mark.parametrize(("turn", "order"), [(0, "abc"), (1, "bca"), (2, "cab"), (3, "abc")])
def test_each_turn_begins_with_the_next_address(turn: int, order: str) -> None:
    """And tries all the others after it."""
    dialing = Dialing(turn)
    dialing.name.callback(["a", "b", "c"])
    dialing.refuse()
    dialing.refuse()

    assert "".join(dialing.addresses()) == order


def test_when_all_have_failed_the_last_failure_is_told() -> None:
    """As it was raised."""
    dialing = Dialing()
    dialing.name.callback(["10.0.0.1", "10.0.0.2"])

    dialing.refuse()
    assert dialing.results == []
    dialing.refuse()

    dialing.results[0].trap(ConnectionRefusedError)
    assert dialing.clock.getDelayedCalls() == []


def test_an_address_that_is_silent_costs_a_moment() -> None:
    """RFC 8305: the next address is tried beside it; the first connection wins, and the other attempt is given up."""
    dialing = Dialing()
    dialing.name.callback(["10.0.0.1", "10.0.0.2"])

    dialing.clock.advance(STAGGER - 0.01)
    assert dialing.addresses() == ["10.0.0.1"]
    dialing.clock.advance(0.01)

    assert dialing.addresses() == ["10.0.0.1", "10.0.0.2"]
    silent: Any = dialing.attempts[0]
    second: Any = dialing.attempts[1]
    assert not silent.given_up
    protocol = Protocol()
    second.dial.succeeded(second, protocol)
    assert dialing.results == [protocol]
    assert (silent.given_up, second.given_up) == (True, False)
    assert dialing.clock.getDelayedCalls() == []


def test_a_slow_address_may_still_be_the_one() -> None:
    """Its attempt goes on while others are tried, and after they have failed, until the timeout."""
    dialing = Dialing()
    dialing.name.callback(["10.0.0.1", "10.0.0.2"])
    dialing.clock.advance(1)
    dialing.refuse()
    assert dialing.results == []
    dialing.clock.advance(8.9)
    slow: Any = dialing.attempts[0]
    assert (slow.given_up, dialing.results) == (False, [])
    dialing.clock.advance(0.1)
    dialing.results[0].trap(TimeoutError)
    assert slow.given_up


def test_a_refusal_costs_no_time() -> None:
    """The next address is tried at once."""
    dialing = Dialing()
    dialing.name.callback(["10.0.0.1", "10.0.0.2", "10.0.0.3"])

    dialing.refuse()
    assert dialing.addresses() == ["10.0.0.1", "10.0.0.2"]
    dialing.clock.advance(STAGGER)
    assert dialing.addresses() == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_the_name_is_within_the_time() -> None:
    """A name server that does not answer is a timeout too, and the lookup is cancelled."""
    dialing = Dialing()

    dialing.clock.advance(10)

    dialing.results[0].trap(TimeoutError)
    assert dialing.name.called


def test_a_name_without_addresses_fails_as_the_resolver_says() -> None:
    """No attempt is made."""
    dialing = Dialing()

    dialing.name.errback(DNSLookupError("no"))

    dialing.results[0].trap(DNSLookupError)
    assert dialing.attempts == []
    assert dialing.clock.getDelayedCalls() == []


@pytest.mark.parametrize("resolved", [True, False])
def test_a_cancelled_dial_leaves_nothing(resolved: bool) -> None:
    """No timer, no connection and no lookup."""
    dialing = Dialing()
    if resolved:
        dialing.name.callback(["10.0.0.1", "10.0.0.2"])

    dialing.done.cancel()

    dialing.results[0].trap(CancelledError)
    assert dialing.clock.getDelayedCalls() == []
    assert all(attempt.given_up for attempt in dialing.attempts)
    assert dialing.name.called
