"""What is known of an upstream and its backends, and who hears of its changes."""

from __future__ import annotations

from gateway.resilience.breaker import BreakerRules, State
from gateway.resilience.outliers import OutlierRules
from gateway.upstream.in_force import InForce
from gateway.upstream.standing import Change, Condition, ConditionRules, Standing

A = "http://a:80"


class World:
    """A condition, one backend in service, and a clock."""

    def __init__(self, **rules: object) -> None:
        self.seconds = 100.0
        self.changes: list[Change] = []
        self.condition = Condition("orders", ConditionRules(**rules), lambda: self.seconds, self.changes.append)  # type: ignore[arg-type]
        self.services: dict[str, InForce] = {}
        self.standing = self.add(A)

    def add(self, name: str) -> Standing:
        """Put another backend into service."""
        standing = Standing(name, self.condition)
        self.services[name] = InForce(standing)
        self.services[name].startService()
        return standing

    def told(self) -> list[tuple[str, str]]:
        """What changed, and to what."""
        return [(change.what, change.after) for change in self.changes]


def test_nothing_watched_is_always_well() -> None:
    """No part that could say otherwise."""
    world = World()
    world.standing.judge(0, 1.0, "upstream.reset")

    assert not world.condition.rules.watch
    assert world.standing.well(1.0)
    assert world.standing.healthy()
    assert world.standing.admits(1.0)
    assert not world.standing.ejected(1.0)
    assert not world.condition.disturbed


def test_active_checks_change_the_health() -> None:
    """Three failures, then two successes; each change disturbs and is told, with its cause."""
    world = World(unhealthy_threshold=3, healthy_threshold=2)
    for _ in range(3):
        world.standing.checked(False, "status 503")
    assert not world.standing.healthy()
    assert world.condition.disturbed
    for _ in range(2):
        world.standing.checked(True, "")

    assert world.told() == [("health", "unhealthy"), ("health", "healthy")]
    assert world.changes[0].cause == "3 checks in a row failed, the last by status 503"
    assert [what for _, what in world.standing.errors] == ["health check: status 503"] * 3


def test_a_restored_health_lets_an_open_breaker_probe() -> None:
    """Before its time; unless only probes may close it."""
    for healing, state in ((True, State.HALF_OPEN), (False, State.OPEN)):
        world = World(
            breaker=BreakerRules(failure_threshold=1), unhealthy_threshold=1, healthy_threshold=1, healing=healing
        )
        assert world.standing.breaker is not None
        world.standing.checked(False, "refused")
        world.standing.judge(world.standing.breaker.admit(100.0), 100.0, "upstream.connect")
        world.standing.checked(True, "")

        assert world.standing.breaker.state is state


def test_a_return_is_found_out_by_whoever_asks_with_an_earlier_reading_of_the_clock() -> None:
    """A real clock goes on between the reading with which a pick begins and that with which the return is noted."""
    world = World(outliers=OutlierRules(failures=1, eject=30.0))
    world.add("http://b:80")
    world.standing.judge(0, 100.0, "upstream.reset")
    world.seconds = 130.000001
    assert world.condition.detector is not None
    assert world.condition.detector.out(130.0) == 0

    assert world.standing.recovered == 130.000001
    assert world.standing.well(130.0)


def test_failures_of_real_traffic_eject() -> None:
    """And the return is told as soon as somebody looks."""
    world = World(outliers=OutlierRules(failures=2, eject=30.0))
    world.add("http://b:80")
    for _ in range(2):
        world.standing.judge(0, world.seconds, "upstream.reset")
    assert world.standing.ejected(world.seconds)
    assert not world.standing.well(world.seconds)

    world.seconds += 31
    assert world.condition.detector is not None
    world.condition.detector.out(world.seconds)

    assert world.told() == [("ejection", "ejected"), ("ejection", "returned")]
    assert world.standing.recovered == world.seconds


def test_who_recovers_starts_slowly() -> None:
    """A tenth at first, the whole after `slow_start`; one that never failed has its whole share."""
    world = World(unhealthy_threshold=1, healthy_threshold=1, slow_start=10.0)
    assert world.standing.share(world.seconds) == 1.0
    world.standing.checked(False, "refused")
    world.standing.checked(True, "")

    assert world.standing.share(world.seconds) == 0.1
    assert world.standing.share(world.seconds + 5) == 0.5
    assert not world.standing.well(world.seconds + 9.9)
    assert world.standing.well(world.seconds + 10)


def test_an_attempt_without_a_verdict_gives_its_slot_back() -> None:
    """As a probe it would hold the only one for ever."""
    world = World(breaker=BreakerRules(failure_threshold=1, timeout=30.0))
    breaker = world.standing.breaker
    assert breaker is not None
    world.standing.judge(breaker.admit(100.0), 100.0, "status 500")
    ticket = breaker.admit(131.0)
    assert not world.standing.admits(131.0)

    world.standing.judge(ticket, 131.0, None)
    assert world.standing.admits(131.0)

    world.standing.judge(breaker.admit(131.0), 131.0, "")
    assert breaker.state is State.CLOSED
    assert world.told() == [("breaker", "open"), ("breaker", "half_open"), ("breaker", "closed")]


def test_a_backend_that_is_gone_is_forgotten() -> None:
    """It does not count among those of which some may be ejected; a new one of its name is another."""
    world = World(outliers=OutlierRules(failures=1, max_ejected_percent=50))
    world.add("http://b:80")
    world.services["http://b:80"].stopService()
    world.standing.judge(0, world.seconds, "upstream.reset")
    assert not world.standing.ejected(world.seconds)  # the only one is never ejected

    again = Standing(A, world.condition)
    InForce(again).startService()
    world.services[A].stopService()
    assert world.condition.standings == {A: again}


def test_only_the_last_few_are_kept() -> None:
    """Memory is bounded, whatever fails for how long."""
    world = World(unhealthy_threshold=1, healthy_threshold=1)
    for _ in range(100):
        world.standing.checked(False, "refused")
        world.standing.checked(True, "")

    assert len(world.standing.errors) == 5
    assert len(world.standing.changes) == 5
