"""twistd's `--uid` by a real root: another user serves what only root may read, in one process and in several."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from gateway.identity.secrets import hash_secret
from tests.pki import Authority, key_pem, pem
from tests.rights import NOBODY, open_place
from tests.system import backends
from tests.system.gateway_process import CODE, TWISTD, until
from tests.system.ports import free_port, low_port

GROUP = NOBODY - 1
"""A group that is not the user's own."""
START = 60.0
"""Seconds within which processes have started, on a machine that has much else to do."""


def other_users_can_run_it() -> bool:
    """Whether another user may read this checkout and its Python."""
    found = subprocess.run(
        [sys.executable, "-P", "-c", "import gateway.tap"],
        user=NOBODY,
        cwd="/",
        env={"PYTHONPATH": CODE},
        capture_output=True,
        check=False,
    )
    return found.returncode == 0


pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
    pytest.mark.skipif(
        os.geteuid() == 0 and not other_users_can_run_it(), reason="this checkout may be read by its owner only"
    ),
]


class World:
    """A daemon of root's that becomes another user: `/etc` is root's, `/run` and `/var/log` are the user's."""

    def __init__(self, place: Path, origin: backends.Backend, processes: int) -> None:
        self.place = place
        self.etc, self.run = place / "etc", place / "run"
        self.run.mkdir()
        os.chown(self.run, NOBODY, NOBODY)
        self.pidfile, self.log, self.path = self.run / "gateway.pid", self.run / "gateway.log", self.run / "app.sock"
        authority = Authority("Servers")
        self.etc.mkdir()
        self.trusts = authority.write(self.etc / "ca.pem")
        certificate, key = authority.issue("127.0.0.1")
        (self.etc / "cert.pem").write_bytes(pem(certificate))
        secret = [self.etc / "key.pem", self.etc / "users", self.etc / "clients.crl", self.etc / "clients.pem"]
        secret[0].write_bytes(key_pem(key))
        secret[1].write_text(f"alice:{hash_secret('wonder', b'salt' * 4)}\n")
        authority.write_list(secret[2])
        authority.write(secret[3])
        for file in secret:
            file.chmod(0o600)
        live = self.etc / "live"
        authority.write_identity(live / "a" / "both.pem", "127.0.0.1")
        live.chmod(0o700)
        self.tls, self.names, self.low, self.admin = free_port(), free_port(), low_port(), free_port()
        self.configuration = self.etc / "gateway.yaml"
        self.text = f"""
processes: {processes}
listeners:
  - endpoint: "ssl:{self.tls}:privateKey={secret[0]}:certKey={self.etc}/cert.pem:interface=127.0.0.1"
  - endpoint: "sni:{self.names}:certificates={live}:clientCA={secret[3]}:clientAuth=request:interface=127.0.0.1"
  - endpoint: "tcp:{self.low}:interface=127.0.0.1"
  - endpoint: "unix:{self.path}:mode=666"
admin: {{endpoint: "tcp:{self.admin}:interface=127.0.0.1"}}
access_log: {{path: {self.run}/access.log}}
auth: {{basic: {{users_file: {secret[1]}}}, mtls: {{crl: {secret[2]}}}}}
upstreams: [{{name: app, backends: [{{url: "{origin.url}"}}]}}]
routes: [{{name: app, path: /*, auth: {{type: basic}}, upstream: app}}]
"""
        self.configuration.write_text(self.text)

    def start(self) -> None:
        """`twistd --pidfile --logfile --uid`, in the background."""
        done = subprocess.run(
            [
                *(TWISTD, f"--pidfile={self.pidfile}", f"--logfile={self.log}", "--uid", str(NOBODY)),
                *("--gid", str(GROUP), "--umask", "027"),
                *("gateway", "--config", self.configuration),
            ],
            cwd=self.place,
            env={**os.environ, "PYTHONPATH": CODE},
            capture_output=True,
            text=True,
            timeout=START,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), self.words

    @property
    def words(self) -> str:
        """What the log has."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def pid(self) -> int:
        """The process that serves."""
        with suppress(OSError, ValueError):
            return int(self.pidfile.read_text())
        return 0

    @property
    def workers(self) -> list[int]:
        """Its workers."""
        return [int(each) for each in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def seen(self) -> list[int]:
        """What a user is answered at each listener, and one whose password is wrong."""
        ask = {"auth": ("alice", "wonder"), "verify": str(self.trusts), "timeout": 10}
        urls = [f"https://127.0.0.1:{self.tls}", f"https://127.0.0.1:{self.names}", f"http://127.0.0.1:{self.low}"]
        found = [requests.get(f"{url}/name", **ask).status_code for url in urls]  # type: ignore[arg-type]
        wrong = requests.get(f"{urls[2]}/name", auth=("alice", "x"), timeout=10)
        with socket.socket(socket.AF_UNIX) as local:
            local.settimeout(10)
            local.connect(str(self.path))
            local.sendall(b"GET /name HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return [*found, wrong.status_code, int(local.recv(100).split()[1])]

    def wait(self, so: Callable[[], object]) -> None:
        """Wait until something is so; where it does not come to that, the log says why."""
        try:
            until(so, patience=START)
        except AssertionError:
            raise AssertionError(self.words) from None

    def stop(self) -> None:
        """End it in good order."""
        pid = self.pid
        if pid:
            os.kill(pid, signal.SIGTERM)
            self.wait(lambda: not Path(f"/proc/{pid}").exists())


ALL = [200, 200, 200, 401, 401]


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A daemon, ended afterwards."""
    with open_place() as place, backends.backend() as origin:
        world = World(place, origin, getattr(request, "param", 1))
        try:
            yield world
        finally:
            world.stop()


def _rights_of(pid: int) -> tuple[set[str], set[str], str]:
    """Return the ids of a process (real, effective, saved, of the file system; user, group), and its file mode mask."""
    lines = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return set(lines["Uid"].split()), set(lines["Gid"].split()), lines["Umask"]


@pytest.mark.parametrize("world", [1, 2], ids=["one-process", "two-processes"], indirect=True)
def test_what_only_root_may_read_is_served_by_another_user(world: World) -> None:
    """Started, a worker killed, a reload refused, an upgrade: the same in one process and in several."""
    world.start()
    given = {str(NOBODY)}, {str(GROUP)}, "0027"
    assert world.seen() == ALL
    for each in (world.pid, *world.workers):
        assert _rights_of(each) == given
    assert (world.pidfile.stat().st_uid, world.log.stat().st_uid, world.log.stat().st_gid) == (0, NOBODY, GROUP)
    assert oct(world.pidfile.stat().st_mode & 0o777) == "0o640"

    if world.workers:
        killed = world.workers[0]
        os.kill(killed, signal.SIGKILL)
        world.wait(lambda: len(world.workers) == 2 and killed not in world.workers)
        world.wait(lambda: "another is started" in world.words)
    assert world.seen() == ALL

    # Nobody has changed a file, so nobody has tried to read one again.
    assert "was not applied" not in world.words
    os.kill(world.pid, signal.SIGHUP)
    world.wait(lambda: "was not applied, the one before stays" in world.words)
    assert f"listeners[0].endpoint: cannot listen on ssl:{world.tls}" in world.words
    assert f"cannot read {world.etc}/key.pem: permission denied" in world.words
    assert world.seen() == ALL

    first = world.pid
    os.kill(first, signal.SIGUSR2)
    world.wait(lambda: world.pid != first)
    world.wait(lambda: not Path(f"/proc/{first}").exists())
    assert world.seen() == ALL
    for each in (world.pid, *world.workers):
        assert _rights_of(each) == given
    assert "are as the process before it has read them" in world.words
    for file in ("key.pem", "users", "clients.crl", "clients.pem", "live/a/both.pem"):
        assert f"{world.etc}/{file}" in world.words.rpartition("are as the process before")[2].partition("\n")[0]


def test_a_file_that_the_user_may_read_is_read_anew(world: World) -> None:
    """Keys and users are made the user's own; then everything is as without `--uid`: a reload takes what is there."""
    for file in world.etc.rglob("*"):
        os.chown(file, NOBODY, NOBODY)
    world.start()
    (world.etc / "users").write_text(f"alice:{hash_secret('land', b'salt' * 4)}\n")

    world.wait(lambda: "changes no key (files that it names may have changed)" in world.words)
    assert world.seen() == [401, 401, 401, 401, 401]
    first = world.pid
    os.kill(first, signal.SIGUSR2)
    world.wait(lambda: world.pid != first)
    assert world.seen() == [401, 401, 401, 401, 401]
    assert "has read them" not in world.words
