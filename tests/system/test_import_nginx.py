"""What `gateway import nginx` makes, beside nginx itself: the same requests, the same backends, the same outcome."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.importing.kinds import convert
from gateway.importing.writing import as_yaml
from tests.system.gateway_process import CODE, ROOT, until
from tests.system.ports import free_port

SOURCE = ROOT / "tests" / "imports" / "nginx" / "shop.conf"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
SEEN = ("Host", "X-Gateway", "X-Internal")

MAIN = """
daemon off;
error_log stderr;
pid nginx.pid;
events {}
http {
    access_log off;
    root /nowhere;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path u; scgi_temp_path s;
    include site.conf;
}
"""

HOSTS = (
    "shop.example.com",
    "eu.shop.example.com",
    "www.shop.example.com",
    "shop.example",
    "tools.example.com",
    "x.test",
)
PATHS = (
    *("/", "/a", "/a/b?c=d", "/status", "/status/", "/statu", "/gone.html", "/gone.htm", "/legacy", "/legacy/x?y=1"),
    *("/orders", "/orders/", "/orders/7?full=1", "/orders/a/b/", "/checkout", "/checkout/now", "/v2/users/ada"),
    *("/v2/users/7", "/v22/users/ada/", "/v2/usersx", "/a/b.png", "/a/B.PNG", "/orders/x.jpeg", "/static/x.png"),
    *("/static/a/b", "/static", "/api/v1/people/7", "/api/v1/people/x", "/api/v1/", "/api/v1", "/chat", "/chat/room"),
    *("/reports/", "/reports", "/reports/old", "/reports/x/y", "/caf%C3%A9", "/orders/caf%C3%A9", "/a%20b", "/a;x=1"),
)


class Backend(ThreadingHTTPServer):
    """Says what it was asked."""

    daemon_threads = True
    name = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backend

    def do_GET(self) -> None:
        seen = {"backend": self.server.name, "path": self.path, **{name: self.headers.get(name) for name in SEEN}}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Powered-By", "tests")
        self.end_headers()
        self.wfile.write(body)

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


def outcome(port: int, host: str, path: str) -> dict[str, Any]:
    """Return what a client sees, and what the backend saw."""
    url = f"http://127.0.0.1:{port}{path}"
    answer = requests.get(url, headers={"Host": host}, allow_redirects=False, timeout=10)
    # nginx adds the port that it listens on to a redirect of its own; the gateway keeps what the client said.
    location = answer.headers.get("Location", "").replace(f":{port}", "")
    found: dict[str, Any] = {"status": answer.status_code, "location": location}
    if answer.status_code == 200:
        found["body"] = answer.text
        found["fields"] = [answer.headers.get(name) for name in ("X-Served-By", "X-Powered-By")]
    return found


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_the_result_does_what_nginx_does(tmp_path: Path) -> None:
    """240 requests: the same status, the same backend, the same path and fields there, the same `Location`."""
    assert len(HOSTS) * len(PATHS) == 240
    assert NGINX is not None  # for the type checker
    with backends("orders", "orders", "orders", "site") as ports:
        at_nginx, at_gateway, admin = free_port(), free_port(), free_port()
        text = SOURCE.read_text()
        for number, port in enumerate(ports, 9001):
            text = text.replace(f":{number}", f":{port}")
        (tmp_path / "nginx").mkdir()
        (tmp_path / "nginx" / "nginx.conf").write_text(MAIN)
        (tmp_path / "nginx" / "site.conf").write_text(text.replace("listen 8080", f"listen 127.0.0.1:{at_nginx}"))
        source = tmp_path / "shop.conf"
        source.write_text(text.replace("listen 8080", f"listen 127.0.0.1:{at_gateway}"))
        (tmp_path / "gateway.yaml").write_text(as_yaml(convert("nginx", str(source))))
        with (tmp_path / "gateway.yaml").open("a") as result:
            result.write(
                f"\nadmin: {{endpoint: 'tcp:{admin}:interface=127.0.0.1'}}\naccess_log: false\nhealth_paths: false\n"
            )
        gateway = (sys.executable, "-P", "-m", "gateway.cli", "run", "--config", tmp_path / "gateway.yaml")
        with (
            process(at_nginx, NGINX, "-p", tmp_path / "nginx", "-c", "nginx.conf", directory=tmp_path / "nginx"),
            process(at_gateway, *gateway, directory=tmp_path),
        ):
            differ = {}
            for host, path in product(HOSTS, PATHS):
                expected, found = outcome(at_nginx, host, path), outcome(at_gateway, host, path)
                if expected != found:
                    differ[f"{host}{path}"] = (expected, found)
    assert differ == {}
