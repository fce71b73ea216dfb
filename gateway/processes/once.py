"""What one worker does for all: it checks backends and asks registries, and tells the others.

The parent elects the worker (`gateway.processes.center`), and another one when that is gone.

# Note [The same in all]
A check, or a question, has a name that says all that it is made from, so that workers which are between two
configurations for a moment do not take one for the other. What was told stands: a worker that comes later, or begins to
ask since the one that did is gone, knows it at once.

# Note [Many answers at once]
A thousand instances that register one after the other are a thousand answers of a source, with up to a thousand members
each. The first is told at once, those that follow within `SPACING` are told together: hearers put no more changes than
that into force anyway, and were so busy with the rest that they gave no sign of life, and were killed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.application.service import IService, MultiService
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred

from gateway.composition.whole import Took
from gateway.discovery.contract import Answer, Source, SourceFault, Tell
from gateway.discovery.finder import SPACING
from gateway.discovery.members import Member

MOST_IN_A_ROW: Final = 1_000
"""Failures in a row that a worker which comes later takes: as many as a threshold may sensibly ask for."""

Publish = Callable[[list[Any], bool], None]
"""Tells all other workers a body that begins with the name, and whether it stands."""


class Election:
    """Whether this worker is the one.

    Attributes:
        elected: It is.
    """

    def __init__(self) -> None:
        self.elected = False
        self._hearers: dict[Callable[[], object], None] = {}

    def set(self, elected: bool) -> None:
        """The parent has said so."""
        if elected is not self.elected:
            self.elected = elected
            for call in list(self._hearers):
                call()

    def on_change(self, call: Callable[[], object]) -> None:
        """Call whenever it changes."""
        self._hearers[call] = None

    def forget(self, call: Callable[[], object]) -> None:
        """Call no more."""
        self._hearers.pop(call, None)


class Named:
    """Hands what was told to who goes by that name, and keeps the last of each name that stands.

    Args:
        stands: Whether what was told does.
    """

    def __init__(self, stands: Callable[[list[Any]], bool] = lambda said: True) -> None:
        self._stands = stands
        self.last: dict[str, Any] = {}
        self._takers: dict[str, Callable[[Any], object]] = {}

    def heard(self, body: Any) -> None:
        """Take `[name, …]`."""
        name, *said = body
        if self._stands(said):
            self.last[name] = said
        if name in self._takers:
            self._takers[name](said)

    def take(self, name: str, call: Callable[[Any], object]) -> None:
        """Call with what is told by a name."""
        self._takers[name] = call

    def leave(self, name: str) -> None:
        """Call no more, and keep nothing."""
        self._takers.pop(name, None)
        self.last.pop(name, None)


def no_fault(said: list[Any]) -> bool:
    """Whether what was told of a source is an answer: it stands until the next one, whatever fails meanwhile."""
    return not said[0]


class Probed(MultiService):
    """The check of a backend: made here where this worker is elected, heard of otherwise.

    Args:
        name: Note [The same in all].
        take: Takes a result here.
        make: Makes what checks, given what takes a result in all workers.
        election: Whether it is made here.
        named: Hands over what is told.
        publish: Tells the others.
    """

    def __init__(
        self,
        name: str,
        take: Took,
        make: Callable[[Took], IService],
        election: Election,
        named: Named,
        publish: Publish,
    ) -> None:
        super().__init__()
        self._name = name
        self._take = take
        self._election = election
        self._named = named
        self._publish = publish
        self._checking = make(self._result)
        self._last = True
        self._in_a_row = 0

    def startService(self) -> None:
        """Begin."""
        super().startService()
        known = self._named.last.get(self._name)
        self._named.take(self._name, self._heard)
        self._election.on_change(self._turn)
        if known is not None:
            ok, why, in_a_row = known
            for _ in range(1 if ok else in_a_row):  # a backend that nothing is known of counts as healthy
                self._count(ok)
                self._take(ok, why)
        self._turn()

    def stopService(self) -> Any:
        """End."""
        self._election.forget(self._turn)
        self._named.leave(self._name)
        stopping = self._checking.stopService() if self._checking.running else None
        super().stopService()
        return stopping

    def _turn(self) -> None:
        if self._election.elected and not self._checking.running:
            self._checking.startService()
        elif not self._election.elected and self._checking.running:
            self._checking.stopService()

    def _result(self, ok: bool, why: str) -> bool:
        self._count(ok)
        self._publish([self._name, ok, why, self._in_a_row], True)
        return self._take(ok, why)

    def _heard(self, said: list[Any]) -> None:
        ok, why, _ = said
        self._count(ok)
        self._take(ok, why)

    def _count(self, ok: bool) -> None:
        self._in_a_row = min(MOST_IN_A_ROW, self._in_a_row + 1) if ok is self._last else 1
        self._last = ok


class Spaced:
    """Tells the first at once, and of those that follow the last: Note [Many answers at once].

    Args:
        tell: Tells one.
        clock: Keeps time.
    """

    def __init__(self, tell: Callable[[Answer], None], clock: Any) -> None:
        self._tell = tell
        self._clock = clock
        self._told = -SPACING
        self._last: Answer | None = None
        self._later: Any = None

    def __call__(self, answer: Answer) -> None:
        """Tell it, or put it off."""
        self._last = answer
        if self._later is None:
            wait = self._told + SPACING - self._clock.seconds()
            if wait <= 0:
                self.now()
            else:
                self._later = self._clock.callLater(wait, self.now)

    def now(self) -> None:
        """Tell what was put off."""
        later, self._later = self._later, None
        if later is not None and later.active():
            later.cancel()
        last, self._last = self._last, None
        if last is not None:
            self._told = self._clock.seconds()
            self._tell(last)


class SharedSource:
    """A source of members that one worker asks (a `gateway.discovery.contract.Source`).

    Args:
        name: Note [The same in all].
        source: Is asked where this worker is elected.
        election: Whether it is.
        named: Hands over what is told.
        publish: Tells the others.
        clock: Keeps time.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        election: Election,
        named: Named,
        publish: Publish,
        clock: Any,
    ) -> None:
        self._clock = clock
        self.longest_pause = source.longest_pause
        self._name = name
        self._source = source
        self._election = election
        self._named = named
        self._publish = publish
        self._knows = False

    async def follow(self, tell: Tell) -> None:
        """Ask, or hear; ends when it is another worker's turn."""
        known = self._named.last.get(self._name)
        # Also where it is this worker's turn at once: those that knew may be gone, and the source may be away. But once
        # only: after a fault it would be news of a source that is away.
        if known is not None and not self._knows:
            self._knows = True
            tell(_answer(known))
        asking = self._election.elected
        following = ensureDeferred(self._ask(tell)) if asking else self._hear(tell)
        turned = False

        def turn() -> None:
            nonlocal turned
            turned = True
            following.cancel()

        self._election.on_change(turn)
        try:
            await following
        except CancelledError:
            if not turned:
                raise
        finally:
            self._election.forget(turn)

    def close(self) -> None:
        """Let go of what is kept for the next question."""
        self._named.leave(self._name)
        self._source.close()

    async def _ask(self, tell: Tell) -> None:
        def publish(answer: Answer) -> None:
            self._publish([self._name, "", [list(member) for member in answer.members], answer.refused], True)

        spaced = Spaced(publish, self._clock)

        def told(answer: Answer) -> None:
            answer = answer._replace(members=list(answer.members))
            spaced(answer)
            self._knows = True
            tell(answer)

        try:
            await self._source.follow(told)
        except SourceFault as fault:
            spaced.now()
            self._publish([self._name, str(fault), [], []], False)
            raise
        finally:
            spaced.now()

    def _hear(self, tell: Tell) -> Deferred[None]:
        over: Deferred[None] = Deferred(lambda _: self._named.take(self._name, lambda said: None))

        def heard(said: list[Any]) -> None:
            fault = said[0]
            if not fault:
                self._knows = True
                tell(_answer(said))
            elif not over.called:
                over.errback(SourceFault(fault))

        self._named.take(self._name, heard)
        return over


def _answer(said: list[Any]) -> Answer:
    _, members, refused = said
    return Answer([Member(*member) for member in members], refused)
