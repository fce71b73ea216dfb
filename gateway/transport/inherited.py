"""Listening sockets that a process is started with: those of the process that it takes over from, or of its parent.

Told by `gateway.processes.handover` which there are; asked by `gateway.listening.endpoints` before a socket is made.
They are found by what they were opened for (interface and port, or path): one that no listener asks for is closed when
all listeners are open.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

SYSTEMD: Final = "systemd"
"""Where the sockets are that systemd has bound; their ports are the descriptors under which it handed them over."""


class Given(NamedTuple):
    """One listening socket.

    Attributes:
        family: `AF_INET`, `AF_INET6` or `AF_UNIX`, as a number.
        where: Interface, or path.
        port: As it was asked for: 0 where any one would do; 0 for a path.
        descriptor: Its number in the process that has it.
    """

    family: int
    where: str
    port: int
    descriptor: int


class Inherited:
    """The sockets that nobody has asked for yet.

    Args:
        sockets: All of them.
    """

    def __init__(self, sockets: Iterable[Given] = ()) -> None:
        self._sockets = list(sockets)

    def take(self, where: str, port: int = 0) -> Given | None:
        """Return the socket that was opened for this place, once; its descriptor is the caller's to close."""
        for given in self._sockets:
            if (given.where, given.port) == (where, port):
                self._sockets.remove(given)
                return given
        return None

    def has(self, where: str, port: int) -> bool:
        """Whether a socket was opened for this place."""
        return any((given.where, given.port) == (where, port) for given in self._sockets)

    def close(self) -> None:
        """Close what nobody has asked for: connections would wait there for ever."""
        sockets, self._sockets = self._sockets, []
        for given in sockets:
            with suppress(OSError):
                os.close(given.descriptor)
