"""One process takes over from another, by real processes: nobody who asks meanwhile is refused or loses an answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.system import backends
from tests.system.gateway_process import (
    BY_RUN,
    CODE,
    ROOT,
    TWISTD,
    GatewayProcess,
    one_upstream,
    until,
)

pytestmark = pytest.mark.timeout(180)

START = 45.0
"""Seconds within which a process has started, on a machine that has much else to do."""


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as server:
        yield server


class Clients:
    """Ask without a pause, two on connections that they keep and two on a new one each time."""

    def __init__(self, url: str) -> None:
        self.answers = 0
        self.faults: list[object] = []
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(kept,)) for kept in (True, True, False, False)]

    def __enter__(self) -> Clients:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    def _ask(self, kept: bool) -> None:
        with requests.Session() as session:
            while not self._over.is_set():
                try:
                    asker = session if kept else requests
                    answer = asker.post(f"{self._url}/name", data=b"x", timeout=10)
                except requests.RequestException as error:
                    self.faults.append(error)
                else:
                    self.answers += 1
                    if answer.status_code != 200:
                        self.faults.append(answer.text)


class Upgraded(GatewayProcess):
    """A gateway with a PID file, whoever it names."""

    def __init__(self, directory: Path, **configuration: object) -> None:
        super().__init__(directory, **configuration)
        self.pidfile = directory / "gateway.pid"

    @property
    def pid(self) -> int:
        """The process that serves."""
        with suppress(OSError, ValueError):
            return int(self.pidfile.read_text())
        return 0

    def run(self) -> Upgraded:
        """Start it."""
        self.start(command=(*BY_RUN, "--pidfile", self.pidfile))
        return self

    def upgrade(self) -> subprocess.CompletedProcess[str]:
        """`gateway upgrade PIDFILE`."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "gateway.cli", "upgrade", self.pidfile],
            capture_output=True,
            text=True,
            timeout=2 * START,
            check=False,
            env={**os.environ, "PYTHONPATH": CODE},
        )

    def succeed(self, pid: int) -> None:
        """Send SIGUSR2, and wait until another process serves."""
        before = self.pid
        os.kill(pid, signal.SIGUSR2)
        until(lambda: self.pid != before, "it does not take over", START)

    def end(self) -> None:
        """End whoever serves."""
        pid = self.pid
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            until(lambda: not _lives(pid), "it does not end", START)
        self.stop()


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nobody_is_refused_and_no_answer_is_lost(tmp_path: Path, origin: backends.Backend) -> None:
    """Two upgrades under load, one more request in flight; the PID file names the new one and goes with it."""
    gateway = Upgraded(tmp_path, **one_upstream(origin.url)).run()
    slow: list[int] = []
    asking = threading.Thread(target=lambda: slow.append(requests.get(f"{gateway.url}/slow/4", timeout=20).status_code))
    try:
        first = gateway.pid
        asking.start()
        until(lambda: origin.waiting)
        with Clients(gateway.url) as clients:
            for _ in range(2):
                done = gateway.upgrade()
                assert (done.returncode, done.stderr) == (0, "")
            time.sleep(0.5)
            assert gateway.pid != first
            assert gateway.process is not None
            assert gateway.wait() == 0
        asking.join()

        assert clients.faults == []
        assert clients.answers > 50
        assert slow == [200]
        assert requests.get(f"{gateway.url}/name", timeout=5).status_code == 200
    finally:
        gateway.end()
    assert not gateway.pidfile.exists()
    assert "Traceback" not in gateway.errors


def test_a_version_that_does_not_come_up_leaves_the_old_in_force(tmp_path: Path, origin: backends.Backend) -> None:
    """Here its configuration cannot be read: the log says so, and the file names whom it named."""
    gateway = Upgraded(tmp_path, **one_upstream(origin.url)).run()
    try:
        first = gateway.pid
        text = gateway.config.read_text()
        with Clients(gateway.url) as clients:
            gateway.config.write_text("rutes: []\n")
            os.kill(first, signal.SIGUSR2)
            until(
                lambda: "did not come up (exit code 1); this process serves on" in gateway.errors,
                "it says nothing",
                START,
            )
            gateway.config.write_text(text)

            assert gateway.pid == first
            assert gateway.upgrade().returncode == 0  # and the next one is not kept from it
        assert clients.faults == []
    finally:
        gateway.end()


def test_in_the_background_and_at_a_path(tmp_path: Path, origin: backends.Backend) -> None:
    """`twistd` as a daemon, `unix:`: the file of the socket and the log stay, and both go on with the new one."""
    path = tmp_path / "gateway.sock"
    listeners = [{"endpoint": f"unix:{path}:mode=600"}]
    gateway = Upgraded(tmp_path, **one_upstream(origin.url), listeners=listeners)
    log = tmp_path / "twistd.log"
    command = [str(TWISTD), f"--pidfile={gateway.pidfile}", "gateway", "--config", str(gateway.config)]
    subprocess.run(command, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": CODE}, timeout=30)
    try:
        first = gateway.pid
        until(lambda: _at(path) == b"HTTP/1.1 200 OK")

        done = gateway.upgrade()
        assert (done.returncode, done.stderr) == (0, "")
        until(lambda: not _lives(first), "the one before does not end", START)

        assert _at(path) == b"HTTP/1.1 200 OK"
        assert path.stat().st_mode & 0o777 == 0o600
        assert f"process {gateway.pid}, 1 worker" in log.read_text()
    finally:
        gateway.end()
    assert not path.exists()
    assert not gateway.pidfile.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_rights_that_were_given_up_are_not_needed_again(origin: backends.Backend) -> None:
    """`--uid`: the new process cannot take another user, and has a log file that root has opened."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        gateway = Upgraded(directory, **one_upstream(origin.url))
        gateway.config.chmod(0o644)
        command = [
            str(TWISTD),
            f"--pidfile={gateway.pidfile}",
            "--uid=65534",
            "gateway",
            "--config",
            str(gateway.config),
        ]
        subprocess.run(command, check=True, cwd=directory, env={**os.environ, "PYTHONPATH": CODE}, timeout=30)
        try:
            until(gateway.pidfile.exists)
            until(lambda: _is_there(gateway.port))
            done = gateway.upgrade()
            assert (done.returncode, done.stderr) == (0, "")
            assert Path(f"/proc/{gateway.pid}").stat().st_uid == 65534
            gateway.config.write_text("rutes: []")
            assert gateway.upgrade().returncode == 1
            assert "The installed version says: " in (directory / "twistd.log").read_text()
        finally:
            gateway.end()


def test_sockets_of_systemd_are_passed_on(tmp_path: Path, origin: backends.Backend) -> None:
    """`systemd:` endpoints, and the service manager hears who is the main process now (`Type=notify`)."""
    gateway = Upgraded(tmp_path, **one_upstream(origin.url), listeners=[{"endpoint": "systemd:domain=INET:index=0"}])
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(START)
    listening = socket.create_server(("127.0.0.1", gateway.port))

    def as_systemd_does() -> None:
        os.dup2(listening.fileno(), 3)

    environ = {**os.environ, "PYTHONPATH": CODE, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}
    environ["NOTIFY_SOCKET"] = str(tmp_path / "notify")
    command = [*BY_RUN, "--pidfile", str(gateway.pidfile), "--config", str(gateway.config)]
    with (tmp_path / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', *command],
            cwd=ROOT,
            env=environ,
            pass_fds=(3,),
            preexec_fn=as_systemd_does,
            stderr=errors,
        )
    try:
        assert manager.recv(100) == b"READY=1"
        os.kill(process.pid, signal.SIGHUP)
        assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(100) == b"READY=1"
        listening.close()
        with Clients(gateway.url) as clients:
            assert gateway.upgrade().returncode == 0
            assert process.wait(START) == 0
        heard = {manager.recv(100), manager.recv(100)}
        assert heard == {b"READY=1", f"MAINPID={gateway.pid}\nREADY=1".encode()}
        assert clients.faults == []
        assert clients.answers > 10
    finally:
        gateway.end()
        if process.poll() is None:
            process.kill()
            process.wait()
    assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.skipif(os.geteuid() != 0, reason="a process becomes the first of its container by root's hand only")
def test_as_the_first_process_of_a_container(tmp_path: Path, origin: backends.Backend) -> None:
    """It reaps what nobody else does, and stays when it has handed over: its end would be the container's."""
    gateway = Upgraded(tmp_path, **one_upstream(origin.url))
    unshared = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    if subprocess.run([*unshared, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a container")
    gateway.start(command=(*unshared, *BY_RUN, "--pidfile", gateway.pidfile))
    try:
        assert gateway.process is not None
        [first] = _children(gateway.process.pid)
        assert gateway.pid == 1
        enter = ["nsenter", f"--target={first}", "--pid", "--mount"]
        subprocess.run([*enter, "sh", "-c", "sleep 0.2 & exec true"], check=True)
        until(lambda: "defunct" not in subprocess.run([*enter, "ps", "ax"], capture_output=True, text=True).stdout)
        for _ in range(2):
            with Clients(gateway.url) as clients:
                gateway.succeed(first)
            assert clients.faults == []
            until(lambda: "init.py" in Path(f"/proc/{first}/cmdline").read_text(), "it does not stay")
            until(lambda: len(_children(first)) == 1, "nobody reaps")
            assert requests.get(f"{gateway.url}/name", timeout=5).status_code == 200

        os.kill(first, signal.SIGTERM)
        assert gateway.wait() == 128 + signal.SIGTERM
    finally:
        gateway.stop()
    assert "Traceback" not in gateway.errors


def _is_there(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _at(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(path))
        except OSError:
            return b""
        client.sendall(b"GET /name HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return client.recv(1000).partition(b"\r\n")[0]
