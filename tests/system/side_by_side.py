"""Another gateway and ours, in front of the same backends: what `gateway import` makes of a file, beside its source.

Used by `test_import_nginx` and `test_import_envoy`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from gateway.importing.kinds import convert
from gateway.importing.writing import as_yaml
from tests.system.gateway_process import CODE, until
from tests.system.ports import free_port

SEEN = ("Host", "X-Gateway", "X-Internal", "X-Edge", "X-Tag", "X-Asked")
"""Fields of which a backend says what it got."""

TOLD = ("X-Served-By", "X-Powered-By", "X-Kind", "Content-Type")
"""Fields of an answer that are compared."""


class Backend(ThreadingHTTPServer):
    """Says what it was asked."""

    daemon_threads = True
    name = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for fields and body: of two, the second waits for the acknowledgement of the first
    server: Backend

    def do_GET(self) -> None:
        fields = {name: self.headers.get_all(name) for name in SEEN}
        seen = {"backend": self.server.name, "method": self.command, "path": self.path, **fields}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Powered-By", "tests")
        self.send_header("X-Kind", "backend")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  # the standard library's name

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def backends(*names: str) -> Iterator[list[int]]:
    """Run a backend for each name; those of one name are interchangeable."""
    with ExitStack() as stack:
        ports = []
        for name in names:
            server = Backend(("127.0.0.1", 0), Handler)
            server.name = name
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            ports.append(server.server_address[1])
        yield ports


def answers(port: int) -> bool:
    """Whether somebody serves at a port."""
    try:
        requests.get(f"http://127.0.0.1:{port}/status", timeout=2)
    except requests.ConnectionError:
        return False
    return True


@contextmanager
def process(port: int, *command: str | Path, directory: Path) -> Iterator[None]:
    """Run a server until the block ends."""
    environment = {**os.environ, "PYTHONPATH": CODE}
    with (directory / "stderr").open("ab") as errors:
        running = subprocess.Popen(command, cwd=directory, stderr=errors, stdout=errors, env=environment)
    try:
        until(lambda: answers(port), f"nobody answers: {(directory / 'stderr').read_text()}")
        yield
    finally:
        running.terminate()
        running.wait(15)


@contextmanager
def imported(kind: str, source: Path, port: int, directory: Path) -> Iterator[None]:
    """Run our gateway with what an import makes of a source, which has it listen at a port."""
    result = directory / "gateway.yaml"
    admin = f"admin: {{endpoint: 'tcp:{free_port()}:interface=127.0.0.1'}}"
    result.write_text(f"{as_yaml(convert(kind, str(source)))}\n{admin}\naccess_log: false\nhealth_paths: false\n")
    command = (sys.executable, "-P", "-m", "gateway.cli", "run", "--config", result)
    with process(port, *command, directory=directory):
        yield


def outcome(
    port: int, host: str, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what a client sees, and what the backend saw."""
    url = f"http://127.0.0.1:{port}{path}"
    fields = {"Host": host, **(headers or {})}
    answer = requests.request(method, url, headers=fields, allow_redirects=False, timeout=10)
    # nginx adds the port that it listens on to a redirect of its own; the gateway keeps what the client said.
    location = answer.headers.get("Location", "").replace(f":{port}", "")
    found: dict[str, Any] = {"status": answer.status_code, "location": location}
    if answer.status_code == 200:
        found["body"] = answer.text
        found["fields"] = [answer.headers.get(name) for name in TOLD]
    return found
