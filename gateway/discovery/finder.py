"""`Finder`: follows a source for an upstream, through all its faults, and keeps what it knew last.

Made by `gateway.composition.builders.discovery` and carried from configuration to configuration: a reload that does not
change where members are found asks nobody again.

# Note [What is in force]
Members come into force with the first answer that has some, and each later answer replaces them. A source that fails,
is slow, or says nothing that can be used changes nothing: its last answer stays in force (`stale`). So does an empty
answer under `keep_empty`, since a registry that has lost its data looks like a service without instances. Before the
first answer there is what the cache on disk had, or nothing (`waiting`).

# Note [Many changes at once]
The first change is in force at once; those that follow within `SPACING` come into force together at its end. A registry
that changes a thousand times a second costs as much as one that changes five times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.logger import Logger

from gateway.discovery.backoff import BackOff
from gateway.discovery.contract import Answer, Source, SourceFault
from gateway.discovery.following import Following
from gateway.discovery.members import MOST, Member

SPACING: Final = 0.2
"""Seconds between two changes of an upstream's members; see Note [Many changes at once]."""
BRIEF: Final = 0.05
"""Seconds before a source is asked again that has ended by itself, and was asked for longer than `LIVED`."""
LIVED: Final = 1.0
NAMED: Final = 5
"""Members, and refusals, that one line of the log names."""

_log = Logger(namespace="gateway.discovery")


class State(Enum):
    """How what is in force stands to what the source knows; see Note [What is in force]."""

    WAITING = "waiting"
    CURRENT = "current"
    STALE = "stale"


class Counts(NamedTuple):
    """What is counted, each by the upstream's name.

    Attributes:
        changed: The members have changed.
        failed: The source has failed, once for each try.
        refused: A member of an answer was not taken; once for an answer that has any.
    """

    changed: Callable[[str], None]
    failed: Callable[[str], None]
    refused: Callable[[str], None]


class Finder(Following):
    """Finds the members of one upstream.

    Args:
        upstream: Its name.
        kind: What kind of source it is: the `type` of the configuration.
        question: What it is asked, whoever is: what answers the same question may be known before.
        source: Is asked.
        keep_empty: Whether an empty answer changes nothing.
        known: What was known before: from the cache on disk, or of the same question asked elsewhere.
        reactor: Keeps time.
        chance: From 0 up to 1.
        counts: Counts.
        remember: Takes the members that an answer had, for the next start.
        says: Whether the log is told: one of several processes that know the same says it.

    Attributes:
        members: Those in force.
        state: How they stand to what the source knows.
        since: When it came into this state (the reactor's seconds).
        answered: When the last answer came; None before the first.
        why: Why it is stale or waits, in words; empty where it is current.
    """

    def __init__(
        self,
        upstream: str,
        kind: str,
        question: tuple[object, ...],
        source: Source,
        keep_empty: bool,
        known: Sequence[Member],
        reactor: Any,
        chance: Callable[[], float],
        counts: Counts,
        remember: Callable[[Sequence[Member]], None] = lambda members: None,
        says: Callable[[], bool] = lambda: True,
    ) -> None:
        self.upstream = upstream
        self.kind = kind
        self.question = question
        self.members: tuple[Member, ...] = tuple(known)
        self.state = State.WAITING
        self.since: float = reactor.seconds()
        self.answered: float | None = None
        self.why = "it has not answered yet"
        self._source = source
        self._keep_empty = keep_empty
        self._reactor = reactor
        self._backoff = BackOff(chance, source.longest_pause)
        self._counts = counts
        self._remember = remember
        self._says = says
        self._take: Callable[[Sequence[Member]], None] | None = None
        self._found: tuple[Member, ...] = self.members
        self._changed = -SPACING
        self._told_refusals = False

    def tell(self, take: Callable[[Sequence[Member]], None]) -> None:
        """Call `take` with the members in force, now and whenever they change, in place of who was told so far."""
        if self._take != take:  # a snapshot that takes its upstream over from the one before is told already
            self._take = take
            take(self.members)

    def stopService(self) -> None:
        """Ask no more; what is in force stays."""
        super().stopService()
        self._source.close()

    def view(self) -> dict[str, Any]:
        """Describe it, for who asks `GET /upstreams`."""
        now = self._reactor.seconds()
        shown: dict[str, Any] = {
            "type": self.kind,
            "state": self.state.value,
            "since_seconds": round(now - self.since, 1),
            "members": len(self.members),
            "last_answer_seconds": None if self.answered is None else round(now - self.answered, 1),
        }
        return shown | {"why": self.why} if self.why else shown

    async def _run(self) -> None:
        while True:
            began = self._reactor.seconds()
            try:
                await self._source.follow(self._heard)
            except SourceFault as fault:
                self._fault(str(fault))
                pause = self._backoff.pause()
            except CancelledError:
                raise
            except Exception:  # noqa: BLE001 - what a registry says must not end discovery
                _log.failure("{upstream}: discovery by {kind} failed", upstream=self.upstream, kind=self.kind)
                self._fault("it failed in a way that is not foreseen; the log has more")
                pause = self._backoff.pause()
            else:
                # One that ends again and again at once is asked more slowly.
                pause = BRIEF if self._reactor.seconds() - began > LIVED else self._backoff.pause()
            if not self.running:
                return
            await deferLater(self._reactor, pause)

    def _heard(self, answer: Answer) -> None:
        members = tuple(answer.members)
        if answer.refused:
            self._counts.refused(self.upstream)
        self._tell_refusals(answer.refused)
        if len(members) > MOST:
            self._fault(f"it has {len(members)} members, more than {MOST}")
            return
        self._backoff.reset()
        self.answered = self._reactor.seconds()
        if not members and answer.refused:
            self._fault(f"none of what it says can be used: {answer.refused[0]}")
            return
        if not members and self._keep_empty:
            self._be(State.STALE, "its answer is empty (`keep_empty`)")
            return
        self._be(State.CURRENT)
        if members != self._found:
            self._found = members
            self._remember(members)
            self._soon()

    def _fault(self, why: str) -> None:
        self._counts.failed(self.upstream)
        self._be(State.WAITING if self.answered is None and not self.members else State.STALE, why)

    def _be(self, state: State, why: str = "") -> None:
        told = self.state is state and bool(self.why) is bool(why) and not self._first_words(why)
        if self.state is not state:
            self.state, self.since = state, self._reactor.seconds()
        self.why = why
        if told or not self._says():
            return
        if state is State.CURRENT:
            _log.info(
                "{upstream}: discovery by {kind} is current",
                upstream=self.upstream,
                kind=self.kind,
                event="discovery.current",
            )
        else:
            _log.warn(
                "{upstream}: discovery by {kind} is {state}, {count} members stay in force: {cause}",
                upstream=self.upstream,
                kind=self.kind,
                state=state.value,
                count=len(self.members),
                cause=why,
                event="discovery.stale",
            )

    def _first_words(self, why: str) -> bool:
        """Whether `why` is the first reason given for waiting: it is logged though the state stays."""
        return self.state is State.WAITING and self.why == "it has not answered yet" and why != self.why

    def _tell_refusals(self, refused: Sequence[str]) -> None:
        """Log that members were refused, once until an answer has none of them."""
        if refused and not self._told_refusals and self._says():
            _log.warn(
                "{upstream}: discovery by {kind} has {count} members that are not taken: {cause}",
                upstream=self.upstream,
                kind=self.kind,
                count=len(refused),
                cause="; ".join(refused[:NAMED]),
                event="discovery.refused",
            )
        self._told_refusals = bool(refused)

    def _soon(self) -> None:
        if self._later is None:
            wait = self._changed + SPACING - self._reactor.seconds()
            if wait <= 0:
                self._change()
            else:
                self._later = self._reactor.callLater(wait, self._change)

    def _change(self) -> None:
        self._later = None
        self._changed = self._reactor.seconds()
        before, self.members = self.members, self._found
        if before == self.members:  # a member came and went again before it was told of
            return
        self._counts.changed(self.upstream)
        if self._says():
            _log.info(
                "{upstream}: {changes}",
                upstream=self.upstream,
                changes=_changes(before, self.members),
                event="discovery.changed",
            )
        if self._take is not None:
            self._take(self.members)


def _changes(before: Sequence[Member], after: Sequence[Member]) -> str:
    was, now = {one.url: one for one in before}, {one.url: one for one in after}
    found = [f"+{url}" for url in now if url not in was]
    found += [f"-{url}" for url in was if url not in now]
    found += [f"~{url}" for url, one in now.items() if url in was and was[url] != one]
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{len(after)} members, {', '.join(found[:NAMED])}{more}"
