"""What a configuration would have answered otherwise: the requests of a log, through it and through the one before.

Where there is none before, the log itself says what was answered. The two gateways run in two processes, each through
the whole log, in step: so each sees all that its limits, breakers and caches count by, and nothing has to be known
about which requests may be taken apart (D-570).

Tests: `tests/rehearsal/replaying/test_replay.py`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.config import Settings
from gateway.config.schema.auth import RouteAuth
from gateway.recorded.log import RecordedLog
from gateway.recorded.order import by_beginning
from gateway.recorded.request import Recorded
from gateway.rehearsal.callers.recorded import Callers
from gateway.rehearsal.replaying.answered import KINDS, Answered, Kind, Otherwise, compare, compare_with_log
from gateway.rehearsal.replaying.destinations import ANY_HOST
from gateway.rehearsal.replaying.forked_stream import forked_stream
from gateway.rehearsal.replaying.rerun import Rerun

EXAMPLES: Final = 3
"""Requests that are shown for each way of being otherwise."""

MOST: Final = 1_000
"""Ways that are told apart; and clients, callers and hosts. What is beyond is counted together."""


@dataclass
class Group:
    """Requests that are answered otherwise in one way.

    Attributes:
        way: Which.
        count: How many.
        examples: The first of them.
    """

    way: Otherwise
    count: int = 0
    examples: list[Recorded] = field(default_factory=list)


@dataclass
class Hit:
    """Who made the requests that are answered otherwise: how many of each.

    Attributes:
        clients: By address.
        callers: By name.
        hosts: By host.
        more: Whether there were others, for whom there was no place.
        most: Places for each.
    """

    clients: Counter[str] = field(default_factory=Counter)
    callers: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    more: bool = False
    most: int = MOST

    def add(self, request: Recorded) -> None:
        """Count who made one."""
        for counter, name in ((self.clients, request.client), (self.callers, request.user), (self.hosts, request.host)):
            if name and (name in counter or len(counter) < self.most):
                counter[name] += 1
            elif name:
                self.more = True


@dataclass
class Replayed:
    """What became of the requests of a log.

    Attributes:
        requests: How many were made.
        otherwise: How many are answered otherwise.
        groups: In which ways; a request may be in several.
        beyond: Requests in ways for which there was no place.
        hit: Who made them.
        left_out: Requests that could not be made, by the reason.
        statuses: What the clients get now, by status.
        most: Ways for which there is a place.
    """

    requests: int = 0
    otherwise: int = 0
    groups: dict[Otherwise, Group] = field(default_factory=dict)
    beyond: int = 0
    hit: Hit = field(default_factory=Hit)
    left_out: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    most: int = MOST

    @property
    def kinds(self) -> dict[Kind, list[Group]]:
        """The ways by kind, in the order of `KINDS`, the most frequent first."""
        found: dict[Kind, list[Group]] = {kind: [] for kind in KINDS}
        for group in sorted(self.groups.values(), key=lambda group: -group.count):
            found[group.way.kind].append(group)
        return {kind: groups for kind, groups in found.items() if groups}

    def add(self, request: Recorded, taken: Answered, ways: list[Otherwise]) -> None:
        """Count what became of one."""
        if taken.left_out:
            self.left_out[taken.left_out] += 1
            return
        self.requests += 1
        self.statuses[taken.status] += 1
        if not ways:
            return
        self.otherwise += 1
        self.hit.add(request)
        for way in ways:
            if way.kind == "path":
                # Each request has its own: they are one way where the route is one.
                way = Otherwise("path", f"by {taken.route or 'no route'}", "")
            group = self.groups.get(way)
            if group is None:
                if len(self.groups) >= self.most:
                    self.beyond += 1
                    continue
                group = self.groups[way] = Group(way)
            group.count += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(request)


def replay(
    open_log: Callable[[], RecordedLog],
    new: Settings,
    old: Settings | None = None,
    callers: Callers | None = None,
    host: str = ANY_HOST,
    ignored: Collection[Kind] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Replayed:
    """Take the requests of a log through a configuration, and say which are answered otherwise.

    Args:
        open_log: Opens the log; called twice where there are two configurations.
        new: The configuration.
        old: What the answers are compared with; None for what the log says.
        callers: Who made the requests.
        host: Of requests whose log has none.
        ignored: Ways of these kinds are none.
        progress: Told now and then how many requests are done.

    Raises:
        gateway.config.ConfigError: Something that a configuration names cannot be used.
        gateway.recorded.log.NotALog: The log cannot be read.
        gateway.rehearsal.replaying.forked_stream.CopyFailed: The process of the old configuration came to nothing.
    """
    callers = callers or Callers()
    found = Replayed()
    after = Rerun(new, callers, () if old is None else (old,), host)
    if old is None:
        pairs = _against_log(after, open_log())
    else:
        pairs = _against(after, Rerun(old, callers, host=host), old, open_log)
    done = 0
    with closing(pairs):
        for request, taken, ways in pairs:
            found.add(request, taken, [way for way in ways if way.kind not in ignored])
            done += 1
            if done % 100 == 0:
                progress(done)
    progress(done)
    return found


_Pairs = Generator[tuple[Recorded, Answered, list[Otherwise]], None, None]


def _against_log(after: Rerun, log: RecordedLog) -> _Pairs:
    asked: deque[Recorded] = deque()

    def requests() -> Iterator[Recorded]:
        for request in by_beginning(log):
            asked.append(request)
            yield request

    for taken in after.take(requests()):
        request = asked.popleft()
        # What others call their routes and clusters says nothing about ours.
        said = taken if log.ours else replace(taken, route=request.route, upstream=request.upstream)
        yield request, taken, compare_with_log(request, said)


def _against(after: Rerun, before: Rerun, old: Settings, open_log: Callable[[], RecordedLog]) -> _Pairs:
    routes = {route.name: route for route in old.routes}
    asked: deque[tuple[Recorded, Answered]] = deque()

    def requests(was: Iterator[Answered]) -> Iterator[Recorded]:
        for request in by_beginning(open_log()):
            asked.append((request, next(was)))
            yield request

    def let_in_by(request: Recorded) -> RouteAuth | None:
        """Return what the old configuration asked of who made the request that is about to be made."""
        route = routes.get(asked[-1][1].route or "")
        return None if route is None else route.auth

    with closing(forked_stream(lambda: before.take(by_beginning(open_log())))) as was:
        for taken in after.take(requests(was), let_in_by):
            request, earlier = asked.popleft()
            taken.left_out = taken.left_out or earlier.left_out
            yield request, taken, compare(earlier, taken)
