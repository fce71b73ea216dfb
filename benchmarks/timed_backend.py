"""Backends that take their time: each answers every request after a delay of its own. A program of its own.

python -m benchmarks.timed_backend PORT:MILLISECONDS …
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet import reactor as installed_reactor
from twisted.internet.protocol import Factory, Protocol

from benchmarks.workload import ANSWER

_HEAD_ENDS = b"\r\n\r\n"
ANSWERED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)


class Timed(Protocol):
    """One connection: requests without content, one at a time.

    Args:
        seconds: How long each answer takes.
        call_later: As the reactor's.
    """

    def __init__(self, seconds: float, call_later: Callable[..., Any]) -> None:
        self._seconds = seconds
        self._call_later = call_later
        self._head = b""

    def dataReceived(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(_HEAD_ENDS):
            self._head = b""
            self._call_later(self._seconds, self._answer)

    def _answer(self) -> None:
        if self.transport is not None and self.connected:
            self.transport.write(ANSWERED)


def main(arguments: Sequence[str]) -> None:
    """Listen until the run is over."""
    reactor: Any = installed_reactor
    for argument in arguments:
        port, _, milliseconds = argument.partition(":")
        backend = Factory.forProtocol(partial(Timed, float(milliseconds) / 1000, reactor.callLater))
        reactor.listenTCP(int(port), backend, backlog=1024, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
