"""Large bodies through real sockets: whole, and at bounded memory."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator

import pytest

from tests.system import backends
from tests.system.gateway_process import GatewayProcess, one_upstream, running, until

GIBIBYTE = 1 << 30
ROOM = 24 << 20
"""Octets that the gateway may grow by, whatever passes through it."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway without a limit on bodies."""
    configuration = {"limits": {"request_body": 0}, "timeouts": {"request": "60s"}}
    with (
        backends.backend() as origin,
        running(
            tmp_path_factory.mktemp("bodies"), **configuration, **one_upstream(origin.url, timeout="60s")
        ) as process,
    ):
        yield process


def _download(gateway: GatewayProcess, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    buffer = bytearray(1 << 20)
    received = 0
    while count := response.readinto(buffer):
        received += count
    connection.close()
    return received


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", ["/bytes", "/chunks"])
def test_a_gibibyte_down_takes_bounded_memory(gateway: GatewayProcess, path: str) -> None:
    """Of known length and in chunks."""
    before = gateway.memory

    assert _download(gateway, f"{path}/{GIBIBYTE}") == GIBIBYTE
    assert gateway.memory < before + ROOM


@pytest.mark.timeout(120)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_gibibyte_up_takes_bounded_memory(gateway: GatewayProcess, chunked: bool) -> None:
    """The backend counts every octet."""
    before = gateway.memory
    piece = bytes(1 << 20)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    headers = {} if chunked else {"Content-Length": str(GIBIBYTE)}

    connection.request("POST", "/sink", (piece for _ in range(1024)), headers, encode_chunked=chunked)

    assert connection.getresponse().read() == str(GIBIBYTE).encode()
    assert gateway.memory < before + ROOM
    connection.close()


def test_a_client_that_reads_slowly_pauses_the_backend(gateway: GatewayProcess) -> None:
    """Nothing is read for a second: neither side's data piles up in the gateway, and all of it arrives in the end."""
    size = 200 << 20
    before = gateway.memory
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % size)
        time.sleep(1)
        assert gateway.memory < before + ROOM
        received = 0
        while data := client.recv(1 << 20):
            received += len(data)
    assert received > size


def test_a_backend_that_breaks_off_breaks_off_the_client(gateway: GatewayProcess) -> None:
    """Half of the promised length: the client sees an error, not a short body."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("GET", "/cut/100000")
    response = connection.getresponse()

    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    until(lambda: any(record["reason"] == "upstream.reset" for record in gateway.logs))
