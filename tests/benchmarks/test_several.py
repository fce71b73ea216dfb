"""The scenario with two workers."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from benchmarks import usage
from benchmarks.processes import Process
from benchmarks.proxies.base import Proxy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.proxies.nginx import Nginx
from benchmarks.proxies.several import busiest, connections
from benchmarks.scenarios.load import beside
from benchmarks.scenarios.processes import Processes, beside_one, several, spread, workers
from benchmarks.stand import Running, Stand
from benchmarks.workload import Task
from gateway.config import from_mapping


@pytest.mark.parametrize("chain", [False, True], ids=["plain", "chain"])
def test_the_gateway_and_envoy_have_one_worker_and_two(tmp_path: Path, chain: bool) -> None:
    """By the setting that each has for it; other proxies take no part."""
    proxies = several([Gateway("fast", tmp_path), Nginx(), Envoy()], chain=chain)
    task = Task(8080, 9090, 9001, tmp_path)

    assert [(proxy.name, workers(proxy)) for proxy in proxies] == [
        *(("fast", 1), ("fast+two", 2)),
        *(("envoy", 1), ("envoy+two", 2)),
    ]
    assert [told(proxy, task) for proxy in proxies] == [1, 2, 1, 2]


def told(proxy: Proxy, task: Task) -> int:
    """Return how many workers a proxy is told to have."""
    if isinstance(proxy, Gateway):
        return int(from_mapping(proxy.configuration(task)).processes)
    argv = list(proxy.prepare(task).argv)
    return int(argv[argv.index("--concurrency") + 1])


def test_each_user_of_the_chain_has_a_token(tmp_path: Path) -> None:
    """Shown by turns; the plain load has the stand's own in every request."""
    stand = cast("Stand", SimpleNamespace(file=lambda name: tmp_path / name))
    load = Processes("chain", users=100).load(stand)

    assert load.shown is not None
    assert len(set(load.shown.values.read_text().split())) == 100
    assert "Authorization" not in dict(load.headers or [])
    assert "Authorization" in dict(load.first or [])
    assert Processes().load(stand).shown is None


def test_two_workers_stand_beside_as_many_of_envoy() -> None:
    """And beside one of their own kind."""
    cpu = {"gateway": 30e-6, "gateway+two": 33e-6, "envoy": 50e-6, "envoy+two": 60e-6}
    found = {f"p.{name}.cpu": value for name, value in cpu.items()} | {f"p.{name}.rate": 1 / cpu[name] for name in cpu}

    assert beside(cpu, "gateway+two") == 60e-6
    assert beside_one("p", found, {"gateway+two": [0.5, 0.52, 0.75], "envoy+two": [0.5]}) == [
        ["gateway+two", "1.10", "0.91", "52%", "75%"],
        ["envoy+two", "1.20", "0.83", "50%", "50%"],
    ]
    assert beside_one("p", {"p.gateway+two.cpu": 1.0}, {"gateway+two": [0.5]}) == []


def test_a_worker_without_a_connection_is_one_too() -> None:
    """Else one worker that has all of them would look like a proxy with one."""
    assert busiest([0, 64, 0], 2) == [64, 0]
    assert busiest([64], 2) == [64, 0]
    assert spread({"gateway+two": [[64, 0], [40, 24]]}) == {"gateway+two": [1.0, 0.625]}


class Stats(http.server.BaseHTTPRequestHandler):
    """What Envoy says at its admin port, which is a listener too."""

    def do_GET(self) -> None:
        """Say it."""
        values = {"20001.worker_0": 24, "20001.worker_1": 40, "20002.worker_0": 7}
        stats = [
            {"name": f"listener.127.0.0.1_{where}.downstream_cx_active", "value": value}
            for where, value in values.items()
        ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"stats": stats}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


def test_envoy_is_asked_how_many_connections_its_threads_have(tmp_path: Path) -> None:
    """Those of the port that is loaded, and of no other."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stats) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        task = Task(20001, server.server_address[1], 9001, tmp_path)
        try:
            assert connections(Running(Envoy(), task, cast("Process", None)), 2) == [40, 24]
        finally:
            server.shutdown()


def test_connections_at_a_port_are_counted() -> None:
    """Those of the process itself, at its end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            assert usage.connections(psutil.Process(), port) == 1
        assert usage.connections(psutil.Process(), port) == 0
