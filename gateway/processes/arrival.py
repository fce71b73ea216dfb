"""Take over from another process: what differs from a start where nobody served before.

`gateway.tap` asks before twistd has done anything: no process file is written nor looked at, since it names the process
before this one; the rights of the user were given up by that one, and this is its child, which is in the background
where that is.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from gateway.config.lent_files import lent
from gateway.processes.handover import Handover, received
from gateway.transport.inherited import Inherited

if TYPE_CHECKING:
    from gateway.processes.assignment import Assignment  # loaded where there are several processes

WORKER = "GATEWAY_WORKER"
"""Variable of the environment with what a parent tells its worker: `gateway.processes.assignment`."""

_log = Logger()

LOG = "twistd.log"
"""Where twistd logs in the background unless it is told otherwise."""


class Arrival:
    """How this process came to be.

    Args:
        told: What another process handed to it; None where nobody served before.
        worker: What its parent tells it, where it is one of several processes.

    Attributes:
        inherited: Sockets that it was started with.
        init: Descriptor on which the first process of a container is told who serves; None where there is none.
        worker: As given.
        background: It runs in the background: nobody reads its standard error.
    """

    def __init__(self, told: Handover | None, worker: Assignment | None = None) -> None:
        self._told = told
        self.worker = worker
        self._pidfile = ""
        self.background = False
        self.inherited = Inherited(() if told is None else told.sockets)
        self.init = None if told is None else told.init
        if told is not None:
            for given in told.sockets:
                os.set_inheritable(given.descriptor, False)

    @property
    def pidfile(self) -> str:
        """Return the absolute path of the file that is to name this process, empty for none."""
        return self._pidfile

    def adjust(self, twistd: MutableMapping[str, Any]) -> None:
        """Change the options that are twistd's own, where another process has done what they ask for."""
        self._pidfile = str(Path(twistd["pidfile"]).absolute()) if twistd.get("pidfile") else ""
        self.background = not twistd["nodaemon"]
        if self._told is None and self.worker is None:
            return
        self._pidfile = "" if self._told is None else self._told.pidfile
        if not (twistd["nodaemon"] or twistd["logfile"] or twistd["syslog"]):
            twistd["logfile"] = LOG
        twistd.update(pidfile="", nodaemon=True, uid=None, gid=None)

    def serves(self, twistd: MutableMapping[str, Any]) -> None:
        """Say that this process serves; from now on the process file is its own, to be removed at its end."""
        told, self._told = self._told, None
        if told is None:
            return
        if lent.used:
            _log.warn(
                "Files that this process may not read are as the process before it has read them: {files}",
                files=", ".join(sorted(lent.used)),
            )
        lent.end()
        twistd["pidfile"] = told.pidfile
        with suppress(OSError):  # who started it may be gone
            os.write(told.status, b"%d\n" % os.getpid())
        os.close(told.status)
        if told.heard:  # from now on nobody reads it
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)


def arrival(environ: MutableMapping[str, str]) -> Arrival:
    """Find out how this process came to be."""
    told = received(environ)
    text = environ.pop(WORKER, None)
    if text is None:
        _borrow(None if told is None else told.files)
        return Arrival(told)
    from gateway.processes.assignment import Assignment

    assignment = Assignment.of(text)
    for descriptor in (assignment.channel, *(given.descriptor for given in assignment.sockets)):
        os.set_inheritable(descriptor, False)
    _borrow(assignment.files)
    return Arrival(told, assignment)


def _borrow(files: int | None) -> None:
    if files is not None:
        from gateway.processes.held_files import borrow  # only where root has read what another user may not

        borrow(files)
