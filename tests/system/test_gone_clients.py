"""Clients that close, over real sockets: the kernel's word on who is still there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.gateway_process import GatewayProcess, one_upstream, running, until

GET = b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"


class Silent:
    """A backend that accepts, reads, and says only what the test says."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.accepted.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        """Close everything."""
        self._listener.close()
        for connection in self.accepted:
            connection.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    """One of them."""
    backend = Silent()
    yield backend
    backend.close()


@pytest.fixture
def gateway(tmp_path: Path, silent: Silent) -> Iterator[GatewayProcess]:
    """In front of it."""
    with running(tmp_path, **one_upstream(silent.url)) as process:
        yield process


def test_a_client_that_has_gone_is_found(gateway: GatewayProcess, silent: Silent) -> None:
    """Note [A half-closed client may be gone]: its request ends long before its time, and the backend hears it."""
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(GET)
        until(lambda: silent.accepted)
        silent.accepted[0].recv(65536)

    silent.accepted[0].settimeout(10)
    with pytest.raises(ConnectionResetError):
        silent.accepted[0].recv(65536)
    until(lambda: gateway.access_log.exists() and '"status_code":499' in gateway.access_log.read_text())


def test_a_half_closed_client_is_answered(gateway: GatewayProcess, silent: Silent) -> None:
    """It has only said that it will ask no more."""
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(GET)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(10)
        asked = b"HTTP/1.1 100 Continue\r\n\r\n"
        got = b""
        while got.count(asked) < 2:
            got += client.recv(65536)
        silent.accepted[0].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        while part := client.recv(65536):
            got += part

    assert got.startswith(asked * 2 + b"HTTP/1.1 200 OK\r\n")
    assert got.endswith(b"\r\n\r\nlate")
