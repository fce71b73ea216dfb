"""Real sockets: who begins and does not go on takes nothing from the others."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system import backends
from tests.system.gateway_process import GatewayProcess, one_upstream, running

CAP = 10


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway with room for ten connections to its backend."""
    with backends.backend() as origin:
        configuration: dict[str, Any] = one_upstream(origin.url)
        configuration["upstreams"][0]["pool"] = {"max_connections": CAP}
        with running(tmp_path, **configuration) as process:
            yield process


def connect(gateway: GatewayProcess, request: bytes) -> socket.socket:
    """Send a request, or a part of it, and no more."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(30)
    client.connect(("127.0.0.1", gateway.port))
    client.sendall(request)
    return client


@pytest.mark.parametrize(
    ("request_", "clients"),
    [
        (b"POST /sink HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500, 150),
        (b"POST /sink HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + b"x" * 500, 4 * CAP),
        (b"POST /sink HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", 4 * CAP),
        (b"GET /bytes/20000000 HTTP/1.1\r\nHost: h\r\n\r\n", 4 * CAP),
    ],
    ids=["short bodies", "long bodies", "chunked bodies", "unread answers"],
)
def test_honest_clients_are_served(gateway: GatewayProcess, request_: bytes, clients: int) -> None:
    """However many send half a body, or never read their answer."""
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            stack.enter_context(connect(gateway, request_))
        for _ in range(5):
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)) as honest:
                honest.request("GET", "/name")
                assert honest.getresponse().status == 200
