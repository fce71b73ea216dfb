"""What clients notice while backends are killed, stopped, slow or broken: `make chaos` prints the table.

Four backends and a gateway as processes, clients on keep-alive connections
that ask without a pause. In each round something happens to some of the
backends, and is undone again. Two things must hold: no client sees an error
while one backend is well, and every backend has its traffic again within 60 s.
"""

from __future__ import annotations

import argparse
import http.client
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import requests

from tests.published import Table, publish
from tests.system.chaos_backend import BODY
from tests.system.gateway_process import GatewayProcess, running
from tests.system.ports import free_port

BACKENDS = 4
CLIENTS = 8
ROOT = Path(__file__).parents[2]
TRY = 0.5
"""Seconds that one attempt has: a client waits so long, or twice, for what hangs."""

ROUNDS: dict[str, tuple[str, Sequence[int]]] = {
    "one killed (-9)": ("kill", [0]),
    "three killed (-9)": ("kill", [0, 1, 2]),
    "one stopped (SIGSTOP)": ("stop", [1]),
    "two stopped (SIGSTOP)": ("stop", [1, 2]),
    "one slow (2 s)": ("slow", [2]),
    "three slow (2 s)": ("slow", [0, 2, 3]),
    "connections half open": ("mute", [0, 1]),
    "reset in mid-body": ("cut", [3]),
    "three reset in mid-body": ("cut", [1, 2, 3]),
    "three answer 503": ("busy", [0, 1, 3]),
}

HTTP2_ROUNDS: dict[str, tuple[str, Sequence[int]]] = {
    **ROUNDS,
    "three refuse every stream": ("refuse", [0, 1, 2]),
    "three leave (GOAWAY)": ("leave", [1, 2, 3]),
}
"""With backends of HTTP/2."""
UNPROCESSED = ("refuse", "leave")
"""Faults after which any method may go again: half of the clients send content by POST then."""


class Result(NamedTuple):
    """One round.

    Attributes:
        name: What was done.
        requests: Made while it was done and undone.
        errors: What clients saw that was not a whole 200.
        median: Seconds.
        p99: Seconds.
        recovered: Seconds until every backend had traffic again.
    """

    name: str
    requests: int
    errors: list[str]
    median: float
    p99: float
    recovered: float


class Backend:
    """One backend process.

    Args:
        http2: It speaks HTTP/2 by prior knowledge, and is told its faults on a port of its own.
    """

    def __init__(self, http2: bool = False) -> None:
        port = free_port()
        self._control = f"http://127.0.0.1:{port}"
        self.url = self._control
        self._command = [sys.executable, str(Path(__file__).with_name("chaos_backend.py")), str(port)]
        if http2:
            spoken = free_port()
            self.url = f"h2c://127.0.0.1:{spoken}"
            self._command = [sys.executable, "-m", "tests.system.chaos_backend_http2", str(spoken), str(port)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.process = subprocess.Popen(self._command, cwd=ROOT)
        end = time.monotonic() + 15
        while True:
            try:
                requests.get(f"{self._control}/health", timeout=1)
                return
            except requests.RequestException:
                assert time.monotonic() < end, "the backend does not start"
                time.sleep(0.05)

    def harm(self, fault: str) -> None:
        """Do something to it."""
        assert self.process is not None
        if fault == "kill":
            self.process.kill()
            self.process.wait()
        elif fault == "stop":
            self.process.send_signal(signal.SIGSTOP)
        else:
            requests.get(f"{self._control}/-/{fault}", timeout=5)

    def heal(self, fault: str) -> None:
        """Undo it."""
        assert self.process is not None
        if fault == "kill":
            self.start()
        elif fault == "stop":
            self.process.send_signal(signal.SIGCONT)
        else:
            requests.get(f"{self._control}/-/none", timeout=5)

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Load:
    """Clients that ask without a pause.

    Args:
        port: Of the gateway.
        posts: How many of them send content by POST.
    """

    def __init__(self, port: int, posts: int = 0) -> None:
        self._port = port
        self._going = True
        self.times: list[float] = []
        self.errors: list[str] = []
        methods = ["POST"] * posts + ["GET"] * (CLIENTS - posts)
        self._threads = [threading.Thread(target=self._ask, args=(method,), daemon=True) for method in methods]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every client finish its request."""
        self._going = False
        for thread in self._threads:
            thread.join(30)

    def _ask(self, method: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while self._going:
            began = time.monotonic()
            try:
                connection.request(method, "/", b"content" if method == "POST" else None)
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(type(error).__name__)
                connection.close()
            else:
                if response.status != 200 or body != BODY:
                    self.errors.append(f"{response.status} {response.getheader('Gateway-Reason', '')}")
            self.times.append(time.monotonic() - began)
            time.sleep(0.002)
        connection.close()


def configuration(backends: Sequence[Backend], http2: bool = False) -> dict[str, Any]:
    """Checks, ejection, breakers and retries, quick enough to be watched."""
    check = {"interval": 1, "timeout": 0.5}
    return {
        "upstreams": [
            {
                "name": "orders",
                "backends": [{"url": backend.url} for backend in backends],
                "health_check": {**check, "type": "grpc"} if http2 else check,
                "passive_health": {"failures": 3, "window": 10, "eject": 2, "max_ejected_percent": 75},
                "circuit_breaker": {"timeout": 2, "error_rate": {"min_requests": 1000}},
                "slow_start": 1,
            }
        ],
        "routes": [
            {
                "name": "orders",
                "path": "/*",
                "upstream": "orders",
                "retry": {"attempts": 3, "per_try_timeout": TRY},
            }
        ],
    }


def picks(gateway: GatewayProcess) -> dict[str, int]:
    """How often each backend was chosen so far."""
    text = requests.get(f"http://127.0.0.1:{gateway.admin_port}/metrics", timeout=5).text
    lines = [line for line in text.splitlines() if line.startswith("gateway_backend_picks_total{")]
    return {line.split('backend="')[1].split('"')[0]: int(float(line.rpartition(" ")[2])) for line in lines}


def wait_for_all(gateway: GatewayProcess, limit: float) -> float:
    """Wait until every backend has a tenth of the traffic; returns the seconds."""
    began = time.monotonic()
    before = picks(gateway)
    while True:
        time.sleep(0.7)  # a scrape is remembered for half a second
        after = picks(gateway)
        gained = [after[name] - before[name] for name in after]
        if min(gained) >= 0.1 * sum(gained) > 0:
            return time.monotonic() - began
        assert time.monotonic() - began < limit, f"not all backends have traffic again after {limit} s: {gained}"
        before = after


def play(
    names: Sequence[str],
    hold: float,
    directory: Path,
    tell: Callable[[Result], None] = lambda result: None,
    http2: bool = False,
) -> list[Result]:
    """Play rounds.

    Args:
        names: Of `ROUNDS`, or of `HTTP2_ROUNDS`.
        hold: Seconds that each fault lasts.
        directory: For configuration and logs.
        tell: Hears of each round when it is over.
        http2: Backends speak HTTP/2.
    """
    results = []
    with ExitStack() as stack:
        backends = [Backend(http2) for _ in range(BACKENDS)]
        for backend in backends:
            stack.callback(backend.end)
            backend.start()
        gateway = stack.enter_context(running(directory, **configuration(backends, http2)))
        for name in names:
            fault, victims = HTTP2_ROUNDS[name]
            load = Load(gateway.port, CLIENTS // 2 if fault in UNPROCESSED else 0)
            time.sleep(0.5)
            for victim in victims:
                backends[victim].harm(fault)
            time.sleep(hold)
            for victim in victims:
                backends[victim].heal(fault)
            recovered = wait_for_all(gateway, 60)
            load.stop()
            times = sorted(load.times)
            results.append(
                Result(
                    name,
                    len(times),
                    load.errors,
                    statistics.median(times),
                    times[int(len(times) * 0.99)],
                    recovered,
                )
            )
            tell(results[-1])
    return results


def table(title: str, results: Sequence[Result]) -> Table:
    """Lay rounds out."""
    rows = [
        [
            result.name,
            f"{result.requests:,}",
            f"{len(result.errors)}",
            f"{result.median * 1000:.1f}",
            f"{result.p99 * 1000:.0f}",
            f"{result.recovered:.1f}",
        ]
        for result in results
    ]
    return Table(title, ["what is done", "requests", "errors", "median ms", "p99 ms", "recovered after s"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play all rounds and show what came of them; 1 where a client has seen an error."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--hold", type=float, default=5.0, help="seconds that each fault lasts")
    parser.add_argument("--publish", action="store_true", help="write the tables into docs/hardening.md")
    options = parser.parse_args(arguments)

    def tell(result: Result) -> None:
        seen = ", ".join(f"{result.errors.count(error)} x {error}" for error in sorted(set(result.errors)))
        sys.stderr.write(f"{result.name}: {seen or 'no errors'}\n")

    shown, wrong = [], False
    for http2, rounds in ((False, ROUNDS), (True, HTTP2_ROUNDS)):
        with tempfile.TemporaryDirectory() as place:
            results = play(list(rounds), options.hold, Path(place), tell, http2)
        wrong = wrong or any(result.errors for result in results)
        kind = f"each fault lasts {options.hold:g} s, {CLIENTS} clients ask without a pause"
        shown.append(table(f"backends of HTTP/{2 if http2 else 1}: {kind}", results))
    publish("chaos", shown, options.publish)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
