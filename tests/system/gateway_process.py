"""A gateway as its users run it: twistd, a file, signals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.system.ports import free_port

TWISTD = Path(sys.executable).with_name("twistd")
BY_TWISTD = (TWISTD, "--nodaemon", "--pidfile=", "gateway")
BY_RUN = (sys.executable, "-P", "-m", "gateway.cli", "run")
"""`gateway run`, whether or not its script is installed; the package is not looked for where the command is given."""
ROOT = Path(__file__).parent.parent.parent
CODE = os.pathsep.join([*filter(None, [os.environ.get("GATEWAY_CODE")]), str(ROOT)])
"""Where processes find the package: the checkout, or (`make test-compiled`) the compiled one before it."""
PATIENCE = 15.0
"""Seconds until something that should come soon is given up."""


def until(so: Any, words: str = "it did not come to that", patience: float = PATIENCE) -> Any:
    """Wait until `so()` is true, looking every few milliseconds; returns what it returned."""
    end = time.monotonic() + patience
    while True:
        result = so()
        if result:
            return result
        assert time.monotonic() < end, words
        time.sleep(0.02)


class GatewayProcess:
    """One `twistd gateway`.

    Attributes:
        port: Of its listener.
        admin_port: Of its admin listener.
        url: Of its listener.
    """

    def __init__(self, directory: Path, **configuration: Any) -> None:
        self.directory = directory
        self.port, self.admin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = directory / "gateway.json"
        self.access_log = directory / "access.log"
        self._errors = directory / "stderr"
        self.configure(**configuration)
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, **configuration: Any) -> None:
        """Write the configuration file, replacing it in one step."""
        whole = {
            "listeners": [{"endpoint": f"tcp:{self.port}:interface=127.0.0.1"}],
            "admin": {"endpoint": f"tcp:{self.admin_port}:interface=127.0.0.1"},
            "access_log": {"path": str(self.access_log)},
            **configuration,
        }
        fresh = self.config.with_suffix(".new")
        fresh.write_text(json.dumps(whole))
        fresh.replace(self.config)

    def start(
        self, *, wait: bool = True, command: Sequence[str | Path] = BY_TWISTD, directory: Path = ROOT
    ) -> GatewayProcess:
        """Start it, in a directory, and wait until it answers."""
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, "--config", self.config],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": CODE},
            )
        if wait:
            until(self.answers, "the gateway does not answer")
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def catches(self, number: int) -> bool:
        """Return whether it has a handler for a signal."""
        assert self.process is not None
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return False
        caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(caught >> (number - 1) & 1)

    def wait(self) -> int:
        """Wait until it is over; returns its exit code."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        """End it in good order; returns its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.process.wait(PATIENCE)
            self.process.kill()
        return self.process.wait()

    @property
    def errors(self) -> str:
        """Return what it wrote to standard error (and output)."""
        return self._errors.read_text()

    @property
    def logs(self) -> list[dict[str, Any]]:
        """Return the records of the access log so far."""
        return [json.loads(line) for line in self.access_log.read_text().splitlines()]

    @property
    def memory(self) -> int:
        """Return the octets of memory that it occupies."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels, past the half second that a scrape is remembered."""
        time.sleep(0.6)
        text = requests.get(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=5).text
        lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def answers(self) -> bool:
        """Return whether it is ready; it must not have ended."""
        assert self.process is not None
        assert self.process.poll() is None, self.errors
        try:
            return requests.get(f"http://127.0.0.1:{self.admin_port}/ready", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False


@contextlib.contextmanager
def running(directory: Path, **configuration: Any) -> Iterator[GatewayProcess]:
    """Run a gateway for as long as the block lasts."""
    gateway = GatewayProcess(directory, **configuration)
    try:
        yield gateway.start()
    finally:
        gateway.stop()


def one_upstream(*urls: str, **route: Any) -> dict[str, Any]:
    """Return the configuration that sends everything to interchangeable backends."""
    return {
        "upstreams": [{"name": "all", "backends": [{"url": url} for url in urls]}],
        "routes": [{"name": "all", "path": "/*", "upstream": "all", **route}],
    }
