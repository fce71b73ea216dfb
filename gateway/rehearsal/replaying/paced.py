"""Requests of a log are sent to a server, at a rate, and its answers compared: with the log, or with another server's.

Tests: `tests/rehearsal/replaying/test_paced.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from twisted.internet.defer import DeferredSemaphore, ensureDeferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from gateway.recorded.request import Recorded
from gateway.rehearsal.replaying.answered import Answered, Kind, compare, compare_with_log
from gateway.rehearsal.replaying.replay import Replayed

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110 section 9.2.1)."""

Ask = Callable[[Recorded], Coroutine[Any, Any, Answered]]


class Pace(NamedTuple):
    """How requests are sent.

    Attributes:
        rate: Requests a second; None for the moments of the log.
        at_once: How many may wait for their answers; while so many do, none is sent.
        unsafe: Whether those are sent that may change something.
    """

    rate: float | None = None
    at_once: int = 64
    unsafe: bool = False


async def send(
    requests: Iterable[Recorded],
    ask: Ask,
    expected: Ask | None,
    clock: IReactorTime,
    pace: Pace,
    ignored: Collection[Kind] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Replayed:
    """Send requests, and say which are answered otherwise than expected.

    Args:
        requests: In the order in which they began.
        ask: Sends one, and returns what became of it.
        expected: The same for the server whose answers are right; None for what the log says.
        clock: Tells when each is due.
        pace: How they are sent.
        ignored: Ways of these kinds are none.
        progress: Told how many are answered.
    """
    found = Replayed()
    places = DeferredSemaphore(pace.at_once)
    failed: list[Failure] = []
    zero, first, sent = clock.seconds(), 0.0, 0

    async def one(request: Recorded) -> None:
        if expected is None:
            taken = await ask(request)
            # A server tells nothing of its routes.
            ways = compare_with_log(request, replace(taken, route=request.route, upstream=request.upstream))
        else:
            was, taken = await gatherResults([ensureDeferred(each(request)) for each in (expected, ask)])
            ways = compare(was, taken)
        found.add(request, taken, [way for way in ways if way.kind not in ignored])
        progress(found.requests)

    def done(result: Any) -> None:
        if isinstance(result, Failure):
            failed.append(result)
        places.release()

    for request in requests:
        first = first or request.began
        if why := _unsent(request, pace.unsafe):
            found.left_out[why] += 1
            continue
        due = zero + (request.began - first if pace.rate is None else sent / pace.rate)
        sent += 1
        if due > clock.seconds():
            await deferLater(clock, due - clock.seconds())
        await places.acquire()
        if failed:
            break
        ensureDeferred(one(request)).addBoth(done)
    else:
        for _ in range(pace.at_once):
            await places.acquire()
    if failed:
        failed[0].raiseException()
    return found


def _unsent(request: Recorded, unsafe: bool) -> str:
    """Return why a request is not sent; nothing where it is."""
    if request.status == 101 or request.method == "CONNECT":
        return "a tunnel: what goes through it is in no log"
    return "" if unsafe or request.method in SAFE else "its method may change something (--unsafe sends it)"
