"""The units of `deploy/systemd`: systemd's own judgement of them, and the service that they start, played for real."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.pki import Authority
from tests.rights import open_place
from tests.system import backends
from tests.system.gateway_process import BY_RUN, CODE, PATIENCE, until
from tests.system.ports import free_port, low_port
from tests.system.service_guide import SystemdGuide, played
from tests.system.service_manager import OURS, START, UNITS, ServiceManager, confines, read_unit, workers
from tests.system.test_rights import other_users_can_run_it

pytestmark = pytest.mark.timeout(240)

IS_ROOT = os.geteuid() == 0 and other_users_can_run_it()


def needs(program: str, package: str) -> Any:
    """Skip a test where a program of Debian's is not there."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no {program} here (apt: {package})")


@needs("systemd-analyze", "systemd")
def test_systemd_has_nothing_against_the_units(tmp_path: Path) -> None:
    """No key that it does not know; the program of the unit is one that is there."""

    def verify() -> tuple[int, str]:
        for name in ("gateway.service", "gateway.socket"):
            text = (UNITS / name).read_text().replace("/opt/gateway/bin/gateway ", "/bin/true ")
            (tmp_path / name).write_text(text.replace("ProtectSystem=", key))
        units = [tmp_path / "gateway.service", tmp_path / "gateway.socket"]
        done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    key = "ProtectSystem="
    assert verify() == (0, "")
    key = "ProtectSystems="
    assert "'ProtectSystems'" in verify()[1]


@needs("systemd-analyze", "systemd")
def test_the_service_is_exposed_to_little() -> None:
    """Below 2.0 of 10 in systemd's own measure."""
    shown = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=19", "--no-pager", UNITS / "gateway.service"],
        capture_output=True,
        text=True,
        check=False,
    )

    found = re.search(r"Overall exposure level for gateway.service: ([0-9.]+)", shown.stdout)
    assert found is not None, shown.stdout + shown.stderr
    assert float(found[1]) < 2.0
    assert shown.returncode == 0


@needs("systemd-sysusers", "systemd")
@needs("systemd-tmpfiles", "systemd")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make users and directories of theirs")
def test_user_and_directories_are_made(tmp_path: Path) -> None:
    """By systemd's own programs, below a directory."""
    for kind in ("sysusers", "tmpfiles"):
        place = tmp_path / "etc" / f"{kind}.d"
        place.mkdir(parents=True)
        shutil.copy(UNITS / f"{kind}.conf", place / "gateway.conf")

    for command in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        done = subprocess.run(
            [*command, f"--root={tmp_path}", "gateway.conf"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    user = next(line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("gateway:"))
    _, _, uid, gid, _, home, shell = user.split(":")
    assert (home, shell) == ("/var/lib/gateway", "/usr/sbin/nologin")
    (unit,) = read_unit((UNITS / "gateway.service").read_text())["User"]
    assert unit == "gateway"
    found = {path: (tmp_path / path.removeprefix("/")).stat() for path in OURS if path != "/opt/gateway"}
    assert {path: (oct(status.st_mode & 0o777), status.st_uid, status.st_gid) for path, status in found.items()} == {
        "/etc/gateway": ("0o750", 0, int(gid)),
        "/run/gateway": ("0o755", int(uid), int(gid)),
        "/var/lib/gateway": ("0o750", int(uid), int(gid)),
        "/var/log/gateway": ("0o750", int(uid), int(gid)),
    }


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend("app") as server:
        yield server


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the service's user may enter."""
    with open_place() as found:
        yield found


class Service:
    """The service of the unit, with a port in the clear and one of TLS."""

    def __init__(self, place: Path, origin: backends.Backend, *, processes: int, with_socket: bool = False) -> None:
        own_low = os.geteuid() == 0 and not with_socket
        self.port, self.tls, self.admin = low_port() if own_low else free_port(), free_port(), free_port()
        self.manager = ServiceManager(place, with_socket=with_socket, ports={80: self.port})
        self.manager.prepare()
        self.file = self.manager.place("/etc/gateway/gateway.yaml")
        authority = Authority()
        self.trusts = authority.write(place / "ca.pem")
        authority.write_identity(self.file.parent / "tls" / "both.pem", "127.0.0.1")
        clear = "systemd:domain=INET6:name=http" if with_socket else f"tcp:{self.port}:interface=127.0.0.1"
        certificates = f"certificates={self.file.parent}/tls:clientCA={self.trusts}:clientAuth=request"
        self.text = f"""
processes: {processes}
listeners:
  - endpoint: "{clear}"
  - endpoint: "sni:{self.tls}:{certificates}:interface=127.0.0.1"
admin: {{endpoint: "tcp:{self.admin}:interface=127.0.0.1"}}
access_log: {{path: {self.manager.place("/var/log/gateway/access.log")}}}
upstreams: [{{name: app, backends: [{{url: "http://localhost:{origin.server_address[1]}"}}]}}]
routes: [{{name: app, path: /*, upstream: app}}]
"""
        self.file.write_text(self.text)

    def seen(self) -> list[object]:
        """What clients are answered."""
        plain = requests.get(f"http://127.0.0.1:{self.port}/name", timeout=10)
        closed = requests.get(f"https://127.0.0.1:{self.tls}/name", verify=str(self.trusts), timeout=10)
        return [plain.text, closed.text, requests.get(f"http://127.0.0.1:{self.port}/new", timeout=10).status_code]


@pytest.mark.parametrize(("processes", "with_socket"), [(1, False), (2, True)], ids=["its-own-ports", "two-and-socket"])
def test_the_service_of_the_unit(place: Path, origin: backends.Backend, processes: int, with_socket: bool) -> None:
    """It serves with what the unit leaves it; a reload, one that is refused, an upgrade, a stop."""
    service = Service(place, origin, processes=processes, with_socket=with_socket)
    manager = service.manager
    try:
        manager.start()
        assert service.seen() == ["app", "app", 200]
        if confines():
            for pid in (manager.main, *workers(manager.main)):
                assert "\nSeccomp:\t2\n" in Path(f"/proc/{pid}/status").read_text()

        answer = "{name: new, path: /new, respond: {status: 204}}"
        service.file.write_text(service.text.replace("routes: [", f"routes: [{answer}, "))
        manager.told.clear()
        assert manager.reload() == 0
        until(lambda: "READY=1" in manager.told, "it does not say that it has reloaded", START)
        assert manager.told[0] == "RELOADING=1"
        assert service.seen() == ["app", "app", 204]

        good = service.file.read_text()
        service.file.write_text("rutes: []\n")
        assert manager.reload() == 1
        assert "did you mean `routes`" in manager.log.read_text()
        assert service.seen() == ["app", "app", 204]

        service.file.write_text(good)
        first = manager.main
        manager.kill(signal.SIGUSR2)
        until(lambda: manager.main != first, "nobody takes over", START)
        assert service.seen() == ["app", "app", 204]
        assert manager.place("/run/gateway/gateway.pid").read_text() == str(manager.main)

        left = [manager.main, *workers(manager.main)]
        manager.stop()
        assert manager.told[-1] == "STOPPING=1"
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), "somebody stays", START)
        assert "Traceback" not in manager.log.read_text()
    finally:
        manager.close()


def test_who_comes_while_it_is_restarted_waits(place: Path, origin: backends.Backend) -> None:
    """The socket is systemd's: it is open before the gateway runs, and between two of them."""
    service = Service(place, origin, processes=1, with_socket=True)
    manager = service.manager
    try:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", service.port), timeout=START) as early:
                early.sendall(b"GET /name HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                manager.start()
                assert b"200 OK" in early.recv(100)
            manager.stop()
    finally:
        manager.close()


@needs("systemd-socket-activate", "systemd")
def test_systemds_own_activation(tmp_path: Path, origin: backends.Backend) -> None:
    """`systemd-socket-activate` opens the port, and starts the gateway with the first connection."""
    port, admin = free_port(), free_port()
    file = tmp_path / "gateway.yaml"
    file.write_text(f"""
listeners: [{{endpoint: "systemd:domain=INET:name=http"}}]
admin: {{endpoint: "tcp:{admin}:interface=127.0.0.1"}}
upstreams: [{{name: app, backends: [{{url: "{origin.url}"}}]}}]
routes: [{{name: app, path: /*, upstream: app}}]
""")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(
                    "systemd-socket-activate",
                    f"--listen=127.0.0.1:{port}",
                    "--fdname=http",
                    f"--setenv=PYTHONPATH={CODE}",
                ),
                *(sys.executable, *BY_RUN[1:], "--config", file),
            ],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: "Listening on" in (tmp_path / "log").read_text(), patience=START)
        assert requests.get(f"http://127.0.0.1:{port}/name", timeout=START).text == "app"
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == -signal.SIGTERM, (tmp_path / "log").read_text()


@needs("logrotate", "logrotate")
@pytest.mark.skipif(not IS_ROOT, reason="the guide has root's commands")
def test_the_guide(place: Path, origin: backends.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first file to the last log line."""
    logrotate = shutil.which("logrotate")
    assert logrotate is not None
    ports = {80: free_port(), 9090: free_port(), 9001: origin.server_address[1]}
    monkeypatch.setenv("PATH", os.environ["PATH"])
    with played(place, ports, logrotate):
        guide = SystemdGuide("docs/guides/systemd.md", place, ports)
        try:
            assert guide.follow() >= 40
        finally:
            guide.stop()
