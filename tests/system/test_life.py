"""The life of a gateway process: start, signals, reload under load, drain."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.system import backends
from tests.system.gateway_process import CODE, TWISTD, GatewayProcess, one_upstream, running, until
from tests.system.ports import free_port


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as server:
        yield server


@pytest.mark.parametrize("processes", [1, 2])
def test_a_port_in_use_is_one_clear_line_and_a_failure(
    tmp_path: Path, origin: backends.Backend, processes: int
) -> None:
    """With where it is asked for; the exit code says it too, and there is no traceback."""
    gateway = GatewayProcess(tmp_path, processes=processes, **one_upstream(origin.url))
    with socket.socket() as other:
        other.bind(("127.0.0.1", gateway.port))
        other.listen()
        gateway.start(wait=False)

        assert gateway.wait() == 1
    endpoint = f"tcp:{gateway.port}:interface=127.0.0.1"
    words = f"cannot listen on {endpoint}: address already in use"
    assert re.search(rf"{re.escape(words)} \({gateway.config}:\d+:\d+: listeners\[0\]\.endpoint\)", gateway.errors)
    assert "Traceback" not in gateway.errors


@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_that_cannot_be_used_is_one_clear_line_and_a_failure(
    tmp_path: Path, origin: backends.Backend, processes: int
) -> None:
    """With where it is named; a named pipe that nobody writes to does not hold up the start."""
    os.mkfifo(tmp_path / "page.html")
    pages = {"error_pages": {"404": "page.html"}}
    gateway = GatewayProcess(tmp_path, processes=processes, **pages, **one_upstream(origin.url))
    gateway.start(wait=False)

    assert gateway.wait() == 1
    words = f"error_pages.404: {tmp_path}/page.html: expected a file that can be read, found an error: it is no regular"
    assert re.search(rf"{gateway.config}:\d+:\d+: {re.escape(words)}", gateway.errors)
    assert "Traceback" not in gateway.errors


def test_a_daemon_that_cannot_bind_does_not_leave_its_caller_waiting(tmp_path: Path, origin: backends.Backend) -> None:
    """The waiting parent hears of it, says so and exits with 1."""
    gateway = GatewayProcess(tmp_path, **one_upstream(origin.url))
    with socket.socket() as other:
        other.bind(("127.0.0.1", gateway.port))
        other.listen()
        done = subprocess.run(
            [TWISTD, "--pidfile=gateway.pid", "--logfile=twistd.log", "gateway", "--config", gateway.config],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
            env={**os.environ, "PYTHONPATH": CODE},
        )

    assert done.returncode == 1
    assert "cannot listen on" in done.stderr
    # twistd's child tells its parent first and takes its file away then.
    until(lambda: not (tmp_path / "gateway.pid").exists(), "the PID file is still there")


def test_a_wrong_configuration_is_told_by_line_and_is_a_failure(tmp_path: Path) -> None:
    """Every problem has its line; nothing starts."""
    gateway = GatewayProcess(tmp_path, upstreams=[], routes=[{"path": "/*", "upstrem": "x"}])
    gateway.start(wait=False)

    assert gateway.wait() == 1
    assert "routes[0].upstrem" in gateway.errors
    assert "Traceback" not in gateway.errors


def test_the_application_log_may_be_json(tmp_path: Path, origin: backends.Backend) -> None:
    """Each line of standard error is an object, from twistd's first to its last."""
    with running(tmp_path, log={"format": "json"}, **one_upstream(origin.url)) as gateway:
        gateway.stop()
        lines = [json.loads(line) for line in gateway.errors.splitlines()]

    assert {"timestamp", "level", "logger", "message"} <= lines[0].keys()
    assert [line for line in lines if line["message"].startswith("Listening on tcp 127.0.0.1:")]
    assert lines[-1]["message"] == "Server Shut Down."


def test_term_lets_what_is_in_flight_finish(tmp_path: Path, origin: backends.Backend) -> None:
    """SIGTERM: no new connection, the slow answer arrives with Connection: close, and it ends."""
    with running(tmp_path, **one_upstream(origin.url)) as gateway:
        answers: list[requests.Response] = []
        asking = threading.Thread(target=lambda: answers.append(requests.get(f"{gateway.url}/slow/0.8", timeout=10)))
        asking.start()
        until(lambda: origin.waiting, "the backend was not asked")

        gateway.signal(signal.SIGTERM)
        until(lambda: _refused(gateway.port), "the port is still open")
        asking.join(10)

        assert gateway.wait() == -signal.SIGTERM  # twistd ends by the signal that stopped it
        assert answers[0].status_code == 200
        assert answers[0].headers["Connection"] == "close"
        assert gateway.logs[-1]["status_code"] == 200


def test_term_cuts_off_what_takes_longer_than_the_drain(tmp_path: Path, origin: backends.Backend) -> None:
    """A request that outlasts timeouts.shutdown does not hold the process."""
    configuration = {**one_upstream(origin.url), "timeouts": {"shutdown": "300ms"}}
    with running(tmp_path, **configuration) as gateway, socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(b"GET /slow/5 HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: origin.waiting)
        begun = time.monotonic()

        gateway.signal(signal.SIGTERM)

        assert gateway.wait() == -signal.SIGTERM  # twistd ends by the signal that stopped it
        assert time.monotonic() - begun < 3


def test_usr1_opens_the_access_log_anew(tmp_path: Path, origin: backends.Backend) -> None:
    """Logrotate moves the file and sends SIGUSR1: later records are in the new file, none is lost."""
    with running(tmp_path, **one_upstream(origin.url)) as gateway:
        requests.get(f"{gateway.url}/name?before", timeout=5)
        until(lambda: gateway.access_log.exists() and gateway.logs)
        rotated = tmp_path / "access.log.1"
        gateway.access_log.rename(rotated)

        gateway.signal(signal.SIGUSR1)
        time.sleep(0.2)  # a signal says nothing back
        requests.get(f"{gateway.url}/name?after", timeout=5)
        until(lambda: gateway.access_log.exists() and gateway.logs, "the log was not opened anew")

        assert [json.loads(line)["query"] for line in rotated.read_text().splitlines()] == ["before"]
        assert [record["query"] for record in gateway.logs] == ["after"]


def test_hup_applies_another_configuration(tmp_path: Path, origin: backends.Backend) -> None:
    """A route that comes with the new file is served, and the metric counts it."""
    with running(tmp_path, **one_upstream(origin.url, path="/a/*")) as gateway:
        assert requests.get(f"{gateway.url}/b/1", timeout=5).status_code == 404
        gateway.configure(**one_upstream(origin.url, path="/b/*"))

        gateway.signal(signal.SIGHUP)

        until(lambda: requests.get(f"{gateway.url}/b/1", timeout=5).status_code == 200)
        assert requests.get(f"{gateway.url}/a/1", timeout=5).status_code == 404
        assert gateway.metric("gateway_config_reloads_total") >= 1
        assert gateway.metric("gateway_config_last_reload_successful") == 1


def test_a_changed_file_is_applied_without_being_asked(tmp_path: Path, origin: backends.Backend) -> None:
    """Inotify sees the replaced file."""
    with running(tmp_path, **one_upstream(origin.url, path="/a/*")) as gateway:
        gateway.configure(**one_upstream(origin.url, path="/b/*"))

        until(lambda: requests.get(f"{gateway.url}/b/1", timeout=5).status_code == 200)


def test_a_config_map_that_is_swapped_is_applied(tmp_path: Path, origin: backends.Backend) -> None:
    """Kubernetes mounts a link to a link to a directory, and swaps the second."""
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
    gateway = GatewayProcess(tmp_path / "v1", **one_upstream(origin.url, path="/a/*"))
    changed = json.loads(gateway.config.read_text()) | one_upstream(origin.url, path="/b/*")
    (tmp_path / "v2" / "gateway.json").write_text(json.dumps(changed))
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "gateway.json").symlink_to("..data/gateway.json")
    gateway.config = tmp_path / "gateway.json"
    try:
        gateway.start()
        (tmp_path / "..data_tmp").symlink_to("v2")
        (tmp_path / "..data_tmp").replace(tmp_path / "..data")

        until(lambda: requests.get(f"{gateway.url}/b/1", timeout=5).status_code == 200)
    finally:
        gateway.stop()


def test_a_file_that_does_not_validate_changes_nothing(tmp_path: Path, origin: backends.Backend) -> None:
    """The log says why, the failure is counted, and traffic goes on as before."""
    with running(tmp_path, **one_upstream(origin.url)) as gateway:
        gateway.config.write_text('{"routes": 3}')

        gateway.signal(signal.SIGHUP)

        until(lambda: "routes: expected" in gateway.errors, "the log does not say why")
        assert requests.get(f"{gateway.url}/name", timeout=5).text == "backend"
        assert gateway.metric("gateway_config_last_reload_successful") == 0


def test_listeners_come_and_go_with_a_reload(tmp_path: Path, origin: backends.Backend) -> None:
    """The new port is open before the old one closes; a connection on the old one lives on."""
    with running(tmp_path, **one_upstream(origin.url)) as gateway, requests.Session() as session:
        assert session.get(f"{gateway.url}/name", timeout=5).status_code == 200
        old, gateway.port = gateway.port, free_port()

        gateway.configure(**one_upstream(origin.url))

        until(lambda: not _refused(gateway.port))
        until(lambda: _refused(old))
        assert session.get(f"{gateway.url}/name", timeout=5).status_code == 200


RELOADS = 200


def test_hundreds_of_reloads_under_load_fail_no_request(tmp_path: Path) -> None:
    """Routes and backends come and go while clients ask: no failure, no connection cut, memory flat."""
    with backends.backend("one") as one, backends.backend("two") as two:
        shapes = [
            one_upstream(one.url),
            one_upstream(one.url, two.url),
            one_upstream(two.url),
            {**one_upstream(two.url, one.url), "timeouts": {"connect": "4s"}},
        ]
        with running(tmp_path, **shapes[0]) as gateway:
            load = [_Load(gateway.url) for _ in range(4)]
            for thread in load:
                thread.start()
            memory = 0
            for number in range(RELOADS):
                gateway.configure(**shapes[number % len(shapes)])
                before = len(gateway.errors)
                gateway.signal(signal.SIGHUP)
                until(lambda before=before: "Configuration applied" in gateway.errors[before:], "not applied")
                if number == RELOADS // 2:
                    memory = gateway.memory
            for thread in load:
                thread.stop = True
            for thread in load:
                thread.join(10)

            assert [thread.failures for thread in load] == [[]] * len(load)
            assert sum(thread.done for thread in load) > RELOADS
            assert [thread.connections for thread in load] == [1] * len(load)
            assert gateway.memory < memory * 1.1 + 4_000_000


class _Load(threading.Thread):
    """A client that asks again and again on one connection."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.stop = False
        self.done = 0
        self.connections = 1
        self.failures: list[str] = []

    def run(self) -> None:
        with requests.Session() as session:
            while not self.stop:
                try:
                    response = session.get(f"{self.url}/name", timeout=10)
                except requests.RequestException as error:
                    self.failures.append(repr(error))
                    continue
                if response.status_code != 200 or response.text not in ("one", "two"):
                    self.failures.append(f"{response.status_code} {response.text}")
                if response.headers.get("Connection") == "close":
                    self.connections += 1
                self.done += 1


def _refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0
