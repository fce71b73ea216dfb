"""Several processes behind the same ports, by real ones: started, killed, changed, succeeded and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.pki import Authority, key_pem, pem
from tests.system import backends
from tests.system.gateway_process import BY_RUN, CODE, TWISTD, GatewayProcess, one_upstream, until
from tests.system.ports import free_port
from tests.system.test_upgrade import START, Clients, Upgraded, _children, _lives

pytestmark = pytest.mark.timeout(240)

HELLO = {"routes": [{"name": "hello", "path": "/*", "respond": {"body": "hello"}}]}


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as server:
        yield server


class Several(Upgraded):
    """A gateway of several processes."""

    def __init__(self, directory: Path, processes: object = 2, **configuration: Any) -> None:
        self.processes = processes
        super().__init__(directory, **configuration)

    def configure(self, **configuration: Any) -> None:
        """Write the configuration file."""
        super().configure(processes=self.processes, **configuration)

    def answers(self) -> bool:
        """Return whether it is ready, however long its processes take to start."""
        return "workers" in self.errors and super().answers()

    @property
    def workers(self) -> list[int]:
        """The processes that serve."""
        with suppress(OSError):
            return [pid for pid in _children(self.pid) if _lives(pid)]
        return []

    def run(self) -> Several:
        """Start it."""
        self.start(wait=False, command=(*BY_RUN, "--pidfile", self.pidfile))
        until(self.answers, "the gateway does not answer", START)
        return self


@pytest.fixture
def started(tmp_path: Path, origin: backends.Backend) -> Iterator[Several]:
    """Two processes before a backend."""
    gateway = Several(tmp_path, **one_upstream(origin.url))
    try:
        yield gateway.run()
    finally:
        gateway.end()


def is_free(port: int) -> bool:
    """Whether nobody listens."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def peers(pids: list[int], port: int) -> Counter[int]:
    """Count the open connections that each process has at a port of its own."""
    found: Counter[int] = Counter()
    inodes: dict[str, int] = {}
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                inodes[str(entry.readlink())] = pid
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "01":
            pid = inodes.get(f"socket:[{fields[9]}]", 0)
            if pid:
                found[pid] += 1
    return found


def test_it_starts_serves_and_ends(started: Several) -> None:
    """One log line for each fact, connections for each worker, an end in order with nobody left behind."""
    workers = started.workers
    assert len(workers) == 2
    assert started.errors.count("2 workers") == 1
    assert started.errors.count("Listening on") == 1

    sessions = [requests.Session() for _ in range(40)]
    assert {session.get(f"{started.url}/name", timeout=10).status_code for session in sessions} == {200}
    shares = peers(workers, started.port)
    assert min(shares[pid] for pid in workers) >= 6, shares

    assert started.process is not None
    started.signal(signal.SIGTERM)
    assert started.process.wait(START) == -signal.SIGTERM  # as one process ends
    assert not any(map(_lives, workers))
    assert is_free(started.port)
    assert not started.pidfile.exists()
    assert "Traceback" not in started.errors


def test_a_worker_that_is_killed_breaks_its_own_connections_and_is_replaced(started: Several) -> None:
    """Clients on other connections notice nothing, and who connects is served by the others: nobody is refused."""
    before = started.workers
    sessions = [requests.Session() for _ in range(30)]
    for session in sessions:
        session.get(f"{started.url}/name", timeout=10)
    own = peers(before, started.port)[before[0]]
    assert own

    os.kill(before[0], signal.SIGKILL)
    until(lambda: before[0] not in started.workers, "it does not die")
    broken = 0
    for session in sessions:
        try:
            session.post(f"{started.url}/name", data=b"x", timeout=START)
        except requests.ConnectionError:
            broken += 1

    assert broken <= own
    until(lambda: len(started.workers) == 2, "nobody comes after it", START)
    with Clients(started.url) as clients:
        until(lambda: clients.answers > 50, "nobody is answered", START)
    assert clients.faults == []
    assert "Worker" in started.errors


def test_when_the_parent_is_killed_workers_drain(started: Several, origin: backends.Backend) -> None:
    """What is in flight is answered, and then the ports are free."""
    workers = started.workers
    slow: list[int] = []
    asking = threading.Thread(target=lambda: slow.append(requests.get(f"{started.url}/slow/2", timeout=30).status_code))
    asking.start()
    until(lambda: origin.waiting)

    os.kill(started.pid, signal.SIGKILL)
    asking.join(START)

    assert slow == [200]
    until(lambda: not any(map(_lives, workers)), "workers stay", START)
    assert is_free(started.port)
    assert is_free(started.admin_port)
    started.pidfile.unlink()


def test_a_reload_under_load_fails_nobody_and_a_bad_one_changes_nothing(
    started: Several, origin: backends.Backend
) -> None:
    """In all workers or in none; said once."""
    version = {"respond": {"body": "new"}, "name": "new", "path": "/new"}
    both = one_upstream(origin.url)
    with Clients(started.url) as clients:
        for round_ in range(3):
            routes = [*both["routes"], {**version, "respond": {"body": f"new {round_}"}}]
            started.configure(**{**both, "routes": routes})
            os.kill(started.pid, signal.SIGHUP)
            until(lambda: f"version {round_ + 2}-" in started.errors, "it is not applied", START)  # noqa: B023  # at once
            answers = {requests.get(f"{started.url}/new", timeout=10).text for _ in range(20)}
            assert answers == {f"new {round_}"}
        started.configure(**{**both, "routes": [{"path": 7}]})
        os.kill(started.pid, signal.SIGHUP)
        until(lambda: "was not applied" in started.errors, "nobody says so", START)
        assert {requests.get(f"{started.url}/new", timeout=10).text for _ in range(20)} == {"new 2"}
    assert clients.faults == []
    assert started.errors.count("was not applied") == 1

    # A worker that comes while the file is wrong has what is in force.
    killed = started.workers[0]
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in started.workers and len(started.workers) == 2, "nobody comes after it", START)
    assert {requests.get(f"{started.url}/new", timeout=START).text for _ in range(20)} == {"new 2"}


def test_a_reload_opens_and_closes_ports(tmp_path: Path) -> None:
    """Of all workers at once; a port that is taken changes nothing."""
    gateway, other = Several(tmp_path, **HELLO), GatewayProcess(tmp_path)
    gateway.configure(**HELLO)
    fresh = f"tcp:{other.port}:interface=127.0.0.1"
    try:
        gateway.run()
        gateway.configure(**HELLO, listeners=[{"endpoint": fresh}])
        os.kill(gateway.pid, signal.SIGHUP)
        until(lambda: not is_free(other.port) and is_free(gateway.port), "ports are not changed", START)
        assert {requests.get(f"http://127.0.0.1:{other.port}/", timeout=10).text for _ in range(20)} == {"hello"}

        with closing(socket.create_server(("127.0.0.1", gateway.port))):
            gateway.configure(**HELLO)
            os.kill(gateway.pid, signal.SIGHUP)
            until(lambda: "already in use" in gateway.errors, "nobody says so", START)
            assert requests.get(f"http://127.0.0.1:{other.port}/", timeout=10).text == "hello"
    finally:
        gateway.end()


@pytest.mark.parametrize("after", [2, 3, 1])
def test_an_upgrade_under_load_loses_nobody(tmp_path: Path, origin: backends.Backend, after: int) -> None:
    """The new parent has the same sockets, for as many workers as it has."""
    gateway = Several(tmp_path, **one_upstream(origin.url)).run()
    try:
        first, workers = gateway.pid, gateway.workers
        gateway.processes = after
        gateway.configure(**one_upstream(origin.url))
        with Clients(gateway.url) as clients:
            done = gateway.upgrade()
            assert (done.returncode, done.stderr) == (0, "")
            until(lambda: not any(map(_lives, [first, *workers])), "the old ones stay", START)
            answered = clients.answers
            until(lambda: clients.answers > answered + 50, "nobody is answered", START)
        assert clients.faults == []
        assert len(gateway.workers) == (after if after > 1 else 0)
    finally:
        gateway.end()
    assert is_free(gateway.port)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"routes": [{"path": 7}]}, "routes[0].path"),
        ({**HELLO, "listeners": [{"endpoint": "tcp:{taken}:interface=127.0.0.1"}]}, "address already in use"),
        (
            {
                "upstreams": [
                    {"name": "a", "backends": [{"url": "https://127.0.0.1:1"}], "tls": {"ca": "/nowhere/ca.pem"}}
                ],
                "routes": [{"path": "/*", "upstream": "a"}],
            },
            "/nowhere/ca.pem",
        ),
    ],
)
def test_what_cannot_start_says_so_as_one_process_does(
    tmp_path: Path, processes: int, configuration: dict[str, Any], words: str
) -> None:
    """The same words once, the same exit code, whether the parent or a worker sees it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        text = str(taken.getsockname()[1])
        for listener in configuration.get("listeners", ()):
            configuration = {
                **configuration,
                "listeners": [{"endpoint": listener["endpoint"].replace("{taken}", text)}],
            }
        gateway = Several(tmp_path, processes, **configuration)
        gateway.start(wait=False, command=(*BY_RUN, "--pidfile", gateway.pidfile))
        assert gateway.process is not None
        assert gateway.process.wait(START) == 1
    assert gateway.errors.count(words) == 1, gateway.errors
    assert "Traceback" not in gateway.errors


def test_a_worker_that_hangs_is_killed_and_replaced(started: Several) -> None:
    """The log says which; meanwhile nobody waits for it."""
    stuck = started.workers[0]
    os.kill(stuck, signal.SIGSTOP)

    # Whoever connects to its queue is served by the other one, long before it is killed.
    asked = [requests.get(f"{started.url}/name", timeout=START).status_code for _ in range(20)]
    assert asked == [200] * 20
    assert _lives(stuck)
    until(lambda: not _lives(stuck), "it is not killed", 3 * START)
    until(lambda: len(started.workers) == 2, "nobody comes after it", START)

    assert "no sign of life" in started.errors


def test_a_worker_that_cannot_come_again_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Its key is gone: the other one serves all, at both ports, until it is there again."""
    authority = Authority()
    certificate, key = authority.issue("localhost")
    ca = str(tmp_path / "ca.pem")
    Path(ca).write_bytes(pem(authority.certificate))
    (tmp_path / "cert.pem").write_bytes(pem(certificate) + key_pem(key))
    secure, gateway = free_port(), Several(tmp_path, **HELLO)
    endpoints = (
        f"tcp:{gateway.port}:interface=127.0.0.1",
        f"ssl:{secure}:privateKey={tmp_path}/cert.pem:interface=127.0.0.1",
    )
    gateway.configure(**HELLO, listeners=[{"endpoint": endpoint} for endpoint in endpoints])
    urls = (gateway.url, f"https://localhost:{secure}/")
    try:
        gateway.run()
        (tmp_path / "cert.pem").rename(tmp_path / "away.pem")
        until(lambda: "was not applied" in gateway.errors, "nobody has noticed", START)
        killed = gateway.workers[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: gateway.errors.count("Worker 1 has ended") > 1, "another one has come", START)
        for _ in range(20):
            assert [requests.get(url, timeout=START, verify=ca).text for url in urls] == ["hello"] * 2

        (tmp_path / "away.pem").rename(tmp_path / "cert.pem")
        until(lambda: gateway.metric("gateway_workers") == 2, "it does not come again", START)
    finally:
        gateway.end()


def test_in_the_background_one_file_has_the_log_of_all(tmp_path: Path) -> None:
    """Twistd's daemon: the command ends when all serve; PID file and log are those of one gateway, SIGUSR1 for all."""
    gateway = Several(tmp_path, **HELLO)
    log = tmp_path / "twistd.log"
    done = subprocess.run(
        [TWISTD, "--pidfile", gateway.pidfile, "--logfile", log, "gateway", "--config", gateway.config],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": CODE},
        capture_output=True,
        text=True,
        timeout=2 * START,
        check=False,
    )
    try:
        assert (done.returncode, done.stderr) == (0, "")
        until(lambda: len(gateway.workers) == 2, "there are not two", START)
        assert requests.get(gateway.url, timeout=10).text == "hello"
        os.kill(gateway.pid, signal.SIGUSR1)
        until((tmp_path / "twistd.log.1").exists, "no other file is begun")
    finally:
        gateway.end()
    assert (tmp_path / "twistd.log.1").read_text().count("2 workers") == 1
    assert log.read_text().count("Draining") == 2
