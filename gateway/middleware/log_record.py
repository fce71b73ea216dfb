"""A record of the access log in JSON: its members (`gateway.middleware.log_members`), joined.

# Note [The record of the same hit]
Of a request that comes again octet for octet and is answered by what is kept, three members in four say what they said
the last time (`gateway.http1.repeats`, Note [The same request again]). They stand in its `Repeat` as they were joined,
for as long as the answer, the route and the upstream are the same, and the others are put between them: 4,000
instructions in place of 11,000.

Tests: `tests/middleware/test_log_record.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from orjson import dumps

from gateway.exchange import Exchange, RouteLike
from gateway.message import Repeat
from gateway.middleware.log_members import REPEATED
from gateway.middleware.log_values import Member


class _Joined:
    """What the record of a hit says each time, and what that goes by.

    Attributes:
        runs: What stands before each of the members that say something else each time, and behind the last one.
    """

    __slots__ = ("record", "route", "runs", "sent", "status", "upstream")

    def __init__(
        self, record: Record, status: int, sent: int, route: RouteLike, upstream: str | None, runs: list[bytes]
    ) -> None:
        self.record = record
        self.status = status
        self.sent = sent
        self.route = route
        self.upstream = upstream
        self.runs = runs


class Record:
    """A line of the log.

    Args:
        members: By name, in their order.
    """

    __slots__ = ("_each_time", "_members")

    def __init__(self, members: Sequence[tuple[str, Member]]) -> None:
        self._members = [member for _, member in members]
        self._each_time = [member for member in self._members if not isinstance(member, REPEATED)]
        for count, (name, member) in enumerate(members):
            member.stand_behind((b"," if count else b"{") + dumps(name) + b":")

    def line(self, exchange: Exchange) -> bytes:
        """Return the line of an exchange.

        Raises:
            TypeError: As `Member.value` says.
        """
        repeat = exchange.request.repeat
        if repeat is not None and exchange.cached == "hit":
            runs = self._runs(exchange, repeat)
            if runs is not None:
                return self._between(runs, exchange)
        parts = [member.value(exchange) for member in self._members]
        parts.append(b"}\n" if parts else b"{}\n")
        return b"".join(parts)

    def _between(self, runs: list[bytes], exchange: Exchange) -> bytes:
        """Put what each record says anew between what it says each time."""
        parts: list[bytes] = []
        place = 0
        for member in self._each_time:
            run = runs[place]
            if run:
                parts.append(run)
            parts.append(member.value(exchange))
            place += 1
        parts.append(runs[place])
        return b"".join(parts)

    def _runs(self, exchange: Exchange, repeat: Repeat) -> list[bytes] | None:
        """Return what the record of a hit says each time; None where more went into it than the `Repeat` knows."""
        response, route = exchange.response, exchange.route
        if (
            exchange.error is not None
            or exchange.attempts
            or exchange.request.repeats is None
            or response is None
            or route is None
        ):
            return None
        known = cast("_Joined | None", repeat.record)
        if (
            known is not None
            and known.record is self
            and known.status == response.status
            and known.sent == exchange.bytes_sent
            and known.route is route
            and known.upstream == exchange.upstream
        ):
            return known.runs
        runs = self._joined(exchange)
        repeat.record = _Joined(self, response.status, exchange.bytes_sent, route, exchange.upstream, runs)
        return runs

    def _joined(self, exchange: Exchange) -> list[bytes]:
        runs: list[bytes] = []
        run = b"" if self._members else b"{"
        for member in self._members:
            if isinstance(member, REPEATED):
                run += member.value(exchange)
            else:
                runs.append(run)
                run = b""
        runs.append(run + b"}\n")
        return runs
