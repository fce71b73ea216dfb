"""Tell systemd where the gateway is in its life: units of `Type=notify` and `Type=notify-reload`.

A datagram to the socket that `NOTIFY_SOCKET` names (sd_notify(3)); without it nobody is told anything.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"


class Notify:
    """Where to send it.

    Args:
        environ: Has `NOTIFY_SOCKET` under systemd.
        monotonic: Nanoseconds of the kernel's own clock, which systemd compares with its own.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        monotonic: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC),
    ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is in the kernel's own namespace.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._monotonic = monotonic

    def ready(self) -> None:
        """It serves."""
        self._send(READY)

    def reloading(self) -> None:
        """It reads its configuration again; `ready` follows, whatever became of it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic() // 1000}")

    def stopping(self) -> None:
        """It drains."""
        self._send(STOPPING)

    def succeeded(self, pid: int) -> None:
        """Another process serves from now on, and is the unit's main process."""
        self._send(f"MAINPID={pid}", READY)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # A service manager that does not listen must not keep a gateway from serving.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(lines).encode(), self._address)
