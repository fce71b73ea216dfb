"""When a backend is checked, and how the failure of a check is described."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError  # noqa: A004  # Twisted's name for it
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gateway.probing.prober import CheckFailed, Prober
from gateway.resilience.health import Health


class Probe:
    """A probe that ends when the test says so."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.begun: list[float] = []
        self.cancelled = 0
        self.running: list[Deferred[None]] = []
        self.ending: list[object] = []

    def run(self) -> Deferred[None]:
        self.begun.append(self.clock.seconds())
        done: Deferred[None] = Deferred(lambda _: self._cancel())
        if self.ending:
            end = self.ending[0] if len(self.ending) == 1 else self.ending.pop(0)
            done.callback(None) if end is None else done.errback(end)  # type: ignore[arg-type]
        else:
            self.running.append(done)
        return done

    def _cancel(self) -> None:
        self.cancelled += 1


class World:
    """A prober with an interval of 10 s and a timeout of 5 s, and the health that it reports."""

    def __init__(self, chance: float = 0.0) -> None:
        self.clock = Clock()
        self.probe = Probe(self.clock)
        self.results: list[tuple[bool, str]] = []
        self.health = Health(3, 2)
        self.prober = Prober(
            self.probe, 10.0, 5.0, lambda: chance, self.clock, self._hear, lambda failure: type(failure.value).__name__
        )

    def _hear(self, ok: bool, why: str) -> bool:
        self.results.append((ok, why))
        self.health.record(ok, self.clock.seconds(), why)
        return bool(self.health.failures) if self.health.healthy else bool(self.health.successes)

    def advance(self, seconds: float) -> None:
        """Let time pass, in steps of a tenth of a second."""
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.99])
def test_the_first_comes_within_a_second_and_the_others_at_the_interval(chance: float) -> None:
    """At random moments, up to a tenth of the interval early, so that instances do not check in step."""
    world = World(chance)
    world.probe.ending = [None]
    world.prober.startService()
    world.advance(40)

    begun = world.probe.begun
    assert begun[0] <= chance + 0.11
    assert all(9.0 - 0.1 <= after - before <= 10.6 for before, after in pairwise(begun))
    assert len(begun) >= 4


@pytest.mark.parametrize("interval", [10.0, 60.0, 300.0])
def test_backends_do_not_march_in_step(interval: float) -> None:
    """Whatever the interval: the first checks of many backends are spread over a second, and later ones stay spread."""
    clock = Clock()
    chance = Random(1)
    probes = [Probe(clock) for _ in range(100)]
    for probe in probes:
        probe.ending = [None]
        Prober(probe, interval, 5.0, chance.random, clock, lambda ok, why: False, repr).startService()
    for _ in range(round(interval * 1.2 * 10)):
        clock.advance(0.1)

    for which in (0, 1):
        at = Counter(round(probe.begun[which], 1) for probe in probes)
        assert max(at.values()) < 30
    assert max(probe.begun[0] for probe in probes) < 1.11


def test_a_probe_that_raises_has_failed_and_the_checks_go_on() -> None:
    """A defect in a probe must not end the checks of a backend."""
    clock = Clock()
    results: list[tuple[bool, str]] = []

    class Broken:
        def run(self) -> Deferred[None]:
            raise ValueError("null byte")

    def hear(ok: bool, why: str) -> bool:
        results.append((ok, why))
        return False

    prober = Prober(Broken(), 10.0, 5.0, lambda: 0.0, clock, hear, lambda failure: str(failure.value))
    prober.startService()
    for _ in range(110):
        clock.advance(0.1)

    assert results == [(False, "null byte")] * 2
    prober.stopService()
    assert clock.getDelayedCalls() == []


def test_never_two_at_once() -> None:
    """A check that hangs ends at its timeout before the next begins."""
    world = World()
    world.prober.startService()
    world.advance(4.9)
    assert len(world.probe.begun) == 1
    world.advance(0.3)

    assert world.results == [(False, "no answer within 5 s")]
    assert world.probe.cancelled == 1
    world.advance(1)
    assert len(world.probe.begun) == 2


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (CheckFailed("status 503, wanted 200"), "status 503, wanted 200"),
        (ConnectionRefusedError(), "ConnectionRefusedError"),
    ],
)
def test_a_failure_is_told_in_words(end: Exception, why: str) -> None:
    """By the probe's own text, or the description of the dialer's failure."""
    world = World()
    world.probe.ending = [Failure(end)]
    world.prober.startService()
    world.advance(0.1)

    assert world.results == [(False, why)]


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "refuses"])
@pytest.mark.parametrize("chance", [0.0, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("moment", [0.0, 0.7, 2.5, 5.0, 8.9, 9.5])
def test_a_failure_is_seen_within_30_s(moment: float, chance: float, hangs: bool) -> None:
    """Whenever between two checks the backend fails, and in whatever way; with the default settings (R-HC-14)."""
    world = World(chance)
    world.probe.ending = [None]
    world.prober.startService()
    world.advance(20 + moment)
    world.probe.ending = [] if hangs else [Failure(ConnectionRefusedError())]
    failed = world.clock.seconds()

    while world.health.healthy:
        world.advance(0.1)
        assert world.clock.seconds() < failed + 30


def test_a_backend_that_comes_back_is_seen_soon() -> None:
    """Two successes, the second after half an interval."""
    world = World()
    world.probe.ending = [Failure(ConnectionRefusedError())]
    world.prober.startService()
    world.advance(20)
    assert not world.health.healthy

    world.probe.ending = [None]
    came_back = world.clock.seconds()
    while not world.health.healthy:
        world.advance(0.1)
    assert world.clock.seconds() - came_back <= 16


def test_stopping_gives_up_what_is_under_way() -> None:
    """No result is reported after that, and no timer is left."""
    world = World()
    world.prober.startService()
    world.advance(0.1)
    world.prober.stopService()

    assert world.probe.cancelled == 1
    assert world.results == []
    assert world.clock.getDelayedCalls() == []


def test_stopped_before_the_first_check_it_makes_none() -> None:
    """No timer is left either; started again, it checks."""
    world = World(0.9)
    world.probe.ending = [None]
    world.prober.startService()
    world.prober.stopService()
    assert world.clock.getDelayedCalls() == []
    world.advance(2)
    assert world.probe.begun == []

    world.prober.startService()
    world.advance(1)
    assert len(world.probe.begun) == 1
