"""Ports for the servers that tests start, which nobody else takes in between.

Looked for below the range from which the kernel takes the ports of outgoing
connections, each worker of pytest-xdist in a part of its own, and none twice in
a row: a port that was free when it was looked for is so when its server starts.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from contextlib import suppress

FIRST = 10_000
WORKERS = 16
EACH = 625


def free_port() -> int:
    """Find a port of 127.0.0.1 that nobody listens on."""
    for port in itertools.islice(_ports, EACH):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def _mine() -> list[int]:
    """Return this process's ports, from another one on in each run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    begin = os.getpid() % EACH
    return [FIRST + worker * EACH + (begin + number) % EACH for number in range(EACH)]


_ports = itertools.cycle(_mine())


def low_port() -> int:
    """Find a port of 127.0.0.1 that only root may open, and that nobody listens on."""
    for port in range(700, 1023):
        with socket.socket() as trying, suppress(OSError):
            trying.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every port below 1024 is in use")
