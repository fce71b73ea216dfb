"""Load control in a process: a real event loop that is late, real memory, and queues on real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.system import backends
from tests.system.gateway_process import GatewayProcess, one_upstream, running, until

NOWHERE = b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as server:
        yield server


def reason(gateway: GatewayProcess) -> str | None:
    """Ask once; returns the reason for what was refused, None where it was served."""
    response = requests.get(f"{gateway.url}/all/name", timeout=60)  # of a loop that is kept busy for seconds a turn
    assert (response.status_code == 200) is ("Gateway-Reason" not in response.headers)
    assert response.status_code == 200 or "Retry-After" in response.headers
    return response.headers.get("Gateway-Reason")


def test_memory_past_its_mark_sheds_and_health_is_answered(tmp_path: Path, origin: backends.Backend) -> None:
    """A mark below what it occupies: everything gets 503, until the mark is raised."""
    configuration = one_upstream(origin.url, path="/all/*")
    with running(tmp_path, **configuration, limits={"memory": "1MiB"}) as gateway:
        assert reason(gateway) == "limit.overload"
        assert requests.get(f"{gateway.url}/health", timeout=10).status_code == 200
        assert gateway.metric("gateway_shed_level") == 3
        assert "Overload: every priority is shed (memory" in gateway.errors

        gateway.configure(**configuration, limits={"memory": "4GiB"})
        until(lambda: reason(gateway) is None, "it is still shed")


class Burden(threading.Thread):
    """A client that keeps the event loop busy: thousands of requests in a read, each answered at once."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.stop = False

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            reader = threading.Thread(target=self._read, args=(client,), daemon=True)
            reader.start()
            while not self.stop:
                client.sendall(NOWHERE * 2_000)
            client.shutdown(socket.SHUT_RDWR)
            reader.join(10)

    def _read(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while client.recv(1 << 20):
                pass


def test_a_busy_event_loop_sheds_and_recovers(tmp_path: Path, origin: backends.Backend) -> None:
    """Under a burden that takes all of its time: 503, health all the same; when that ends everything is served."""
    configuration = one_upstream(origin.url, path="/all/*")
    with running(tmp_path, **configuration, limits={"loop_lag": "50ms"}) as gateway:
        burdens = [Burden(gateway.port) for _ in range(3)]
        for burden in burdens:
            burden.start()
        try:
            until(lambda: reason(gateway) == "limit.overload", "nothing is shed")
            assert requests.get(f"{gateway.url}/health", timeout=60).status_code == 200
        finally:
            for burden in burdens:
                burden.stop = True
            for burden in burdens:
                burden.join(10)
        assert "is shed (loop lag" in gateway.errors
        until(lambda: reason(gateway) is None, "it does not recover")


def test_a_queue_serves_everybody_in_turn(tmp_path: Path, origin: backends.Backend) -> None:
    """Twenty at once where two may be: each gets its answer, and it takes as long as ten in a row."""
    configuration = one_upstream(origin.url)
    configuration["upstreams"][0] |= {"in_flight": 2, "queue": {"size": 100, "timeout": "20s"}}
    statuses: list[int] = []

    with running(tmp_path, **configuration) as gateway:

        def ask() -> None:
            statuses.append(requests.get(f"{gateway.url}/slow/0.1", timeout=20).status_code)

        clients = [threading.Thread(target=ask) for _ in range(20)]
        begun = time.monotonic()
        for client in clients:
            client.start()
        for client in clients:
            client.join(20)

        assert statuses == [200] * 20
        assert time.monotonic() - begun >= 1.0
        assert gateway.metric("gateway_admission_queued_total") > 0
        assert gateway.metric("gateway_admission_refused_total") == 0


def test_past_a_limit_without_a_queue_it_is_503_at_once(tmp_path: Path, origin: backends.Backend) -> None:
    """While the one place is held by a slow answer; then it is free again."""
    configuration = one_upstream(origin.url, in_flight=1)
    with running(tmp_path, **configuration) as gateway:
        slow = threading.Thread(target=lambda: requests.get(f"{gateway.url}/slow/1.5", timeout=10))
        slow.start()
        until(lambda: origin.waiting, "the backend was not asked")

        assert reason(gateway) == "limit.in_flight"
        slow.join(10)
        assert reason(gateway) is None
