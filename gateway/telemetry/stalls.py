"""Who holds the reactor while it is held: a thread that looks at it from outside.

`gateway.telemetry.loop_lag` sees how late timers were when the reactor runs again; where a plugin never comes back, it
never does. This one has a thread of its own, which says in the log which plugin it is and where it stands, once a
second at first and then less often. Started where there are plugins only (`gateway.composition.builders.plugins`).
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import Protocol

from twisted.application.service import Service
from twisted.logger import Logger

INTERVAL = 1.0
"""Seconds between two looks, and how long something must have held the reactor to be told of."""

_log = Logger()


class Running(Protocol):
    """What has the reactor now.

    Attributes:
        plugin: Its name; empty for nothing that is watched.
        hook: What of it.
        since: Monotonic seconds.
    """

    plugin: str
    hook: str
    since: float


class StallWatch(Service):
    """Watches from a thread what has the reactor.

    Args:
        running: What has it.
        now: Monotonic seconds, as `running.since` has them.
        interval: Seconds between two looks.
    """

    name = "stall-watch"

    def __init__(self, running: Running, now: Callable[[], float], interval: float = INTERVAL) -> None:
        self._running = running
        self._now = now
        self._interval = interval
        self._ended = threading.Event()
        self._reactor_thread = 0

    def startService(self) -> None:
        """Begin to look; called in the reactor's thread."""
        super().startService()
        self._reactor_thread = threading.get_ident()
        self._ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(self._ended,), name="stall-watch", daemon=True)
        watch.start()

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        self._ended.set()

    def _watch(self, ended: threading.Event) -> None:
        told, looks = 0.0, 0
        while not ended.wait(self._interval):
            running = self._running
            plugin, hook, since = running.plugin, running.hook, running.since
            held = self._now() - since
            if not plugin or held < self._interval:
                continue
            told, looks = since, looks + 1 if since == told else 1
            if looks & (looks - 1) == 0:  # the first, the second, the fourth, …
                frame = sys._current_frames().get(self._reactor_thread)  # noqa: SLF001 - documented, in spite of its name
                stands = "" if frame is None else "".join(traceback.format_stack(frame)[-8:])
                _log.error(
                    "Plugin {plugin} has held the reactor in {hook} for {seconds:.1f} s; nothing else is done:\n"
                    "{stands}",
                    plugin=plugin,
                    hook=hook,
                    seconds=held,
                    stands=stands,
                    event="plugin.stalled",
                )
