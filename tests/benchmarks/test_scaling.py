"""The scenario with several instances."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks import redis
from benchmarks.callers import Caller, all_answer, status, worker_of
from benchmarks.processes import CannotStart, Process
from benchmarks.proxies.gateway import Gateway
from benchmarks.proxies.instances import LEASES, Instance
from benchmarks.redis import redis_settings
from benchmarks.scenarios.hundred import Found, computed, limits, rest
from benchmarks.scenarios.scaling import Asked, allowed
from benchmarks.stand import Running, Stand
from benchmarks.workload import Task
from gateway.config import load

STORE = {"rate_limit_store": "redis", "redis": {"url": "redis://127.0.0.1:6379/0"}}


def test_all_instances_have_one_configuration(tmp_path: Path) -> None:
    """Where each of them listens is in its environment."""
    made = Instance("gateway", tmp_path, STORE)
    settings = []
    for port in (20_001, 20_003):
        task = Task(port, port + 1, 9001, tmp_path)
        command = made.prepare(task)
        settings.append(load(tmp_path / "gateway.json", dict(command.env)))
        assert settings[-1].listeners[0].endpoint.startswith(f"tcp:{port}:")
        assert settings[-1].admin.endpoint.startswith(f"tcp:{port + 1}:")

    first, second = settings
    assert first.routes == second.routes
    assert (first.processes, first.rate_limit_store) == (2, "redis")
    leases = {route.name: route.rate_limit[0].lease for route in first.routes if route.rate_limit}
    assert [leases[f"lease-{lease}"] for lease in LEASES] == list(LEASES)


def found() -> Found:
    """Return what two instances of two processes might show."""
    return Found(
        workers=4,
        asked={1: (1_000, 1_000), 20: (1_000, 50), 100: (1_000, 10)},
        script=12e-6,
        cpu=16e-6,
        bound=(10_000, 6_300, 1_600),
        seconds=4.0,
        allowed=6_400,
        key=180.0,
        connections=20,
        watches=2,
        revoked=[0.002, 0.004, 0.030],
    )


def test_what_a_hundred_instances_ask_follows_from_four_processes() -> None:
    """Questions by requests, connections and messages by processes, watches by instances."""
    (questions, others) = computed(found())

    assert [list(row) for row in questions.rows] == [
        ["questions a second", "100,000", "5,000", "1,000"],
        ["of one core of Redis", "1.60", "0.08", "0.02"],
    ]
    assert [row[1] for row in others.rows] == ["180", "1,000", "200", "100", "200", "20,000"]


def test_what_was_not_measured_is_a_dash() -> None:
    """As a change without etcd; a limit that let fewer pass than it may is not exceeded."""
    assert rest(found()).rows[-2][1] == "4.0 (30.0)"
    assert rest(found()).rows[-1][1] == "-"
    assert limits(found()).rows[1] == ["`lease: 20`", "1,000", "50", "0.050"]
    assert found().over == -100
    assert allowed(4.0) == 6_400


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives the status that the path names; one of /turn/ the second time."""

    protocol_version = "HTTP/1.1"
    turns = 0

    def do_GET(self) -> None:
        """Answer; 500 closes the connection."""
        type(self).turns += self.path == "/turn"
        code = int(self.path[1:]) if self.path != "/turn" else (200 if self.turns > 1 else 404)
        self.send_response(code)
        self.send_header("Content-Length", "0")
        if code == 500:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where such a server listens."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_caller_stays_with_its_worker(port: int, tmp_path: Path) -> None:
    """The process at the other end is found; a connection that is closed would come to any of them."""
    caller = Caller("127.0.0.1", port, timeout=30)
    try:
        assert status(caller, "/200", {}) == 200
        running = Running(Gateway(), Task(port, 1, 2, tmp_path), cast("Process", SimpleNamespace(pid=os.getpid())))
        assert worker_of(running, caller.sock.getsockname()[1]) == os.getpid()
        assert worker_of(running, port) is None
        assert all_answer([caller], "/turn", {}, 200) > 0
        with pytest.raises(CannotStart, match="closed after a 500"):
            status(caller, "/500", {})
    finally:
        caller.close()


@pytest.mark.skipif(not (shutil.which("redis-server") or shutil.which("valkey-server")), reason="needs Redis")
def test_redis_says_what_it_was_asked(tmp_path: Path) -> None:
    """Scripts by either name; a command that is refused is an error."""
    stand = cast("Stand", SimpleNamespace(file=lambda name: tmp_path / name))
    with redis_settings(stand) as settings:
        assert settings is not None
        url = settings["redis"]["url"]
        before = Asked.of(url)
        assert redis.ask(url, "EVAL", "return 7", "0") == "7"
        assert redis.ask(url, "SET", "a", "b") == "OK"
        assert redis.ask(url, "GET", "a") == "b"
        assert (Asked.of(url) - before).questions == 1
        assert "connected_clients" in redis.info(url, "clients")
        with pytest.raises(RuntimeError, match="NOSUCH"):
            redis.ask(url, "NOSUCH")
