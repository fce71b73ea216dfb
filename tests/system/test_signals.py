"""Signals at every moment of a gateway's life, to real processes: while it starts, serves, reloads and drains."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.system import backends
from tests.system.gateway_process import BY_RUN, BY_TWISTD, GatewayProcess, one_upstream, running, until

STARTS = pytest.mark.parametrize("command", [BY_RUN, BY_TWISTD], ids=["run", "twistd"])
STOPS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as server:
        yield server


def holding(directory: Path, origin: backends.Backend, command: tuple[str | Path, ...]) -> GatewayProcess:
    """Start a gateway, and go on in the moment in which signals do not end it any more."""
    gateway = GatewayProcess(directory, **one_upstream(origin.url))
    gateway.start(wait=False, command=command)
    end = time.monotonic() + 15
    while not all(map(gateway.catches, (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2))):
        assert time.monotonic() < end, gateway.errors
        time.sleep(0.001)
    return gateway


def test_run_holds_signals_before_anything_that_takes_time(tmp_path: Path, origin: backends.Backend) -> None:
    """Neither the schema nor the parser of HTTP is loaded yet: what is left of the window is Python's own start."""
    gateway = holding(tmp_path, origin, BY_RUN)
    try:
        assert gateway.process is not None
        libraries = Path(f"/proc/{gateway.process.pid}/maps").read_text()

        assert "pydantic_core" not in libraries
        assert "httptools" not in libraries
    finally:
        gateway.stop()


@STARTS
def test_signals_during_the_start_do_not_end_it(
    tmp_path: Path, origin: backends.Backend, command: tuple[str | Path, ...]
) -> None:
    """SIGHUP and SIGUSR1, again and again until it serves; and it has read its configuration again by then."""
    gateway = holding(tmp_path, origin, command)
    try:
        sent = 0
        while not gateway.answers():
            for number in (signal.SIGHUP, signal.SIGUSR1):
                gateway.signal(number)
            sent += 1
            time.sleep(0.01)
            assert sent < 1500, gateway.errors
        until(lambda: "Configuration applied" in gateway.errors, "the signal was forgotten")

        assert sent > 5
        assert requests.get(f"{gateway.url}/name", timeout=5).status_code == 200
    finally:
        assert gateway.stop() == -signal.SIGTERM
    assert "Traceback" not in gateway.errors


def test_a_signal_that_came_early_is_acted_on(tmp_path: Path, origin: backends.Backend) -> None:
    """One SIGHUP, long before there is a configuration to read again."""
    gateway = holding(tmp_path, origin, BY_RUN)
    try:
        gateway.signal(signal.SIGHUP)

        until(lambda: "Configuration applied" in gateway.errors, "the signal was forgotten")
    finally:
        gateway.stop()


@STOPS
@pytest.mark.parametrize("after", [0.0, 0.1, 0.2, 0.35, 0.5, 0.8])
def test_a_stop_during_the_start_is_one(
    tmp_path: Path, origin: backends.Backend, number: signal.Signals, after: float
) -> None:
    """At once while nobody is served, in order afterwards; the exit code is the signal, and there is no traceback."""
    gateway = holding(tmp_path, origin, BY_RUN)
    time.sleep(after)
    gateway.signal(number)

    assert gateway.wait() == -number
    assert "Traceback" not in gateway.errors


@STOPS
def test_the_second_one_ends_it_at_once(tmp_path: Path, origin: backends.Backend, number: signal.Signals) -> None:
    """What is in flight is cut off and has its record; a shell sees the signal; there is no traceback."""
    with running(tmp_path, **one_upstream(origin.url)) as gateway, _asking(gateway, "/slow/20"):
        until(lambda: origin.waiting)
        gateway.signal(number)
        until(lambda: "Draining" in gateway.errors)
        begun = time.monotonic()
        gateway.signal(number)

        assert gateway.wait() == -number
        assert time.monotonic() - begun < 6
        assert [record["path"] for record in gateway.logs] == ["/slow/20"]
    assert "Traceback" not in gateway.errors
    assert "Error" not in gateway.errors


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1], ids=["HUP", "USR1"])
def test_other_signals_during_the_drain_do_not_cut_it_short(
    tmp_path: Path, origin: backends.Backend, number: signal.Signals
) -> None:
    """What is in flight is finished, and nothing is opened again."""
    with running(tmp_path, **one_upstream(origin.url)) as gateway:
        answers: list[requests.Response] = []
        asking = threading.Thread(target=lambda: answers.append(requests.get(f"{gateway.url}/slow/1", timeout=10)))
        asking.start()
        until(lambda: origin.waiting)
        gateway.signal(signal.SIGTERM)
        until(lambda: "Draining" in gateway.errors)
        for _ in range(3):
            gateway.signal(number)
            time.sleep(0.05)
        asking.join(10)

        assert [answer.status_code for answer in answers] == [200]
        assert gateway.wait() == -signal.SIGTERM
    assert "Traceback" not in gateway.errors


def test_reloads_in_a_burst_are_one_after_the_other(tmp_path: Path, origin: backends.Backend) -> None:
    """SIGHUP while a reload runs: the last configuration is in force, whatever came between."""
    with running(tmp_path, **one_upstream(origin.url, path="/a/*")) as gateway:
        for number in range(30):
            gateway.configure(**one_upstream(origin.url, path=f"/{number}/*"))
            gateway.signal(signal.SIGHUP)

        until(lambda: requests.get(f"{gateway.url}/29/1", timeout=5).status_code == 200)
        assert requests.get(f"{gateway.url}/28/1", timeout=5).status_code == 404


def test_a_stop_right_after_a_reload_is_a_stop(tmp_path: Path, origin: backends.Backend) -> None:
    """SIGHUP and SIGTERM in one breath."""
    with running(tmp_path, **one_upstream(origin.url)) as gateway:
        gateway.configure(**one_upstream(origin.url, path="/b/*"))
        gateway.signal(signal.SIGHUP)
        gateway.signal(signal.SIGTERM)

        assert gateway.wait() == -signal.SIGTERM
    assert "Traceback" not in gateway.errors


def test_between_not_ready_and_refused_there_is_time(tmp_path: Path, origin: backends.Backend) -> None:
    """`timeouts.shutdown_delay`: /ready says 503 while new connections are still served, and told to close."""
    with running(tmp_path, **one_upstream(origin.url), timeouts={"shutdown_delay": "1500ms"}) as gateway:
        gateway.signal(signal.SIGTERM)
        ready = f"http://127.0.0.1:{gateway.admin_port}/ready"
        until(lambda: requests.get(ready, timeout=5).status_code == 503)
        answer = requests.get(f"{gateway.url}/name", timeout=5)

        assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
        assert gateway.wait() == -signal.SIGTERM


def _asking(gateway: GatewayProcess, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", gateway.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return client
