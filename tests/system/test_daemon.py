"""The gateway in the background: `twistd --pidfile --logfile --uid gateway --config`, with a real logrotate."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.rights import NOBODY, open_place
from tests.system import backends
from tests.system.gateway_process import CODE, ROOT, TWISTD, until
from tests.system.ports import free_port
from tests.system.test_rights import START, other_users_can_run_it

ROTATED = ROOT / "deploy" / "systemd" / "logrotate.conf"
IS_ROOT = os.geteuid() == 0 and other_users_can_run_it()

pytestmark = pytest.mark.timeout(180)


def text_of(file: Path) -> str:
    """Return what a log holds; nothing where it is not there yet."""
    return file.read_text() if file.exists() else ""


def opened(pid: int) -> list[str]:
    """Return the names of the files that a process has open."""
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.append(str(each.readlink()))
    return found


class Daemon:
    """A gateway in the background, of another user where root starts it."""

    def __init__(self, place: Path, origin: backends.Backend) -> None:
        self.place = place
        self.run, self.logs = place / "run", place / "log"
        for each in (self.run, self.logs):
            each.mkdir()
            if IS_ROOT:
                os.chown(each, NOBODY, pwd.getpwuid(NOBODY).pw_gid)
        self.pidfile, self.log, self.access = (
            self.run / "gateway.pid",
            self.logs / "gateway.log",
            self.logs / "access.log",
        )
        self.port, self.admin = free_port(), free_port()
        self.file = place / "gateway.yaml"
        self.text = f"""
listeners: [{{endpoint: "tcp:{self.port}:interface=127.0.0.1"}}]
admin: {{endpoint: "tcp:{self.admin}:interface=127.0.0.1"}}
access_log: {{path: {self.access}}}
upstreams: [{{name: app, backends: [{{url: "{origin.url}"}}]}}]
routes: [{{name: app, path: /*, upstream: app}}]
"""
        self.file.write_text(self.text)

    def start(self) -> tuple[int, str]:
        """Start it as the design says; returns the exit code and what is printed."""
        done = subprocess.run(
            [
                *(TWISTD, f"--pidfile={self.pidfile}", f"--logfile={self.log}"),
                *(["--uid", pwd.getpwuid(NOBODY).pw_name] if IS_ROOT else []),
                *("gateway", "--config", self.file),
            ],
            cwd=self.place,
            env={**os.environ, "PYTHONPATH": CODE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START,
            check=False,
        )
        return done.returncode, done.stdout

    @property
    def pid(self) -> int:
        """The process that the file names; 0 where there is none."""
        with suppress(OSError, ValueError):
            return int(self.pidfile.read_text())
        return 0

    @property
    def words(self) -> str:
        """What its log has."""
        return text_of(self.log)

    def get(self, path: str = "/name") -> str:
        """Ask."""
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=10).text

    def end(self, number: int) -> None:
        """End it by a signal, and wait until it is gone."""
        pid = self.pid
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            self.wait(lambda: not Path(f"/proc/{pid}").exists())

    def wait(self, so: Callable[[], object]) -> None:
        """Wait until something is so; where it does not come to that, the log says why."""
        try:
            until(so, patience=START)
        except AssertionError:
            raise AssertionError(self.words) from None


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """One that is not started; ended afterwards."""
    with open_place() as place, backends.backend("app") as origin:
        made = Daemon(place, origin)
        try:
            yield made
        finally:
            made.end(signal.SIGTERM)


def test_a_life_in_the_background(daemon: Daemon) -> None:
    """It serves when the command returns; a reload, a second start, a death without a farewell, a stop."""
    assert daemon.start() == (0, "")
    assert daemon.get() == "app"
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines())
    user = NOBODY if IS_ROOT else os.geteuid()
    assert set(status["Uid"].split()) == {str(user)}
    assert os.getsid(daemon.pid) != os.getsid(0)
    assert {str(Path(f"/proc/{daemon.pid}/fd/{number}").readlink()) for number in range(3)} == {"/dev/null"}
    daemon.wait(daemon.access.exists)
    assert (daemon.log.stat().st_uid, daemon.access.stat().st_uid) == (user, user)
    assert not daemon.log.stat().st_mode & 0o002

    daemon.file.write_text(daemon.text.replace("routes: [", "routes: [{path: /new, respond: {body: new}}, "))
    os.kill(daemon.pid, signal.SIGHUP)
    daemon.wait(lambda: "Configuration applied" in daemon.words)
    assert daemon.get("/new") == "new"

    first = daemon.pid
    code, printed = daemon.start()
    assert code == 1
    assert f"Another twistd server is running, PID {first}" in printed
    assert daemon.pid == first

    daemon.end(signal.SIGKILL)
    assert daemon.pid == first  # the file has stayed, and names nobody
    assert daemon.start()[0] == 0
    assert daemon.pid != first
    assert daemon.get() == "app"

    daemon.end(signal.SIGTERM)
    assert not daemon.pidfile.exists()
    assert daemon.words.rstrip().endswith("Server Shut Down.")


def test_a_start_that_fails_says_so_to_who_typed_it(daemon: Daemon) -> None:
    """A configuration that is wrong, a port that is taken: exit code 1, words at the terminal, and no PID file."""
    daemon.file.write_text("rutes: []\n")
    code, printed = daemon.start()
    assert code == 1
    assert f"{daemon.file}:1:1: rutes: " in printed
    assert "did you mean `routes`" in printed

    daemon.file.write_text(daemon.text)
    with socket.create_server(("127.0.0.1", daemon.port)):
        code, printed = daemon.start()
    assert code == 1
    assert f"gateway: cannot listen on tcp:{daemon.port}" in printed
    assert "address already in use" in printed.lower()
    assert f"{daemon.file}:2:" in daemon.words
    assert not daemon.pidfile.exists()

    assert daemon.start()[0] == 0


@pytest.mark.parametrize("how", ["a rename", "logrotate"])
def test_logs_are_rotated(daemon: Daemon, how: str) -> None:
    """Nothing that was logged is lost, and the files belong to the user of the gateway."""
    if how == "logrotate" and shutil.which("logrotate") is None:
        pytest.skip("there is no logrotate here (apt: logrotate)")
    assert daemon.start() == (0, "")
    assert daemon.get("/name?before") == "app"
    daemon.wait(lambda: "before" in text_of(daemon.access))
    if how == "a rename":
        for file in (daemon.log, daemon.access):
            file.rename(f"{file}.1")
        os.kill(daemon.pid, signal.SIGUSR1)
    else:
        _rotate(daemon)
    # It lets go of the access log at the signal, and opens the other when there is something to be said.
    daemon.wait(lambda: not any("/access.log" in each for each in opened(daemon.pid)))
    assert daemon.get("/name?after") == "app"
    os.kill(daemon.pid, signal.SIGHUP)
    daemon.wait(lambda: "after" in text_of(daemon.access) and "Configuration applied" in daemon.words)

    old = {
        file.name.partition(".")[0]: file for file in daemon.logs.iterdir() if file not in (daemon.log, daemon.access)
    }
    assert "before" in old["access"].read_text()
    assert "Listening on" in old["gateway"].read_text()
    assert "before" not in text_of(daemon.access)
    user = NOBODY if IS_ROOT else os.geteuid()
    assert {file.stat().st_uid for file in daemon.logs.iterdir()} == {user}


def _rotate(daemon: Daemon) -> None:
    """Run logrotate with the file that is shipped, for the places and the user of this test."""
    user = pwd.getpwuid(NOBODY if IS_ROOT else os.geteuid())
    names = f"{user.pw_name} {grp.getgrgid(user.pw_gid).gr_name}"
    text = ROTATED.read_text().replace("/var/log/gateway", str(daemon.logs)).replace("/run/gateway", str(daemon.run))
    assert text.count("gateway gateway") == 2
    file = daemon.place / "logrotate.conf"
    file.write_text(text.replace("gateway gateway", names))
    file.chmod(0o644)
    state = daemon.place / "state"
    done = subprocess.run(
        ["logrotate", "--force", f"--state={state}", file], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
