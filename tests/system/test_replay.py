"""`gateway replay` with logs that real servers wrote, and on real servers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import pytest_twisted
import requests

from gateway.rehearsal.replaying.target import Target
from tests.rehearsal.logs import request
from tests.system.backends import backend
from tests.system.gateway_process import CODE, PATIENCE, one_upstream, running, until
from tests.system.ports import free_port
from tests.system.running_reactor import running_reactor

__all__ = ["running_reactor"]  # a fixture

NGINX = """\
daemon off;
error_log {directory}/error.log;
pid {directory}/nginx.pid;
events {{}}
http {{
  log_format json escape=json '{{"time_iso8601": "$time_iso8601", "msec": "$msec", "remote_addr": "$remote_addr",'
    '"request_method": "$request_method", "request_uri": "$request_uri", "status": "$status",'
    '"request_time": "$request_time", "http_host": "$http_host", "scheme": "$scheme",'
    '"upstream_addr": "$upstream_addr",'
    '"upstream_response_time": "$upstream_response_time", "http_user_agent": "$http_user_agent"}}';
  access_log {directory}/json.log json;
  access_log {directory}/combined.log combined;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /users/ {{ proxy_pass http://127.0.0.1:{backend}; }}
    location /orders/ {{ proxy_pass http://127.0.0.1:{backend}; }}
    location / {{ return 404; }}
  }}
}}
"""


def replay(*arguments: object, code: int = 0) -> dict[str, Any]:
    """Run the command, and return what it says as data."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gateway.cli", "replay", *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": CODE},
    )
    assert done.returncode == code, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def groups(said: dict[str, Any]) -> list[tuple[str, str, str | None, int]]:
    """Return the ways in which answers differ, and how many do."""
    return [(one["kind"], one["before"], one["after"], one["count"]) for one in said["groups"]]


@contextmanager
def nginx(directory: Path, port: int, behind: int) -> Iterator[None]:
    """Run nginx before a backend."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("no nginx here")
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(directory=directory, port=port, backend=behind))
    process = subprocess.Popen([program, "-p", directory, "-c", config], stderr=subprocess.DEVNULL)

    def accepts() -> bool:
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(accepts, "nginx does not answer")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def send_no_request(port: int) -> None:
    """Send what is no request."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"\x16\x03\x01\r\n\r\n")
        client.recv(1000)


@pytest.mark.parametrize("schema", ["default", "ecs"])
def test_what_a_gateway_did_is_what_a_replay_says(tmp_path: Path, schema: str) -> None:
    """Limits that were met, routes that were none, a backend that breaks off or is slow: nothing is otherwise."""
    with backend() as origin:
        configuration = one_upstream(f"http://127.0.0.1:{origin.server_address[1]}")
        limit = {"requests": 5, "window": "600s", "scope": "route"}
        configuration["routes"] = [
            {"name": "all", "path": "/bytes/*", "upstream": "all"},
            {"name": "slow", "path": "/slow/*", "upstream": "all", "timeout": "300ms"},
            {"name": "few", "path": "/chunks/*", "upstream": "all", "rate_limit": limit},
        ]
        log = {"path": str(tmp_path / "access.log"), "schema": schema}
        with running(tmp_path, **configuration, access_log=log) as gateway:
            # The backend takes `2?a=b` for no number, and breaks off.
            paths = [*("/bytes/1", "/nothing", "/bytes/2?a=b") * 3, *["/chunks/1"] * 8, "/slow/0.1", "/slow/0.6"]
            statuses = [requests.get(gateway.url + path, timeout=5).status_code for path in paths]
            send_no_request(gateway.port)
        more = json.loads(gateway.config.read_text())
        more["routes"][2]["rate_limit"]["requests"] = 2
        tighter = tmp_path / "tighter.json"
        tighter.write_text(json.dumps(more))

        said = replay(gateway.access_log, "--config", gateway.config)

        assert sorted(set(statuses)) == [200, 404, 429, 502, 504]
        assert (said["log"]["format"], said["requests"], said["otherwise"]) == ("gateway", len(paths), 0)
        assert said["statuses"] == {str(status): statuses.count(status) for status in sorted(set(statuses))}
        said = replay(
            gateway.access_log, "--config", tighter, "--against", gateway.config, "--ignore", "fields", code=1
        )
        assert groups(said)[0] == ("status", "200", "429 (limit.exceeded)", 3)


@pytest.mark.parametrize("log", ["json.log", "combined.log"])
def test_a_log_of_nginx_tells_what_is_not_carried_over(tmp_path: Path, log: str) -> None:
    """A location that the configuration in its place has no route for."""
    with backend() as origin:
        behind = origin.server_address[1]
        port = free_port()
        with nginx(tmp_path, port, behind):
            for path in ("/users/1", "/users/2?a=%20b", "/orders/7", "/nothing", "/users/3"):
                requests.get(f"http://127.0.0.1:{port}{path}", timeout=5)
            send_no_request(port)
        config = tmp_path / "gateway.json"
        configuration = one_upstream(f"http://127.0.0.1:{behind}")
        configuration["routes"] = [{"name": "users", "path": "/users/*", "upstream": "all"}]
        config.write_text(json.dumps(configuration))

        said = replay(tmp_path / log, "--config", config, code=1)

    assert said["log"]["format"] == ("nginx" if log == "json.log" else "combined")
    assert (said["requests"], said["log"]["skipped"]) == (5, 1)
    assert groups(said) == [("status", "200", "404 (route.none)", 1)]
    assert said["groups"][0]["examples"][0]["target"] == "/orders/7"


def test_two_instances_are_compared(tmp_path: Path) -> None:
    """By status, fields and content, at a rate; what may change something is not sent, and one that is gone is told."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    with backend() as origin:
        url = f"http://127.0.0.1:{origin.server_address[1]}"
        first = one_upstream(url)
        second = one_upstream(url, security_headers={"X-Frame-Options": "DENY"})
        second["routes"].append({"name": "gone", "path": "/bytes/9", "respond": {"status": 410}})
        second["routes"].append({"name": "told", "path": "/bytes/3", "respond": {"status": 200, "body": "abc"}})
        with running(tmp_path / "old", **first) as old, running(tmp_path / "new", **second) as new:
            for number in (1, 2, 3, 9):
                requests.get(f"{old.url}/bytes/{number}", timeout=5)
            requests.post(f"{old.url}/sink", timeout=5)
            until(lambda: old.access_log.exists() and len(old.logs) == 5)
            log = tmp_path / "copy.log"
            shutil.copy(old.access_log, log)

            by_log = replay(log, "--target", new.url, "--rate", 50, code=1)
            by_old = replay(log, "--target", new.url, "--expect", old.url, "--rate", 50, "--at-once", 2, code=1)
            same = replay(log, "--target", old.url, "--expect", old.url, "--rate", 50, "--forwarded")
            until(lambda: len(old.logs) == 5 + 4 + 8)

            assert groups(by_log) == [("status", "200", "410", 1)]
            assert list(by_log["left_out"].values()) == [1]
            assert ("status", "200", "410", 1) in groups(by_old)
            assert ("body", "another content", None, 1) in groups(by_old)
            assert any(one[0] == "fields" and "+x-frame-options" in one[1] for one in groups(by_old))
            assert (same["requests"], same["otherwise"]) == (4, 0)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gateway.cli", "replay", log, "--target", new.url, "--rate", "50"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": CODE},
        )
        assert done.returncode == 2
        assert done.stderr.startswith(f"{new.url} answers nothing: no answer (")


@pytest_twisted.ensureDeferred
async def test_a_server_is_asked(reactor: Any) -> None:
    """With what the log has; its content is known by a digest, and why it does not answer in words."""
    with backend() as origin:
        target = Target(reactor, f"http://127.0.0.1:{origin.server_address[1]}/bytes", [("X-One", "1")], at_once=2)
        first, again, other = [await target.ask(request(target=path)) for path in ("/1", "/1", "/70000")]
        broken = await target.ask(request(target="/no-number"))
        odd = await target.ask(request(target="/ü"))
        await target.close()
    nobody = Target(reactor, f"http://127.0.0.1:{free_port()}")

    assert first.status == other.status == 200
    assert first == again
    assert other.body != first.body
    assert "server" in dict(other.fields)
    assert broken.status == 0
    assert odd.left_out == "its target has octets that no client may send"
    refused = await nobody.ask(request())
    assert (refused.status, "refused" in str(refused.reason)) == (0, True)


class _OneAnswer(socketserver.StreamRequestHandler):
    """Answers the first request of a connection, and closes it when a second one has come."""

    def handle(self) -> None:
        """Be the server."""
        for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b""):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)


@pytest_twisted.ensureDeferred
async def test_a_kept_connection_that_the_server_closes_is_no_difference(reactor: Any) -> None:
    """The request is sent again on a new one; what is not idempotent is not."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _OneAnswer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        target = Target(reactor, f"http://127.0.0.1:{server.server_address[1]}")
        found = [await target.ask(request(method=method)) for method in ("GET", "GET", "GET", "POST")]
        await target.close()
        server.shutdown()

    assert [one.status for one in found] == [200, 200, 200, 0]


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8080", "http://", "http://x/?a=b"])
def test_a_target_is_a_url(url: str) -> None:
    """Of a server, without a query."""
    with pytest.raises(ValueError, match="expected a URL such as"):
        Target(None, url)
