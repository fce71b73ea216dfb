"""Listening sockets that a process is started with: those of the process that it takes over from, or of its parent.

Told by `gateway.processes.handover` which there are; asked by `gateway.listening.endpoints` before a socket is made.
They are found by what they were opened for (interface and port, or path): one that no listener asks for is closed when
all listeners are open. Several may have been opened for one place, where the process before this one had workers.
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
        shared: Where other processes accept at the same sockets.
    """

    def __init__(self, sockets: Iterable[Given] = (), shared: Iterable[tuple[str, int]] = ()) -> None:
        self._sockets = list(sockets)
        self._shared = set(shared)

    def add(self, sockets: Iterable[Given], shared: Iterable[tuple[str, int]]) -> None:
        """Have more of them."""
        self._sockets += sockets
        self._shared.update(shared)

    def take(self, where: str, port: int = 0) -> Given | None:
        """Return a socket that was opened for this place, once; its descriptor is the caller's to close."""
        for given in self._sockets:
            if (given.where, given.port) == (where, port):
                self._sockets.remove(given)
                return given
        return None

    def take_all(self, where: str, port: int) -> list[Given]:
        """Return all sockets that were opened for this place: each has a queue of its own."""
        found = []
        while (given := self.take(where, port)) is not None:
            found.append(given)
        return found

    def has(self, where: str, port: int) -> bool:
        """Whether a socket was opened for this place."""
        return any((given.where, given.port) == (where, port) for given in self._sockets)

    def is_shared(self, where: str, port: int = 0) -> bool:
        """Whether other processes accept at the same socket."""
        return (where, port) in self._shared

    def close(self) -> None:
        """Close what nobody has asked for: connections would wait there for ever."""
        sockets, self._sockets = self._sockets, []
        for given in sockets:
            with suppress(OSError):
                os.close(given.descriptor)
