"""The last exchanges that failed: a hundred of them, of as many kinds as there are.

Loaded with the first that fails (`gateway.composition.failures`).

# Note [Who makes room]
Exchanges of one kind have the same reason (or status) on the same route. Where there is no room, the oldest one goes of
the kind that there is most of. So a flood of one kind pushes out its own, and the few that failed otherwise stay.

# Note [Who is not kept]
Of one kind `A_SECOND` are kept in each second: all that is known of one takes a quarter of what a refusal takes in all,
and whoever floods us with requests for nothing would have us pay that each time (D-499).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from gateway.exchange import Exchange
from gateway.telemetry.failed_exchange import FailedExchange, group_of

MOST: Final = 100
"""Exchanges that are remembered."""

OCTETS: Final = 512 * 1024
"""That they take at most, about."""

A_SECOND: Final = 20
"""Exchanges of one kind that are kept in a second."""

Group = tuple[str, str]


class Failures:
    """Remembers them.

    Args:
        now: Monotonic seconds.
        wall_clock: Unix seconds.
        most: How many there are at most.
        octets: How much they take at most.

    Attributes:
        count: How many were kept so far.
    """

    def __init__(
        self,
        now: Callable[[], float],
        wall_clock: Callable[[], float],
        most: int = MOST,
        octets: int = OCTETS,
    ) -> None:
        self._now = now
        self._wall_clock = wall_clock
        self._limit = most
        self._room = octets
        self._groups: dict[Group, deque[tuple[int, FailedExchange]]] = {}
        self._size = 0
        self._most = 0  # no group has more
        self._second = 0
        self._taken: dict[Group, int] = {}  # in this second
        self.count = 0

    def keep(self, exchange: Exchange, status: int, call: int | None, redacted: Callable[[bytes], str]) -> None:
        """Remember an exchange that is over.

        Args:
            exchange: It failed.
            status: That its client got, or would have got.
            call: The outcome of a call of gRPC; None for what is none.
            redacted: Makes text of a query, without what nobody is to read.
        """
        now = self._now()
        if not self._has_place(exchange, status, int(now)):
            return
        kept = FailedExchange(exchange, status, call, self._wall_clock() - now, redacted)
        self.count += 1
        group = self._groups.setdefault(kept.group, deque())
        group.append((self.count, kept))
        self._size += 1
        self._room -= kept.octets
        if len(group) > self._most:
            self._most = len(group)
        while self._size > self._limit or (self._room < 0 and self._size):
            self._make_room(kept.group)

    def _has_place(self, exchange: Exchange, status: int, second: int) -> bool:
        """Note [Who is not kept]."""
        if second != self._second:
            self._second = second
            self._taken.clear()
        group = group_of(exchange, status)
        taken = self._taken[group] = self._taken.get(group, 0) + 1
        return taken <= A_SECOND

    def summaries(self) -> list[dict[str, Any]]:
        """Return what a list of them shows, the newest first."""
        return [kept.summary() for kept in self._newest_first()]

    def find(self, name: str) -> dict[str, Any] | None:
        """Return all that is known of the newest of a request id, or of a trace id; None where it is not kept."""
        found = next((kept for kept in self._newest_first() if name in (kept.name, kept.trace)), None)
        return None if found is None else found.whole()

    def _newest_first(self) -> Iterable[FailedExchange]:
        every = [one for group in self._groups.values() for one in group]
        every.sort(key=lambda one: one[0], reverse=True)
        return (kept for _, kept in every)

    def _make_room(self, last: Group) -> None:
        """Note [Who makes room]; in a flood that is the group that grew last, and no other is looked at."""
        group, groups = last, self._groups
        if len(groups.get(last, ())) < self._most:
            group = max(groups, key=lambda one: (len(groups[one]), one == last, -groups[one][0][0]))
            self._most = len(groups[group])
        _, gone = groups[group].popleft()
        if not groups[group]:
            del groups[group]
        self._size -= 1
        self._room += gone.octets


def merged(views: Iterable[list[dict[str, Any]]], most: int = MOST) -> list[dict[str, Any]]:
    """Make one list of those of several workers: the newest first, as many as one process remembers."""
    every = sorted((one for view in views for one in view), key=lambda one: str(one["time"]), reverse=True)
    before: dict[Group, int] = {}
    ranks = []
    for place, one in enumerate(every):
        group = _group(one)
        ranks.append((before.get(group, 0), place))
        before[group] = before.get(group, 0) + 1
    # The newest of each kind, then the second ones, as far as there is room: Note [Who makes room].
    return [every[place] for place in sorted(place for _, place in sorted(ranks)[:most])]


def _group(shown: dict[str, Any]) -> Group:
    return shown["reason"] or str(shown["status"]), shown["route"] or ""
