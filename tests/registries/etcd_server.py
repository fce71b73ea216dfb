"""An etcd server of a test's own, and the few requests by which tests write to it."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.system.gateway_process import PATIENCE, until
from tests.system.ports import free_port

PROGRAM = shutil.which("etcd")


class EtcdServer:
    """One `etcd` with a directory and ports of its own.

    Attributes:
        url: For `endpoints`.
    """

    def __init__(self, directory: Path) -> None:
        assert PROGRAM is not None, "no etcd on PATH: `make test` installs one"
        self._directory = directory
        client, peer = free_port(), free_port()
        self.url = f"http://127.0.0.1:{client}"
        self._command = [
            PROGRAM,
            f"--data-dir={directory / 'data'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--heartbeat-interval=10",
            "--election-timeout=100",
            "--unsafe-no-fsync",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._directory / "etcd.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._answers, "etcd does not answer")

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def pause(self) -> None:
        """Let it stand still, connections and all."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def put(self, key: str, value: str, token: str = "") -> int:
        """Write a key; returns the revision."""
        return int(self.ask("kv/put", {"key": _b64(key), "value": _b64(value)}, token)["header"]["revision"])

    def delete(self, key: str, end: str = "", token: str = "") -> None:
        """Remove a key, or all from it up to another."""
        self.ask("kv/deleterange", {"key": _b64(key)} | ({"range_end": _b64(end)} if end else {}), token)

    def compact(self, revision: int) -> None:
        """Forget the revisions before this one."""
        self.ask("kv/compaction", {"revision": revision, "physical": True})

    def ask(self, what: str, said: dict[str, Any], token: str = "") -> Any:
        """Ask its JSON gateway."""
        fields = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})
        request = urllib.request.Request(f"{self.url}/v3/{what}", json.dumps(said).encode(), fields)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read().partition(b"\n")[0] or b"{}")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "etcd.log").read_text()
        try:
            self.ask("kv/range", {"key": _b64("x")})
        except OSError:
            return False
        return True


@contextmanager
def etcd_server(directory: Path) -> Iterator[EtcdServer]:
    """Run an etcd server as long as the block runs."""
    server = EtcdServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.resume()
        server.kill()


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
