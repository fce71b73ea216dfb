"""The scenario of a change, and the process that asks meanwhile."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from benchmarks.processes import Process
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.proxies.nginx import Nginx
from benchmarks.scenarios.change import Changed, changes, changing, figures_of
from benchmarks.stand import Running
from benchmarks.targets import judge
from benchmarks.waits import Waits
from benchmarks.workload import Task


class Server(http.server.ThreadingHTTPServer):
    """Answers, and tells when it has been asked five times."""

    status = 200
    asked = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.often = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    """For one connection, which is kept."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer with the server's status."""
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if self.server.asked >= 5:
            self.server.often.set()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """One that runs."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("status", [200, 503])
def test_waits_are_seen_by_another_process(server: Server, status: int) -> None:
    """The longest, and how many requests had no good answer."""
    server.status = status
    with Waits(server.server_address[1], "/", {"Accept": "*/*"}) as waits:
        assert server.often.wait(60)
        waited = waits.end()

    assert waited.requests >= 3  # without the first, whose connection is new, and the one that is just answered
    assert waited.failed == (0 if status == 200 else waited.requests)
    assert waited.longest > 0


def running(proxy: Proxy, directory: Path) -> Running:
    """Return a proxy of which only the name is needed."""
    return Running(proxy, Task(1, 2, 3, directory, routes=100), cast("Process", None))


def test_a_proxy_that_cannot_be_changed_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And said; what the others showed is kept. Each is looked at as long as its change before has taken."""
    quiet: list[tuple[str, float]] = []

    def make(one: Running, number: int, seconds: float) -> Changed:
        quiet.append((one.proxy.name, seconds))
        if one.proxy.name == "envoy" and number == 2:
            raise TimeoutError("no answer")
        return Changed(0.001, 0.002, 3.0, None, 0)

    made = changes([running(one, tmp_path) for one in (Gateway("gateway"), Envoy())], 3, make)

    assert {name: len(of) for name, of in made.items()} == {"gateway": 3, "envoy": 1}
    assert quiet == [("gateway", 2.0), ("envoy", 2.0), ("envoy", 3.0), ("gateway", 3.0), ("gateway", 3.0)]
    assert "envoy: cannot be changed: no answer" in capsys.readouterr().err


def test_failed_requests_are_those_of_the_gateway_however_it_is_changed(tmp_path: Path) -> None:
    """By its file and by its admin API: both are variants of it to the targets."""
    names = [one.name for one in changing([Gateway("gateway", tmp_path), Nginx(), Envoy()])]
    found: dict[str, float] = {}
    for name in names:
        found |= figures_of(
            [Changed(0.005, 0.010, 0.2, 0.05, 2), Changed(0.005, 0.040, 0.2, 0.09, 0)], f"change.{name}.5000"
        )

    assert names == ["gateway", "gateway+api", "envoy"]
    table = judge(found, "gateway")
    assert table is not None
    assert [(row[1], row[-1]) for row in table.rows] == [
        *(("20.0", "met"), ("70", "met")),
        *(("20.0", "met"), ("70", "met")),
        ("4", "MISSED"),
    ]
