"""The workers of a parent: started, watched, replaced when they die, and let go. Starts no process itself.

`gateway.processes.launching` starts them; what a place may become is in `gateway.processes.phases`.

# Note [How soon there is another]
A worker that has served for `PROVED` seconds is replaced at once: clients wait in its queue. One that dies sooner is
waited for, a second first and twice as long each time: what is wrong with it will be wrong with the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.processes.administering import Administering
from gateway.processes.channel import Channel, ChannelLost
from gateway.processes.phases import Event, Phase, after

PROVED: Final = 10.0
"""Seconds after which a worker has shown that it can live."""
FIRST, LONGEST = 1.0, 30.0
"""Seconds until the next one is started, after the first that did not live, and at most."""
PATIENCE: Final = 180.0
"""Seconds for a worker to serve: it imports, reads its configuration and builds, as all others do at the same time. Of
20,000 routes two workers took 40 s of a machine with two cores that had much else to do."""
BEAT: Final = 1.0
"""Seconds between two signs of life."""
LATE: Final = 2.0
"""Seconds without one until others accept in the place of the worker."""
SILENT, HUNG = 10.0, 5.0
"""Seconds without one until the log says so, and from then on until the worker is killed. Two times, since after a
machine was stopped and goes on, a parent may look at its clock before it reads what was answered long ago."""

_log = Logger()


class Launched(Protocol):
    """A process that was started."""

    @property
    def channel(self) -> Channel:
        """To it."""

    @property
    def pid(self) -> int:
        """Its number."""

    def kill(self) -> None:
        """End it at once."""


class Center(Protocol):
    """What workers have in common."""

    restarts: int

    @property
    def descriptor(self) -> int:
        """Of the memory that all share."""

    def administers(self, administering: Administering) -> None: ...
    def number(self) -> int: ...
    def joined(self, worker: int, channel: Channel) -> None: ...
    def drains(self, worker: int) -> None: ...
    def left(self, worker: int) -> None: ...


StandIn = Callable[[Sequence[int], Sequence[Channel]], object]
"""Has workers accept in the place of others: `gateway.processes.stand_ins`."""

Launch = Callable[[int, int, Callable[[str], None]], Launched]
"""Starts a process: for which place, under which number, and what to call with how it ended."""


class Place:
    """One worker after the other.

    Args:
        index: Which place.
        team: All of them.

    Attributes:
        phase: Where it is.
        words: Why the last one did not come up; empty where it did.
        closed: It accepts no connection any more.
        hangs: It gives no sign of life.
    """

    def __init__(self, index: int, team: Team) -> None:
        self.index = index
        self.phase = Phase.STARTING
        self.words = ""
        self.closed = False
        self.hangs = False
        self._team = team
        self._number = 0
        self._launched: Launched | None = None
        self._died = 0
        self._since = 0.0
        self._timer: Any = None

    @property
    def channel(self) -> Channel | None:
        """To the worker that is there."""
        return None if self._launched is None else self._launched.channel

    @property
    def absent(self) -> bool:
        """Whether nobody takes the connections that come to its queues, and somebody will again."""
        return self.hangs or self.phase in (Phase.WAITING, Phase.STARTING)

    @property
    def takes(self) -> bool:
        """Whether somebody is there who takes connections."""
        return self.phase is Phase.SERVING and not self.hangs

    def start(self) -> None:
        """Start a process."""
        team = self._team
        self.words = ""
        self.hangs = False
        self._number = team.center.number()
        try:
            launched = self._launched = team.launch(self.index, self._number, self._ended)
        except OSError as error:
            team.center.left(self._number)
            self._ended(f"it cannot be started: {error}")
            return
        channel = launched.channel
        channel.on("up", lambda _: self._up())
        channel.on("failed", self._failed)
        channel.on("closed", lambda _: self._closed())
        team.center.joined(self._number, channel)
        self._later(PATIENCE, self._kill, f"it does not serve after {PATIENCE:.0f} s")

    def anew(self) -> None:
        """Start a process now, if one is waited for: what was wrong may be right."""
        if self.phase is Phase.WAITING:
            self._died = 0
            self._later(0.0, self._again)

    def leave(self, handed_over: bool) -> None:
        """Let the worker drain; nobody comes after it."""
        before = self.phase
        self.phase = after(before, Event.LEAVE)
        if before is Phase.WAITING:
            self._cancel()
            self._team.changed()
        elif self.phase is Phase.LEAVING and before is not Phase.LEAVING:
            if before is Phase.STARTING:
                self._cancel()
                self._beat()
            self._team.center.drains(self._number)
            assert self.channel is not None  # it is there
            self.channel.tell("drain", {"handed_over": handed_over})

    def kill(self) -> None:
        """End the worker at once."""
        if self._launched is not None:
            self._launched.kill()

    def _up(self) -> None:
        if self.phase is Phase.STARTING:
            self.phase = after(self.phase, Event.UP)
            self._cancel()
            self._since = self._team.clock.seconds()
            self._beat()
            self._team.changed()

    def _failed(self, words: str) -> None:
        self.words = words

    def _closed(self) -> None:
        self.closed = True
        self._team.changed()

    def _ended(self, how: str) -> None:
        """The process is gone."""
        team = self._team
        launched, self._launched = self._launched, None
        self._cancel()
        if launched is not None:
            launched.channel.close()
            team.center.left(self._number)
        before, self.phase = self.phase, after(self.phase, Event.ENDED)
        if self.phase is Phase.WAITING:
            lived = before is Phase.SERVING and team.clock.seconds() - self._since >= PROVED
            self._died = 0 if lived else self._died + 1
            wait = pause(self._died, team.random())
            words = self.words = self.words or how
            if team.formed:
                _log.error(
                    "Worker {index} has ended ({cause}); another is started in {wait:.1f} s",
                    index=self.index + 1,
                    cause=words,
                    wait=wait,
                    event="worker.ended",
                )
            self._later(wait, self._again)
        team.changed()

    def _again(self) -> None:
        team = self._team
        if team.held:
            self._later(FIRST, self._again)
            return
        self.phase = after(self.phase, Event.AGAIN)
        team.center.restarts += 1
        self.start()
        team.changed()

    def _kill(self, words: str) -> None:
        self.words = words
        _log.error("Worker {index} is killed: {cause}", index=self.index + 1, cause=words, event="worker.killed")
        self.kill()

    def _beat(self) -> None:
        """Ask for a sign of life, again and again."""
        if self.channel is not None:
            asked = self.channel.ask("alive", patience=LATE)
            asked.addCallbacks(lambda _: self._later(BEAT, self._beat), self._late)

    def _late(self, failure: Failure) -> None:
        if failure.check(ChannelLost) or self.channel is None:
            return  # its end is noticed
        self.hangs = True
        self._team.center.drains(self._number)
        self._team.changed()
        asked = self.channel.ask("alive", patience=SILENT - LATE)
        asked.addCallbacks(self._woken, self._silent)

    def _silent(self, failure: Failure) -> None:
        if failure.check(ChannelLost) or self.channel is None:
            return  # its end is noticed
        _log.warn(
            "Worker {index} has given no sign of life for {seconds:.0f} s",
            index=self.index + 1,
            seconds=SILENT,
            event="worker.silent",
        )
        asked = self.channel.ask("alive", patience=HUNG)
        asked.addCallbacks(self._woken, self._hung)

    def _woken(self, _: object) -> None:
        self.hangs = False
        self._team.changed()
        self._later(BEAT, self._beat)

    def _hung(self, failure: Failure) -> None:
        if not failure.check(ChannelLost):
            self._kill(f"no sign of life for {SILENT + HUNG:.0f} s")

    def _later(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        self._cancel()
        self._timer = self._team.clock.callLater(seconds, call, *arguments)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


class Team:
    """All workers.

    Args:
        clock: Keeps time.
        random: From 0 to 1: workers that die together do not start together.
        center: What they have in common.
        launch: Starts one.
        stand_in: Called with the places of those that are not there, and the channels of those that are.

    Attributes:
        places: One for each worker.
        formed: All have come up once: from now on one that dies is replaced.
        held: No process is started just now: the configuration is about to be another.
        still: Nobody stands in for another just now: what they listen at is about to be another.
    """

    def __init__(
        self,
        clock: Any,
        random: Callable[[], float],
        center: Center,
        launch: Launch,
        stand_in: StandIn = lambda absent, there: None,
    ) -> None:
        self.clock = clock
        self.random = random
        self.center = center
        self.launch = launch
        self.places: list[Place] = []
        self.formed = False
        self.held = False
        self.still = False
        self._stand_in = stand_in
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def start(self, count: int) -> None:
        """Start so many."""
        self.places = [Place(index, self) for index in range(count)]
        for place in self.places:
            place.start()

    @property
    def failed(self) -> str:
        """Why one has not come up in the beginning; empty while none has failed."""
        return next((place.words for place in self.places if place.phase is Phase.WAITING), "")

    def serving(self) -> list[tuple[int, Channel]]:
        """Return the place and the channel of each worker that serves."""
        return [
            (place.index, place.channel)
            for place in self.places
            if place.phase is Phase.SERVING and place.channel is not None
        ]

    def when(self, so: Callable[[], bool]) -> Deferred[None]:
        """Fire when something about the places is so."""
        waits: Deferred[None] = Deferred()
        self._waiting.append((so, waits))
        self.changed()
        return waits

    def all_up(self) -> bool:
        """Whether all serve."""
        return all(place.phase is Phase.SERVING for place in self.places)

    def steady(self) -> bool:
        """Whether none is just starting."""
        return all(place.phase is not Phase.STARTING for place in self.places)

    def accepts_nothing(self) -> bool:
        """Whether no worker accepts connections any more."""
        return all(place.closed or place.phase is Phase.GONE for place in self.places)

    def gone(self) -> bool:
        """Whether nobody is there any more."""
        return all(place.phase is Phase.GONE for place in self.places)

    def leave(self, handed_over: bool = False) -> None:
        """Let all drain."""
        for place in self.places:
            place.leave(handed_over)

    def tell(self, kind: str, body: Any = None) -> None:
        """Tell all that are there."""
        for place in self.places:
            if place.channel is not None:
                place.channel.tell(kind, body)

    def rest(self, still: bool) -> None:
        """Let nobody stand in for another, or let them again."""
        self.still = still
        self.changed()

    def release(self, *, anew: bool = False) -> None:
        """Start processes again.

        Args:
            anew: The configuration is another: who could not start before may be able to.
        """
        self.held = False
        self.rest(still=False)
        for place in self.places if anew else ():
            place.anew()

    def kill(self) -> None:
        """End all at once."""
        for place in self.places:
            place.kill()

    def changed(self) -> None:
        """Somebody has come or gone: see who waits for that, and whose connections nobody takes."""
        if self.formed:
            absent = [] if self.still else [place.index for place in self.places if place.absent]
            self._stand_in(absent, [place.channel for place in self.places if place.takes and place.channel])
        for so, waits in list(self._waiting):
            if so():
                self._waiting.remove((so, waits))
                waits.callback(None)


def pause(died: int, chance: float) -> float:
    """Return the seconds until another is started: Note [How soon there is another].

    Args:
        died: How many in succession have died young.
        chance: From 0 to 1.
    """
    if not died:
        return 0.0
    wait: float = min(LONGEST, FIRST * 2.0 ** (min(died, 10) - 1))
    return wait * (0.8 + 0.4 * chance)
