"""One worker does it, the others hear: elections, results in a row, faults."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from gateway.composition.whole import Took
from gateway.discovery.contract import Answer, SourceFault, Tell
from gateway.discovery.finder import SPACING
from gateway.discovery.members import Member
from gateway.processes.once import Election, Named, Probed, SharedSource, no_fault


class World:
    """Workers that hear each other."""

    def __init__(self, number: int, stands: Any = lambda said: True) -> None:
        self.elections = [Election() for _ in range(number)]
        self.named = [Named(stands) for _ in range(number)]
        self.elections[0].set(True)

    def publish(self, worker: int) -> Any:
        """What tells the others."""

        def publish(body: list[Any], stands: bool) -> None:
            for other, named in enumerate(self.named):
                if other != worker:
                    named.heard(body)

        return publish


class Prober(Service):
    """What checks."""

    def __init__(self, take: Any) -> None:
        self.take = take


def test_who_is_elected_checks_and_all_take() -> None:
    """And the next goes on."""
    world = World(2)
    taken: list[list[tuple[bool, str]]] = [[], []]
    made: list[Prober] = []

    def make(take: Any) -> Prober:
        made.append(Prober(take))
        return made[-1]

    def taker(at: int) -> Took:
        def take(ok: bool, why: str) -> bool:
            taken[at].append((ok, why))
            return False

        return take

    probes = [Probed("a", taker(at), make, world.elections[at], world.named[at], world.publish(at)) for at in range(2)]
    for probe in probes:
        probe.startService()
    assert [prober.running for prober in made] == [True, False]

    made[0].take(False, "it is down")
    assert taken == [[(False, "it is down")]] * 2

    world.elections[0].set(False)
    world.elections[1].set(True)
    assert [prober.running for prober in made] == [False, True]
    for probe in probes:
        probe.stopService()
    assert [prober.running for prober in made] == [False, False]
    world.elections[0].set(True)
    assert not made[0].running


def test_who_comes_later_takes_the_failures_in_a_row() -> None:
    """So that it knows who is unhealthy; of successes one is enough."""
    world = World(2)
    first = Probed("a", lambda ok, why: False, Prober, world.elections[0], world.named[0], world.publish(0))
    first.startService()
    for ok in (True, True, False, False, False):
        first._result(ok, "down")
    taken: list[bool] = []

    def take(ok: bool, why: str) -> bool:
        taken.append(ok)
        return False

    late = Probed("a", take, Prober, world.elections[1], world.named[1], world.publish(1))
    late.startService()

    assert taken == [False] * 3


class Registry:
    """A source that says what the test says."""

    longest_pause = 30.0

    def __init__(self) -> None:
        self.tell: Tell | None = None
        self.over: Deferred[None] = Deferred()
        self.closed = False

    async def follow(self, tell: Tell) -> None:
        self.tell, self.over = tell, Deferred()
        await self.over

    def close(self) -> None:
        self.closed = True


def test_one_registry_is_asked_and_all_hear() -> None:
    """What it said last is told to who comes later, whatever has failed since."""
    world = World(3, no_fault)
    registries = [Registry() for _ in range(3)]
    sources = [
        SharedSource("a", registries[at], world.elections[at], world.named[at], world.publish(at), Clock())
        for at in range(3)
    ]
    heard: list[list[Answer]] = [[], [], []]
    following = [ensureDeferred(sources[at].follow(heard[at].append)) for at in range(2)]
    answer = Answer([Member("http://10.0.0.1:80", 2)], ["one that is none"])

    assert registries[0].tell is not None
    registries[0].tell(answer)

    assert registries[1].tell is None
    assert heard[:2] == [[answer], [answer]]
    faults: list[Any] = []
    for one in following:
        one.addErrback(faults.append)
    registries[0].over.errback(SourceFault("it is away"))
    assert [str(fault.value) for fault in faults] == ["it is away"] * 2

    # Who has heard it is not told it again: it would look as if the registry were back.
    again = ensureDeferred(sources[1].follow(heard[1].append))
    assert heard[1] == [answer]
    world.publish(0)(["a", "", [list(member) for member in answer.members], answer.refused], True)
    assert heard[1] == [answer] * 2
    again.addErrback(lambda why: None)
    again.cancel()

    late = ensureDeferred(sources[2].follow(heard[2].append))
    assert heard[2] == [answer]
    ends: list[Any] = []
    late.addBoth(ends.append)
    world.elections[2].set(True)
    assert ends == [None]  # its finder asks at once
    ensureDeferred(sources[2].follow(heard[2].append))
    assert registries[2].tell is not None


def test_a_follower_that_is_stopped_leaves_nothing() -> None:
    """As the contract of sources says."""
    world = World(2, no_fault)
    registry = Registry()
    source = SharedSource("a", registry, world.elections[1], world.named[1], world.publish(1), Clock())
    heard: list[Answer] = []
    following = ensureDeferred(source.follow(heard.append))
    following.addErrback(lambda failure: None)

    following.cancel()
    source.close()
    world.publish(0)(["a", "", [["http://10.0.0.1:80", 1, False]], []], True)

    assert heard == []
    assert registry.closed
    assert not world.elections[1]._hearers


def test_many_answers_at_once_are_told_together() -> None:
    """The first and the last of them; what was put off comes before the fault that follows it, and at the end."""
    world, clock, registry = World(2, no_fault), Clock(), Registry()
    said: list[list[Any]] = []
    source = SharedSource("a", registry, world.elections[0], world.named[0], lambda body, _: said.append(body), clock)
    told: list[Answer] = []
    following = ensureDeferred(source.follow(told.append))
    assert registry.tell is not None

    def say(*ports: int) -> None:
        for port in ports:
            assert registry.tell is not None
            registry.tell(Answer([Member(f"http://10.0.0.1:{port}", 1)], []))

    def heard() -> list[str]:
        found = [body[1] or body[2][0][0].rpartition(":")[2] for body in said]
        said.clear()
        return found

    say(*range(1, 1001))
    assert len(told) == 1000
    assert heard() == ["1"]
    clock.advance(SPACING)
    assert heard() == ["1000"]
    say(7, 8)
    failed: list[Any] = []
    following.addErrback(failed.append)
    registry.over.errback(SourceFault("it is away"))
    assert heard() == ["8", "it is away"]
    assert failed
    assert not clock.getDelayedCalls()


def test_who_is_elected_as_it_comes_knows_what_stands() -> None:
    """All that knew are gone, and the registry is away."""
    world = World(1, no_fault)
    world.named[0].heard(["a", "", [["http://10.0.0.1:80", 1, False]], []])
    source = SharedSource("a", Registry(), world.elections[0], world.named[0], world.publish(0), Clock())
    heard: list[Answer] = []
    following = ensureDeferred(source.follow(heard.append))
    following.addErrback(lambda why: None)
    following.cancel()

    assert heard == [Answer([Member("http://10.0.0.1:80", 1)], [])]
