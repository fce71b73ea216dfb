"""A shorter way from epoll to `doRead` for the reactor that twistd runs.

Twisted wraps every event in a logging context and two try blocks, so that a
legacy log line knows which connection it belongs to: 2.4 µs an event, 5 µs a
request. An event that only says "readable", which is nearly all of them, goes
straight to the descriptor here; every other one takes Twisted's own way. Errors
are handled as there: logged, and the connection is closed.

What is to be done at the end of a turn is called here, too (`end_of_turn`, D-321).

What it uses of Twisted's private parts is in `tests/transport/test_private_parts.py`.
"""

from __future__ import annotations

import errno
import select
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.internet.epollreactor import EPollReactor
from twisted.python import log

_READABLE: Final = select.EPOLLIN

MOST: Final = 256
"""Events of one turn; the kernel tells of the others in the next one.

Python takes room for as many as are asked for, in each turn. Twisted asks for one for each connection, used or not:
with 5,000 of them pages of 60 kB came in for it, at another place each time (see `FIRST` in `line`).
"""


class Turn:
    """One turn of the reactor: waits for events, and hands them to whom they are for.

    Args:
        reactor: Twisted's epoll reactor.

    Attributes:
        poll: Waits for events.
        selectables: Who is waited for, by descriptor.
        twisted_s_way: Takes any event.
        disconnect: Ends a connection.
        calls: To be made at the end of the turn.
    """

    __slots__ = ("calls", "disconnect", "poll", "selectables", "twisted_s_way")

    def __init__(self, reactor: Any) -> None:
        self.poll = reactor._poller.poll  # noqa: SLF001 - there is no other way in
        self.selectables: dict[int, Any] = reactor._selectables  # noqa: SLF001
        self.twisted_s_way = reactor._doReadOrWrite  # noqa: SLF001
        self.disconnect = reactor._disconnectSelectable  # noqa: SLF001
        self.calls: list[Callable[[], None]] = []

    def later(self, call: Callable[[], None]) -> None:
        """Call something at the end of this turn; of the next one, which comes at once, where none is being taken.

        `callLater(0, …)` would cost 3 µs: an object, a place in a queue by time, and another turn.
        """
        self.calls.append(call)

    def iterate(self, timeout: Any) -> None:
        """Take a turn.

        Args:
            timeout: Most seconds to wait; None for as long as it takes.
        """
        selectables = self.selectables
        if self.calls:
            timeout = 0
        try:
            events = self.poll(-1 if timeout is None else timeout, min(len(selectables), MOST))
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        for descriptor, event in events:
            selectable = selectables.get(descriptor)
            if selectable is None:
                continue  # closed by an event before it
            if event != _READABLE:
                log.callWithLogger(selectable, self.twisted_s_way, selectable, descriptor, event)
                continue
            try:
                why = selectable.doRead()
            except Exception as fault:  # noqa: BLE001 - as Twisted does: logged, and the connection is closed
                log.err()
                why = fault
            if why:
                self.disconnect(selectable, why, True)
        if self.calls:
            self.end()

    def end(self) -> None:
        """Call what was to be called at the end of a turn."""
        calls, self.calls = self.calls, []
        for call in calls:
            try:
                call()
            except Exception:  # noqa: BLE001 - as Twisted does for what is called later
                log.err()


def dispatch_directly(reactor: Any) -> bool:
    """Shorten the way of events, where the reactor is exactly Twisted's epoll reactor; returns whether it is."""
    if type(reactor) is not EPollReactor:
        return False
    reactor.doIteration = Turn(reactor).iterate  # type: ignore[method-assign]  # what mainLoop looks up for each turn
    return True


def end_of_turn(reactor: Any) -> Callable[[Callable[[], None]], object]:
    """Return what calls something at the end of a reactor's turn: our own way where its turns are taken by a `Turn`."""
    turn = getattr(getattr(reactor, "doIteration", None), "__self__", None)
    return turn.later if isinstance(turn, Turn) else partial(reactor.callLater, 0)
