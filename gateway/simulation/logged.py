"""Traffic as an access log remembers it: its requests, at its times.

The whole of it is kept in memory, each different request and each caller once: a call is then 150 octets.

Tests: `tests/simulation/test_logged.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.config import Settings
from gateway.config.schema.cases import CLIENT, CaseRequest
from gateway.recorded.forms import of_settings
from gateway.recorded.log import NotALog, RecordedLog
from gateway.recorded.order import by_beginning
from gateway.recorded.request import Recorded
from gateway.simulation.mix import Call, Caller

__all__ = ["Logged", "NotALog", "logged"]

ANY_HOST = "any.invalid"
"""Of a request of which the log says no host."""


_OF_THE_CONNECTION: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "expect"})


class Logged(NamedTuple):
    """The traffic of a log.

    Attributes:
        requests: The different ones.
        callers: Likewise.
        calls: What was asked when, in seconds from the first, in order.
        seconds: How long requests come.
        notes: What people should know of it.
    """

    requests: Sequence[CaseRequest]
    callers: Sequence[Caller]
    calls: Sequence[tuple[float, Call]]
    seconds: float
    notes: Sequence[str]


def logged(path: str, settings: Settings, claims: Mapping[str, Any], length: float | None = None) -> Logged:
    """Read the traffic of a log.

    Who is named in it shows a credential in that name. Contents are in no log: requests are made without.

    Args:
        path: Of the file; `-` for standard input.
        settings: The configuration, whose own way of writing a log is known.
        claims: What is said of all who are named.
        length: Seconds from the first request after which the others are left out; None for all of it.

    Raises:
        NotALog: It cannot be read, or has no request that can be made.
    """
    log = RecordedLog(path, own=of_settings(settings))
    requests: dict[tuple[str, str, tuple[tuple[str, str], ...]], int] = {}
    callers: dict[tuple[str, str | None], int] = {}
    made: list[CaseRequest] = []
    calls: list[tuple[float, Call]] = []
    first, at, left_out = None, 0.0, 0
    for one in by_beginning(log):
        first = one.began if first is None else first
        # One that took very long may come late (`by_beginning`): it is made when it is read.
        at = max(at, one.began - first)
        if length is not None and at >= length:
            break
        url = f"{one.scheme or 'http'}://{one.host or ANY_HOST}{one.target}"
        key = (one.method, url, one.headers)
        place = requests.get(key)
        if place is None:
            request = _request(one, url)
            if request is None:
                left_out += 1
                continue
            place = requests[key] = len(made)
            made.append(request)
        caller = callers.setdefault((one.client or CLIENT, one.user), len(callers))
        calls.append((at, Call(place, caller)))
    if not calls:
        raise NotALog(f"{path}: no line of it is a request that can be made")
    known = [Caller(address, None if user is None else {"sub": user, **claims}) for address, user in callers]
    lost = log.skipped + left_out
    notes = [f"{lost} of the lines of {path} are no requests that can be made, and were left out"] if lost else []
    return Logged(made, known, calls, length or calls[-1][0] + 1.0, notes)


def _request(one: Recorded, url: str) -> CaseRequest | None:
    """Return a request as it was; None where it cannot be made again."""
    fields = {name: value for name, value in one.headers if name.lower() not in _OF_THE_CONNECTION}
    try:
        return CaseRequest(method=one.method, url=url, headers=fields)
    except ValueError:
        return None
