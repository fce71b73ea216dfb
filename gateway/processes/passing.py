"""Which descriptors a process that is started gets, under which numbers: for an upgrade, and for workers.

Descriptors of systemd keep their numbers, since an endpoint string names them by these; all others get the next that
is free.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from twisted.internet import endpoints

from gateway.transport.inherited import SYSTEMD, Given

_FOR_SYSTEMD: Final = (
    "import os, sys; os.environ['LISTEN_PID'] = str(os.getpid()); os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Becomes the command behind it: the sockets of systemd are for the process that `LISTEN_PID` names. A shell would do,
where there is one; but dash keeps descriptors from 10 on for itself."""


def descriptors_of_systemd() -> Sequence[int]:
    """Return the descriptors that systemd has handed to this process (sd_listen_fds(3)), as Twisted has read them."""
    found: Sequence[int] = endpoints._SystemdParser._sddaemon.inheritedDescriptors()  # noqa: SLF001  # nobody else knows
    return found


class Passing:
    """Descriptors for one process.

    Args:
        sockets: Those that listen.
        by_systemd: Descriptors that systemd has handed to this process.

    Attributes:
        descriptors: By their number there, that here; what Twisted calls `childFDs`.
        sockets: As the other process has them, without those of systemd.
    """

    def __init__(self, sockets: Sequence[Given], by_systemd: Sequence[int]) -> None:
        self.descriptors: dict[int, int | str] = {number: number for number in (0, 1, 2, *by_systemd)}
        # Those that are in use: the first descriptors were closed when their ports were made, and may be others'.
        self.descriptors |= {given.port: given.descriptor for given in sockets if given.where == SYSTEMD}
        self._by_systemd = by_systemd
        self.sockets = tuple(
            each._replace(descriptor=self.add(each.descriptor)) for each in sockets if each.where != SYSTEMD
        )

    def add(self, descriptor: int | str) -> int:
        """Pass one more; returns its number there. A text is Twisted's word for a new pipe."""
        number = max(self.descriptors) + 1
        self.descriptors[number] = descriptor
        return number

    def command(self, command: Sequence[str], environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Return a command and an environment with which sockets of systemd are found."""
        if not self._by_systemd:
            return list(command), dict(environ)
        # Twisted has taken both variables out of the environment when it read them.
        return (
            [sys.executable, "-I", "-S", "-c", _FOR_SYSTEMD, *command],
            {**environ, "LISTEN_FDS": str(len(self._by_systemd))},
        )
