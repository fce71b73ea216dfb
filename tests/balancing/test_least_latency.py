"""The better of two: simulated, on a virtual clock, with exchanges that arrive by chance."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from gateway.balancing import build
from gateway.balancing.answer_times import AnswerTimes
from tests.contracts.test_balancer import FakeTarget

Serve = Callable[[float, random.Random], tuple[float, bool]]
"""How long a backend takes for an exchange that comes at a time, and whether it answers."""


def takes(mean: float) -> Serve:
    """Answers after times that are mean on average, seldom more than five times as long."""
    return lambda now, chance: (chance.expovariate(1.0 / mean), True)


def refuses(now: float, chance: random.Random) -> tuple[float, bool]:
    """Fail at once."""
    return 0.0005, False


class Simulation:
    """Exchanges that go to backends by a strategy.

    Attributes:
        pause: Seconds for which the gateway stands still, once a second.
        counts: Exchanges by backend.
        times: What each took, in seconds, by the order in which they came.
        failures: How many failed.
        most: The most exchanges that each backend has had at once.
    """

    def __init__(self, strategy: str, serves: Sequence[Serve], weights: Sequence[int] = (), seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self.targets = [FakeTarget(f"b{number}", weights[number] if weights else 1) for number, _ in enumerate(serves)]
        self._serves = list(serves)
        self._known = {target.name: AnswerTimes() for target in self.targets}
        self._balancer = build(strategy, self.targets, self._chance.random, times=self._known)
        self._events: list[tuple[float, int, int, float, bool]] = []
        self._number = 0
        self.now = 0.0
        self.pause = 0.0
        self.begin()

    def begin(self) -> None:
        """Count anew."""
        self.counts: Counter[int] = Counter()
        self.most: Counter[int] = Counter()
        self.times: list[float] = []
        self.failures = 0

    def run(self, seconds: float, rate: float) -> None:
        """Let exchanges come for some time, so many a second."""
        end = self.now + seconds
        while True:
            self.now += self._chance.expovariate(rate)
            if self.now >= end:
                self.now = end
                self._answer(end)
                return
            self._answer(self.now)
            self._come()

    def p99(self) -> float:
        """Return what 99 of 100 exchanges did not exceed."""
        return sorted(self.times)[int(len(self.times) * 0.99)]

    def _come(self) -> None:
        self.now = self._seen(self.now)
        target = self._balancer.pick(b"", self.now)
        number = self.targets.index(target)
        seconds, ok = self._serves[number](self.now, self._chance)
        target.in_flight += 1
        self.counts[number] += 1
        self.most[number] = max(self.most[number], target.in_flight)
        self._number += 1
        answered = self._seen(self.now + seconds)
        heapq.heappush(self._events, (answered, self._number, number, answered - self.now, ok))

    def _seen(self, now: float) -> float:
        """Return when the gateway sees what happens now."""
        return max(now, int(now) + self.pause)

    def _answer(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            now, _, number, seconds, ok = heapq.heappop(self._events)
            self.targets[number].in_flight -= 1
            known = self._known[self.targets[number].name]
            (known.answered if ok else known.failed)(seconds, now)
            self.times.append(seconds)
            self.failures += not ok


ONE_SLOW = [takes(0.01), takes(0.01), takes(0.01), takes(0.1)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rate", [20, 1000])
def test_one_slow_backend_of_four(rate: int, seed: int) -> None:
    """99 of 100 exchanges are answered within half of the time, or less, that they take by turns."""
    p99 = {}
    for strategy in ("round_robin", "least_connections", "least_latency"):
        made = Simulation(strategy, ONE_SLOW, seed=seed)
        made.run(15_000 / rate, rate)
        p99[strategy] = made.p99()

    assert p99["least_latency"] <= 0.5 * p99["round_robin"], p99
    assert p99["least_latency"] < p99["least_connections"], p99


def test_pauses_of_the_gateway_make_no_backend_slow() -> None:
    """All answers that come during one are late, the fast backends' too: that is over with their next answers."""
    made = Simulation("least_latency", [lambda now, chance: (0.005, True)] * 3 + [lambda now, chance: (0.1, True)])
    made.pause = 0.09
    made.run(30, 300)

    assert made.counts[3] < 0.005 * sum(made.counts.values()), made.counts


@pytest.mark.parametrize("rate", [20, 1000])
def test_equal_backends_have_equal_shares(rate: int) -> None:
    """Within a tenth, idle or busy."""
    made = Simulation("least_latency", [takes(0.01)] * 4)
    made.run(20_000 / rate, rate)

    fair = sum(made.counts.values()) / 4
    assert all(abs(count - fair) <= 0.15 * fair for count in made.counts.values()), made.counts


@pytest.mark.parametrize("weights", [(1, 1, 2), (1, 3, 1)])
def test_weights_hold_under_load(weights: tuple[int, ...]) -> None:
    """Backends of the same speed have exchanges in flight by their weights."""
    made = Simulation("least_latency", [takes(0.05)] * 3, weights)
    made.run(40, 1000)

    total = sum(made.counts.values())
    for number, weight in enumerate(weights):
        assert made.counts[number] / total == pytest.approx(weight / sum(weights), rel=0.25)


def test_a_slow_backend_that_is_fast_again_has_its_share_again() -> None:
    """The estimate decays while it has no traffic; a few tries find out."""
    well = 20.0

    def mends(now: float, chance: random.Random) -> tuple[float, bool]:
        return takes(0.01 if now > well else 1.0)(now, chance)

    made = Simulation("least_latency", [takes(0.01), takes(0.01), takes(0.01), mends])
    made.run(well, 500)
    assert made.counts[3] < 0.01 * sum(made.counts.values())

    made.run(60, 500)
    made.begin()
    made.run(20, 500)
    assert made.counts[3] / sum(made.counts.values()) == pytest.approx(0.25, rel=0.2)


def test_a_backend_that_becomes_slow_loses_its_traffic_at_once() -> None:
    """With the first slow answer."""

    def sticks(now: float, chance: random.Random) -> tuple[float, bool]:
        return takes(0.01)(now, chance) if now < 20 else (2.0, True)

    made = Simulation("least_latency", [takes(0.01), takes(0.01), takes(0.01), sticks])
    made.run(20, 500)
    made.begin()
    made.run(20, 500)

    assert made.counts[3] <= 100
    assert made.most[3] <= 60


@pytest.mark.parametrize("rate", [20, 400])
@pytest.mark.parametrize("first", [takes(0.01), refuses], ids=["later", "from the first"])
def test_a_backend_that_fails_at_once_does_not_win(rate: int, first: Serve) -> None:
    """It is tried every few seconds, however many exchanges there are."""

    def breaks(now: float, chance: random.Random) -> tuple[float, bool]:
        return (first if now < 10 else refuses)(now, chance)

    made = Simulation("least_latency", [takes(0.02), takes(0.02), breaks])
    made.run(10, rate)
    made.begin()
    made.run(60, rate)

    assert 3 <= made.failures <= 60
    assert made.failures < 0.04 * sum(made.counts.values())


def test_a_new_backend_is_tried_without_a_stampede() -> None:
    """One exchange at a time, until it has answered the first."""
    made = Simulation("least_latency", [takes(0.01), takes(0.01), takes(0.01), lambda now, chance: (5.0, True)])
    made.targets[3].back_at = 10.0
    made.run(10, 1000)
    made.begin()
    made.run(4.9, 1000)

    assert (made.counts[3], made.most[3]) == (1, 1)


def test_at_the_start_all_are_tried() -> None:
    """Those that have nothing to do first; a burst is shared by what is in flight."""
    targets = [FakeTarget(f"b{number}") for number in range(4)]
    balancer = build("least_latency", targets, random.Random(1).random)
    for _ in range(400):
        balancer.pick(b"", 0.0).in_flight += 1

    assert all(90 <= target.in_flight <= 110 for target in targets), [target.in_flight for target in targets]


def test_slow_start_counts() -> None:
    """A backend of a tenth of the weight has about a tenth of the exchanges in flight."""
    made = Simulation("least_latency", [takes(0.05)] * 3, (100, 100, 10))
    made.run(40, 1000)

    assert made.counts[2] / sum(made.counts.values()) == pytest.approx(10 / 210, rel=0.5)
