"""A thread tells who holds the reactor, while it is held."""

from __future__ import annotations

import threading
import time

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import provider

from gateway.middleware.plugin_running import Running
from gateway.telemetry.stalls import StallWatch


def test_it_says_who_and_where() -> None:
    """Not once a look: the longer it takes, the less often; and nothing where nobody holds it."""
    events: list[LogEvent] = []
    seen = threading.Event()

    @provider(ILogObserver)
    def hear(event: LogEvent) -> None:
        if event.get("log_namespace") == "gateway.telemetry.stalls":
            events.append(event)
            if len(events) == 2:
                seen.set()

    def spin_in_vain() -> None:
        deadline = time.monotonic() + 10
        while not seen.is_set() and time.monotonic() < deadline:
            time.sleep(0.001)

    running = Running()
    watch = StallWatch(running, time.monotonic, 0.02)
    globalLogPublisher.addObserver(hear)
    watch.startService()
    try:
        time.sleep(0.06)
        assert events == []
        running.plugin, running.hook, running.since = "spinner", "on_request", time.monotonic()
        spin_in_vain()
    finally:
        watch.stopService()
        globalLogPublisher.removeObserver(hear)

    assert {(event["plugin"], event["hook"]) for event in events} == {("spinner", "on_request")}
    assert "spin_in_vain" in events[0]["stands"]
    assert events[1]["seconds"] > events[0]["seconds"] > 0.02
