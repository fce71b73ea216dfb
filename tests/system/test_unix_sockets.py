"""Application servers at UNIX sockets, and clients that come by one: with real processes, curl and sockets."""

from __future__ import annotations

import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.system.app_server import app_server
from tests.system.gateway_process import one_upstream, running, until


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short name: the path of a socket is 107 octets at most."""
    with tempfile.TemporaryDirectory(prefix="gw", dir="/tmp") as made:
        yield Path(made)


def test_an_application_server_at_a_socket(place: Path) -> None:
    """Requests, uploads, a restart and a WebSocket; a server that is gone is 502, and is checked."""
    path = place / "app.sock"
    said = one_upstream(f"unix:{path}:/v2")
    said["upstreams"][0] |= {"host_header": "app.internal", "health_check": {"interval": "100ms", "timeout": "100ms"}}
    with running(place, **said) as gateway:
        assert requests.get(f"{gateway.url}/", timeout=5).status_code in (502, 503)
        with app_server(path):
            until(lambda: requests.get(f"{gateway.url}/", timeout=5).status_code == 200)
            answer = requests.post(f"{gateway.url}/a?x=1", data=b"u" * 3_000_000, timeout=9).json()
            assert (answer["path"], answer["length"], answer["Host"]) == ("/v2/a?x=1", 3_000_000, ["app.internal"])
            first = answer["pid"]
            with socket.create_connection(("127.0.0.1", gateway.port)) as client:
                client.sendall(
                    b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                    b"\x81\x82\0\0\0\0hi"
                )
                received = b""
                while b"echo hi" not in received:
                    received += client.recv(1000)
        until(lambda: requests.get(f"{gateway.url}/", timeout=5).status_code == 503, "its checks do not fail")
        with app_server(path):
            until(lambda: requests.get(f"{gateway.url}/", timeout=5).status_code == 200)
            assert requests.get(f"{gateway.url}/", timeout=5).json()["pid"] != first
        assert gateway.stop() == -signal.SIGTERM


def test_a_server_whose_backlog_is_full_is_refused_and_costs_nothing(place: Path) -> None:
    """The kernel does not let a connection to a full UNIX socket wait, as it does with TCP."""
    path = place / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
        listening.bind(str(path))
        listening.listen(0)
        first.connect(str(path))
        with running(place, **one_upstream(f"unix:{path}")) as gateway:
            answer = requests.get(f"{gateway.url}/", timeout=5)

            assert (answer.status_code, answer.headers["Gateway-Reason"]) == (502, "upstream.connect")
            assert gateway.stop() == -signal.SIGTERM
