"""The guide to systemd, done below a directory: its commands are real, or those of a service manager that is played."""

from __future__ import annotations

import os
import pwd
import shlex
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.rights import NOBODY
from tests.system.gateway_process import ROOT, TWISTD
from tests.system.guides import Guide
from tests.system.service_manager import OURS, ServiceManager

MADE = ("/etc/systemd/system", "/etc/sysusers.d", "/etc/tmpfiles.d", "/etc/logrotate.d")
"""Directories that every Debian has."""

SYSTEMCTL = """#!{python}
import socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.connect({path!r})
asking.sendall("\\0".join(sys.argv[1:]).encode())
asking.shutdown(socket.SHUT_WR)
code, _, words = asking.makefile().read().partition(" ")
sys.stdout.write(words)
sys.exit(int(code))
"""

SHIMS = {
    "sudo": 'exec "$@"',
    # By name there is no user `gateway` where this runs: root's programs are tried by themselves in another test.
    "systemd-sysusers": 'test -s "{root}/etc/sysusers.d/$1"',
    "systemd-tmpfiles": 'test -s "{root}/etc/tmpfiles.d/$2"',
    "journalctl": 'cat "{root}/journal"',
    "logrotate": 'sed -i "s/gateway gateway/{names}/; s,/var/log/gateway,{root}&,; s,/run/gateway,{root}&,g" "$2"\n'
    'exec {logrotate} --state="{root}/state" "$@"',
}


class SystemdGuide(Guide):
    """The guide, with its places below a directory."""

    def __init__(self, page: str, root: Path, ports: Mapping[int, int]) -> None:
        super().__init__(page, root, ports)
        self._root = root

    def _mine(self, text: str) -> str:
        for path in (*OURS, *MADE):
            text = text.replace(f"{path}/", f"{self._root}{path}/").replace(f"{path}\n", f"{self._root}{path}\n")
        text = text.replace("ls /var/log/gateway", f"ls {self._root}/var/log/gateway")
        user = pwd.getpwuid(NOBODY).pw_name
        return super()._mine(text.replace("--uid gateway", f"--uid {user}"))


class Systemctl:
    """What `systemctl` asks of the service manager; systemd's own words stand for what it does."""

    def __init__(self, root: Path, ports: dict[int, int]) -> None:
        self._root = root
        self._ports = ports
        self._manager = ServiceManager(root, ports=ports)
        self._manager.prepare()

    def __call__(self, words: list[str]) -> tuple[int, str]:
        """Do it; returns the exit code and what is printed."""
        manager = self._manager
        match words:
            case ["daemon-reload"]:
                return 0 if (self._root / "etc/systemd/system/gateway.service").exists() else 1, ""
            case ["enable", "--now", "gateway"] | ["start", "gateway"]:
                manager.start()
            case ["enable", "--now", "gateway.socket"]:
                manager.close()
                self._manager = ServiceManager(self._root, with_socket=True, ports=self._ports)
            case ["disable", "--now", "gateway.socket"]:
                manager.close()
                self._manager = ServiceManager(self._root, ports=self._ports)
            case ["stop", "gateway"]:
                manager.stop()
            case ["restart", "gateway"]:
                manager.stop()
                manager.start()
            case ["reload", "gateway"]:
                return manager.reload(), ""
            case ["is-active", "gateway"]:
                return 0, "active\n"
            case ["kill", "--kill-whom=main", named, "gateway"]:
                manager.kill(signal.Signals[named.removeprefix("--signal=")])
            case _:
                return 1, f"unknown: {words}\n"
        return 0, ""

    def close(self) -> None:
        """End the service."""
        self._manager.close()


@contextmanager
def played(root: Path, ports: dict[int, int], logrotate: str) -> Iterator[None]:
    """Have the commands of the guide in front of the path for as long as the block lasts."""
    systemctl = Systemctl(root, ports)

    class Asked(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """Answer one command."""
            try:
                code, printed = systemctl(self.rfile.read().decode().split("\0"))
            except AssertionError as error:
                code, printed = 1, f"{error}\n"
            self.wfile.write(f"{code} {printed}".encode())

    place = root / "shims"
    place.mkdir()
    group = subprocess.run(["id", "-gn", str(NOBODY)], capture_output=True, text=True, check=True).stdout.strip()
    names = f"{pwd.getpwuid(NOBODY).pw_name} {group}"
    known = {"root": root, "names": names, "logrotate": logrotate}
    files = {name: f"#!/bin/sh\n{text.format(**known)}\n" for name, text in SHIMS.items()}
    files["systemctl"] = SYSTEMCTL.format(python=sys.executable, path=str(root / "systemctl"))
    for name, text in files.items():
        (place / name).write_text(text)
        (place / name).chmod(0o755)
    (root / "opt/gateway/bin/twistd").write_text(f'#!/bin/sh\nexec {shlex.quote(str(TWISTD))} "$@"\n')
    (root / "opt/gateway/bin/twistd").chmod(0o755)
    for path in MADE:
        (root / path.removeprefix("/")).mkdir(parents=True)
    (root / "deploy").symlink_to(ROOT / "deploy")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{place}:{before}"
    with socketserver.ThreadingUnixStreamServer(str(root / "systemctl"), Asked) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            os.environ["PATH"] = before
            server.shutdown()
            systemctl.close()
