"""Spans over sockets: what is queued at SIGTERM is delivered, and a collector that is down holds nobody up."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.collector import CLIENT, SERVER, Collector
from tests.system.backends import backend
from tests.system.gateway_process import GatewayProcess, one_upstream, running, until
from tests.system.log_server import served
from tests.system.ports import free_port


class Answering:
    """A collector behind a socket."""

    def __init__(self) -> None:
        self.collector = Collector()
        self.delay = 0.0

    def __call__(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Take spans."""
        time.sleep(self.delay)
        known = {name.encode(): value.encode() for name, value in fields.items()}
        return 200, self.collector.take(method.encode(), path.encode(), known, body)


def configuration(port: int, origin: int, **tracing: Any) -> dict[str, Any]:
    """A gateway that would send its spans in a minute."""
    said = {"exporter": "otlp", "endpoint": f"http://localhost:{port}", "interval": "60s"}
    return {"tracing": said | tracing, **one_upstream(f"http://127.0.0.1:{origin}")}


@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_what_is_queued_at_the_end_is_delivered(tmp_path: Path, delay: float) -> None:
    """By name, over a connection that is opened during the drain; a slow collector is waited for."""
    collector = Answering()
    collector.delay = delay
    with backend() as origin, served(collector) as port:
        gateway = GatewayProcess(tmp_path, **configuration(port, origin.server_address[1]))
        gateway.start()
        for number in range(20):
            assert requests.get(f"{gateway.url}/{number}", timeout=5).status_code == 200
        assert collector.collector.spans == []
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() in (0, -signal.SIGTERM)

    assert len(collector.collector.of(SERVER)) == len(collector.collector.of(CLIENT)) == 20
    assert "Traceback" not in gateway.errors


def test_a_collector_that_is_down_keeps_no_gateway_from_ending(tmp_path: Path) -> None:
    """It is said how many spans were lost."""
    with backend() as origin:
        gateway = GatewayProcess(tmp_path, **configuration(free_port(), origin.server_address[1], interval="100ms"))
        gateway.start()
        assert requests.get(gateway.url, timeout=5).status_code == 200
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() in (0, -signal.SIGTERM)

    assert time.monotonic() - began < 9
    assert "Lost 3 spans" in gateway.errors or "Lost 2 spans" in gateway.errors
    assert "Traceback" not in gateway.errors


def test_lines_on_the_console(tmp_path: Path) -> None:
    """One for each span."""
    with (
        backend() as origin,
        running(
            tmp_path, tracing={"exporter": "console"}, **one_upstream(f"http://127.0.0.1:{origin.server_address[1]}")
        ) as gateway,
    ):
        requests.get(gateway.url, timeout=5)
        until(lambda: '"span":"GET /*"' in gateway.errors, gateway.errors)
