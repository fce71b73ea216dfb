"""Workers are started, watched, replaced and let go: on a virtual clock, without a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from gateway.processes.administering import Administering
from gateway.processes.channel import Channel
from gateway.processes.phases import Phase
from gateway.processes.team import BEAT, HUNG, LATE, LONGEST, PATIENCE, PROVED, SILENT, Team, pause
from tests.processes.channels import channels


class Process:
    """A worker that does what the test says."""

    def __init__(self, clock: Clock, index: int, number: int, ended: Callable[[str], None]) -> None:
        self.index, self.number = index, number
        self.channel, self.end = channels(clock)
        self._clock = clock
        self._ended = ended
        self.pid = 1000 + number
        self.killed = False
        self.awake = True
        self.drained: list[object] = []
        self.end.on("alive", self._alive)
        self.end.on("drain", self.drained.append)

    def _alive(self, _: object) -> bool:
        if not self.awake:
            raise TimeoutError
        return True

    def up(self) -> None:
        """Say that it serves."""
        self.end.tell("up")
        self._clock.advance(0)

    def sleep(self) -> None:
        """Answer nothing any more."""
        self.end.transport = None
        self.end.dataReceived = lambda data: None  # type: ignore[method-assign]

    def dies(self, how: str = "exit code 1") -> None:
        """End."""
        self._ended(how)
        self._clock.advance(0)

    def kill(self) -> None:
        """See `gateway.processes.team.Launched`."""
        self.killed = True


class Center:
    """Counts."""

    descriptor = -1

    def __init__(self) -> None:
        self.restarts = 0
        self.told: list[tuple[str, int]] = []
        self._next = 0

    def administers(self, administering: Administering) -> None:
        """Nobody asks."""

    def number(self) -> int:
        """Give a number."""
        self._next += 1
        return self._next

    def joined(self, worker: int, channel: Channel) -> None:
        """One was started."""
        self.told.append(("joined", worker))

    def drains(self, worker: int) -> None:
        """One is about to stop."""
        self.told.append(("drains", worker))

    def left(self, worker: int) -> None:
        """One is gone."""
        self.told.append(("left", worker))


class World:
    """A team of so many."""

    def __init__(self, count: int = 2) -> None:
        self.clock = Clock()
        self.center = Center()
        self.processes: list[Process] = []
        self.fails = False
        self.stand_in: list[tuple[list[int], list[int]]] = []
        self.team = Team(self.clock, lambda: 0.5, self.center, self.launch, self.look)
        self.team.start(count)

    def look(self, absent: Sequence[int], there: Sequence[Channel]) -> None:
        """Note who is not there, and the places of those that are."""
        places = [place.index for place in self.team.places if place.channel in there]
        found = list(absent), places
        if self.stand_in[-1:] != [found]:
            self.stand_in.append(found)

    def launch(self, index: int, number: int, ended: Callable[[str], None]) -> Process:
        """Start one."""
        if self.fails:
            raise OSError("no memory")
        process = Process(self.clock, index, number, ended)
        self.processes.append(process)
        return process

    def all_up(self) -> World:
        """All serve."""
        for process in self.processes:
            process.up()
        self.team.formed = True
        return self

    def wait(self, seconds: float) -> None:
        """Let time pass, in steps in which answers come."""
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def phases(self) -> list[Phase]:
        """Where the places are."""
        return [place.phase for place in self.team.places]


def test_all_are_up_when_all_have_said_so() -> None:
    """Not before."""
    world = World()
    up = world.team.when(world.team.all_up)
    world.processes[0].up()
    assert not up.called
    world.processes[1].up()

    assert up.called
    assert [index for index, _ in world.team.serving()] == [0, 1]


def test_one_that_fails_in_the_beginning_says_why() -> None:
    """In its own words, or in those of its end."""
    world, other = World(), World()
    world.processes[1].end.tell("failed", "gateway: no such file")
    world.clock.advance(0)
    world.processes[1].dies()
    other.processes[0].dies("signal 9")

    assert world.team.failed == "gateway: no such file"
    assert other.team.failed == "signal 9"


def test_one_that_cannot_be_started_is_one_that_fails() -> None:
    """Its number is free again."""
    world = World(0)
    world.fails = True
    world.team.start(1)

    assert world.team.failed == "it cannot be started: no memory"
    assert world.center.told == [("left", 1)]


def test_one_that_has_lived_is_replaced_at_once() -> None:
    """Clients wait in its queue."""
    world = World().all_up()
    world.wait(PROVED + 1)
    with capturedLogs() as events:
        world.processes[0].dies("signal 9")
    world.clock.advance(0)

    assert world.phases() == [Phase.STARTING, Phase.SERVING]
    assert world.center.restarts == 1
    assert world.center.told[-2:] == [("left", 1), ("joined", 3)]
    assert formatEvent(events[0]) == "Worker 1 has ended (signal 9); another is started in 0.0 s"


def test_those_that_die_young_are_waited_for_longer_and_longer() -> None:
    """A second first, and half a minute at most; one that lives ends it."""
    world = World(1).all_up()
    times = []
    for _ in range(8):
        world.processes[-1].dies()
        begun, count = world.clock.seconds(), len(world.processes)
        while len(world.processes) == count:
            world.clock.advance(0.5)
        times.append(world.clock.seconds() - begun)
    assert times == [1, 2, 4, 8, 16, 30, 30, 30]

    world.processes[-1].up()
    world.wait(PROVED + 1)
    world.processes[-1].dies()
    world.clock.advance(0)
    assert world.phases() == [Phase.STARTING]


@pytest.mark.parametrize("died", range(1, 12))
def test_a_pause_is_as_long_as_chance_says_within_bounds(died: int) -> None:
    """A fifth more or less."""
    assert pause(died, 0.5) == min(LONGEST, 2.0 ** (died - 1))
    assert pause(died, 0.0) == pytest.approx(0.8 * pause(died, 0.5))
    assert pause(died, 1.0) == pytest.approx(1.2 * pause(died, 0.5))
    assert pause(0, 1.0) == 0


def test_one_that_gives_no_sign_of_life_is_killed() -> None:
    """The log says so first; the others live on."""
    world = World().all_up()
    world.wait(5)
    world.processes[0].sleep()
    with capturedLogs() as events:
        world.wait(BEAT + SILENT + 0.2)
        assert not world.processes[0].killed
        world.wait(HUNG)

    assert world.processes[0].killed
    assert not world.processes[1].killed
    assert [formatEvent(event) for event in events] == [
        "Worker 1 has given no sign of life for 10 s",
        "Worker 1 is killed: no sign of life for 15 s",
    ]


def test_others_stand_in_for_who_is_not_there_until_it_serves_again() -> None:
    """While its place waits for the next one, and while that starts."""
    world = World(3)
    assert world.stand_in == []
    world.all_up()
    world.processes[0].dies()
    assert world.stand_in[-1] == ([0], [1, 2])

    world.wait(1.1)
    assert world.phases()[0] is Phase.STARTING
    assert world.stand_in[-1] == ([0], [1, 2])
    world.processes[-1].up()
    assert world.stand_in[-1] == ([], [0, 1, 2])


def test_others_stand_in_for_who_hangs_until_it_goes_on() -> None:
    """Long before it is killed."""
    world = World().all_up()
    sleeper = world.processes[0]
    end: Any = sleeper.end
    answer = end.dataReceived
    world.wait(1)
    unheard: list[bytes] = []
    end.dataReceived = unheard.append
    world.wait(BEAT + LATE + 0.2)
    assert world.stand_in[-1] == ([0], [1])
    assert world.center.told[-1] == ("drains", sleeper.number), "what is done once is still its task"

    answer(b"".join(unheard))
    end.dataReceived = answer
    world.wait(0.2)
    assert world.stand_in[-1] == ([], [0, 1])
    world.wait(SILENT + HUNG)
    assert not sleeper.killed


def test_while_ports_change_nobody_stands_in() -> None:
    """Then they do again, and where the configuration is another the next one is started at once."""
    world = World().all_up()
    for _ in range(3):
        world.processes[0].dies()
        world.team.places[0].anew()
        world.clock.advance(0)
    world.processes[-1].dies()
    started = len(world.processes)
    world.team.held = True
    world.team.rest(still=True)
    assert world.stand_in[-1] == ([], [1])

    world.team.release(anew=True)
    assert world.stand_in[-1] == ([0], [1])
    world.wait(0.1)
    assert len(world.processes) == started + 1


def test_one_that_does_not_come_up_is_killed() -> None:
    """It imports, reads and builds: that takes no three minutes."""
    world = World()
    world.clock.advance(PATIENCE)

    assert world.processes[0].killed


def test_while_the_configuration_changes_nobody_is_started() -> None:
    """It would have the one before."""
    world = World(1).all_up()
    world.wait(PROVED + 1)
    world.team.held = True
    world.processes[0].dies()
    world.wait(3)
    assert len(world.processes) == 1

    world.team.held = False
    world.wait(1.1)
    assert len(world.processes) == 2


def test_all_drain_and_nobody_comes_after_them() -> None:
    """One that waits for its turn is gone at once; when all accept nothing more, that is known."""
    world = World(3).all_up()
    world.processes[2].dies()
    closed, gone = world.team.when(world.team.accepts_nothing), world.team.when(world.team.gone)

    world.team.leave(handed_over=True)
    world.clock.advance(0)
    assert world.phases() == [Phase.LEAVING, Phase.LEAVING, Phase.GONE]
    assert [process.drained for process in world.processes[:2]] == [[{"handed_over": True}]] * 2
    assert ("drains", 1) in world.center.told

    for process in world.processes[:2]:
        process.end.tell("closed")
        world.clock.advance(0)
    assert closed.called
    assert not gone.called
    for process in world.processes[:2]:
        process.dies("exit code 0")
    assert gone.called
    world.wait(60)
    assert len(world.processes) == 3
    assert world.clock.getDelayedCalls() == []
