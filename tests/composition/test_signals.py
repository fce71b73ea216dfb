"""What signals call. With real processes: `tests/system/test_signals.py`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.composition.signals import Signals, StopSignals


class Reactor:
    """As much of a reactor as signals need; it runs when it is told to."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []
        self.starting: list[Callable[[], object]] = []
        self.stopped: list[int] = []

    def callFromThread(self, call: Callable[[], object]) -> None:  # Twisted's name
        self.calls.append(call)

    def callWhenRunning(self, call: Callable[[], object]) -> None:  # Twisted's name
        self.starting.append(call)

    def sigTerm(self, number: int, frame: Any) -> None:  # noqa: N802  # Twisted's name
        self.stopped.append(number)

    sigInt = sigTerm  # noqa: N815  # Twisted's name

    def start(self) -> None:
        for call in self.starting:
            call()

    def turn(self) -> None:
        """Make the calls."""
        calls, self.calls = self.calls, []
        for call in calls:
            call()


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the tests are put back."""
    numbers = (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    """Send a signal to this process; its handler has run when this returns."""
    os.kill(os.getpid(), number)


class TestSignals:
    """SIGHUP and SIGUSR1."""

    def test_a_signal_makes_a_call_in_the_reactor(self) -> None:
        """And what another part of the process does on it is done too, as long as the service runs and after it."""
        reactor, done, others = Reactor(), [], []
        signal.signal(signal.SIGUSR1, lambda number, frame: others.append(number))
        signals = Signals(reactor, {signal.SIGUSR1: lambda: done.append("logs")})
        signals.startService()
        send(signal.SIGUSR1)
        assert done == []
        reactor.turn()
        assert (done, others) == (["logs"], [signal.SIGUSR1])
        signals.stopService()
        send(signal.SIGUSR1)
        reactor.turn()

        assert (done, others) == (["logs"], [signal.SIGUSR1] * 2)

    def test_one_that_came_early_is_acted_on(self) -> None:
        """Once; those that did not come are not."""
        reactor, done = Reactor(), []
        actions: dict[int, Callable[[], object]] = {
            signal.SIGHUP: lambda: done.append("reload"),
            signal.SIGUSR1: lambda: done.append("logs"),
        }
        Signals(reactor, actions, {signal.SIGHUP}).startService()
        reactor.turn()

        assert done == ["reload"]


class Stop:
    """Signals that stop, and what came of them."""

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.stopping = False
        self.hurried = 0
        self.ended: list[int] = []
        StopSignals(self.reactor, lambda: self.stopping, self.hurry, self.ended.append).startService()
        self.reactor.start()

    def hurry(self) -> None:
        self.hurried += 1


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_the_first_stops_and_the_second_hurries(first: signal.Signals, second: signal.Signals) -> None:
    """Whichever of the two; the second never asks the reactor to stop again."""
    stop = Stop()
    send(first)
    assert (stop.reactor.stopped, stop.hurried) == ([first], 0)
    send(second)
    stop.reactor.turn()

    assert (stop.reactor.stopped, stop.hurried, stop.ended) == ([first], 1, [second])
    assert signal.getsignal(second) is signal.SIG_DFL  # the third ends it, whatever it is doing


def test_one_while_it_stops_for_another_reason_hurries_at_once() -> None:
    """Somebody has stopped the reactor."""
    stop = Stop()
    stop.stopping = True
    send(signal.SIGTERM)
    stop.reactor.turn()

    assert (stop.reactor.stopped, stop.hurried) == ([], 1)


def test_the_reactors_own_handlers_are_replaced() -> None:
    """It installs them when it begins to run, after all services have started."""
    reactor = Reactor()
    StopSignals(reactor, lambda: False, lambda: None, lambda number: None).startService()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    reactor.start()

    assert callable(signal.getsignal(signal.SIGTERM))


def test_an_interrupt_that_is_ignored_stays_ignored() -> None:
    """A shell starts its background jobs so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Stop()

    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
