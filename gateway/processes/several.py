"""What twistd runs as one of several processes: made late, so that one process loads nothing of it.

Asked by `gateway.tap` in a worker. Its part in what all workers have in common is made here.
"""

from __future__ import annotations

import os
import time
from typing import Any

from gateway.composition.lifecycle import GatewayService
from gateway.composition.origin import Origin
from gateway.config import ConfigError
from gateway.processes.assignment import Assignment
from gateway.processes.channel import Channel
from gateway.processes.memory import SharedMemory
from gateway.processes.share import Share
from gateway.processes.worker import Worker, say_that_it_failed
from gateway.transport.inherited import Inherited


def worker(told: Assignment, reactor: Any, terminal: bool) -> Worker:
    """Make a worker.

    Args:
        told: By its parent.
        reactor: The running one.
        terminal: Whether somebody sits at a terminal and reads the log.

    Raises:
        SystemExit: The configuration cannot be used; the parent has been told why.
    """
    channel = Channel(reactor, "the parent")
    share = Share(channel, SharedMemory(told.memory), told.number, reactor, time.time)

    def make(origin: Origin, inherited: Inherited) -> GatewayService:
        return GatewayService(origin, reactor, inherited=inherited, says=False, terminal=terminal, whole=share)

    try:
        return Worker(told, channel, reactor, os.environ, make, share)
    except ConfigError as error:
        say_that_it_failed(told.channel, str(error))
        raise SystemExit(1) from None
