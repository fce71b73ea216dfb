"""A service manager that does what systemd would with the units of `deploy/systemd`, below a directory of its own.

It starts the command with the sockets of a socket unit (sd_listen_fds(3)), hears what the service says of itself
(sd_notify(3)), reloads and stops it as the unit says, and forbids it what the unit forbids: user, capabilities, system
calls, address families, executable memory. Which files it may see is not played.
"""

from __future__ import annotations

import ctypes.util
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.rights import NOBODY
from tests.system.gateway_process import CODE, ROOT, until

UNITS = ROOT / "deploy" / "systemd"
OURS = ("/opt/gateway", "/etc/gateway", "/run/gateway", "/var/lib/gateway", "/var/log/gateway")
"""Places that units and guides name, which are below the directory of a test."""
START = 90.0
"""Seconds within which a service is up, on a machine that has much else to do."""


def read_unit(text: str) -> dict[str, list[str]]:
    """Return the values of each key; an empty one forgets those before it."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals or line.startswith(("#", ";")):
            continue
        if value:
            found.setdefault(key, []).append(value)
        else:
            found[key] = []
    return found


@cache
def calls_of(group: str) -> frozenset[str]:
    """Return the system calls of one of systemd's groups."""
    shown = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    names = [line.strip() for line in shown.stdout.splitlines()[1:] if line.startswith("    ")]
    return frozenset().union(*(_calls(name) for name in names if not name.startswith("#")))


def _calls(name: str) -> frozenset[str]:
    return calls_of(name) if name.startswith("@") else frozenset([name])


def allowed_calls(said: list[str]) -> frozenset[str]:
    """Return what `SystemCallFilter=` leaves; every list of what may be called has systemd's own beginning."""
    left = calls_of("@default") if said else frozenset()
    for line in said:
        calls = frozenset().union(*map(_calls, line.removeprefix("~").split()))
        left = left - calls if line.startswith("~") else left | calls
    return left


def confines() -> bool:
    """Whether this machine has what forbids system calls by the names that units have for them."""
    return shutil.which("systemd-analyze") is not None and ctypes.util.find_library("seccomp") is not None


class ServiceManager:
    """Runs one service.

    Args:
        root: A directory that every user may enter; the service's files are below it.
        with_socket: Open the port of the socket unit too, as `systemctl enable gateway.socket` does.
        ports: Ports of the units, and those that they have instead.

    Attributes:
        main: The main process, 0 where none runs.
        told: What the service has said, line by line.
        failed: Exit codes of main processes that ended unasked.
    """

    def __init__(self, root: Path, *, with_socket: bool = False, ports: dict[int, int] | None = None) -> None:
        self.root = root
        self.main = 0
        self.told: list[str] = []
        self._ports = ports or {}
        self._sockets: list[socket.socket] = []
        self._names: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._unit = read_unit((UNITS / "gateway.service").read_text())
        if with_socket:
            self._open(read_unit((UNITS / "gateway.socket").read_text()))
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        (root / "notify").unlink(missing_ok=True)
        self._heard.bind(str(root / "notify"))
        (root / "notify").chmod(0o777)
        self._heard.settimeout(0.1)
        self._hearing = threading.Thread(target=self._hear)
        self._hearing.start()
        self.log = root / "journal"

    def place(self, path: str) -> Path:
        """Return where a path of the unit is."""
        return self.root / path.removeprefix("/")

    def prepare(self) -> None:
        """Make the directories that the unit asks for, and an installation: a script as pip writes it."""
        script = self.place("/opt/gateway/bin/gateway")
        script.parent.mkdir(parents=True)
        script.write_text(f"#!{sys.executable} -P\nfrom gateway.cli import main\nmain()\n")
        script.chmod(0o755)
        owned = {"RuntimeDirectory": "/run", "StateDirectory": "/var/lib", "LogsDirectory": "/var/log"}
        for key, above in {**owned, "ConfigurationDirectory": "/etc"}.items():
            (name,) = self._unit[key]
            made = self.place(f"{above}/{name}")
            made.mkdir(parents=True)
            if os.geteuid() == 0 and key in owned:
                os.chown(made, NOBODY, NOBODY)

    def start(self) -> None:
        """Start it, and return when it says that it is ready."""
        (command,) = self._unit["ExecStart"]
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": CODE, "NOTIFY_SOCKET": str(self.root / "notify")}
        if self._sockets:
            environ |= {"LISTEN_FDS": str(len(self._sockets)), "LISTEN_FDNAMES": ":".join(self._names)}
        self.told.clear()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_the_user(), *self._confined(), *self._words(command)],
                cwd=self.place(self._unit["WorkingDirectory"][0]),
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=range(3, 3 + len(self._sockets)),
                preexec_fn=self._hand_over if self._sockets else None,
                umask=int(self._unit["UMask"][0], 8),
            )
        self.main = self._process.pid
        until(lambda: "READY=1" in self.told or self._has_ended(), "it does not say that it is ready", START)
        assert "READY=1" in self.told, self.log.read_text()

    def reload(self) -> int:
        """Do what `systemctl reload` does; returns the exit code of the command that failed, 0 where none did."""
        for command in self._unit["ExecReload"]:
            with self.log.open("ab") as log:
                done = subprocess.run(self._words(command), stdout=log, stderr=log, env=self._environ(), check=False)
            if done.returncode:
                return done.returncode
        return 0

    def kill(self, number: int) -> None:
        """`systemctl kill --kill-whom=main`."""
        os.kill(self.main, number)

    def stop(self) -> None:
        """Stop it as the unit says (`KillMode=mixed`): the main process is asked, and ends in time."""
        if self.main:
            with suppress(ProcessLookupError):
                self.kill(signal.SIGTERM)
            until(self._has_ended, "it does not stop", float(self._unit["TimeoutStopSec"][0]))
        self.main = 0

    def close(self) -> None:
        """End all."""
        try:
            self.stop()
        finally:
            self._over.set()
            self._hearing.join()
            self._heard.close()
            for each in self._sockets:
                each.close()

    def _open(self, unit: dict[str, list[str]]) -> None:
        for stream in unit["ListenStream"]:
            host, _, port = stream.rpartition(":")
            listening = socket.socket(socket.AF_INET6)
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, unit["BindIPv6Only"] == ["ipv6-only"])
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host.strip("[]"), self._ports.get(int(port), int(port))))
            listening.listen(int(unit["Backlog"][0]))
            self._sockets.append(listening)
            self._names += unit["FileDescriptorName"]

    def _hand_over(self) -> None:
        for number, each in enumerate(self._sockets, 3):
            os.dup2(each.fileno(), number)

    def _words(self, command: str) -> list[str]:
        words = shlex.split(command.replace("$MAINPID", str(self.main)))
        return [str(self.place(word)) if word.startswith(OURS) else word for word in words]

    def _environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": CODE}

    def _as_the_user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        capabilities = [name.removeprefix("CAP_").lower() for name in self._unit["AmbientCapabilities"][0].split()]
        kept = ",".join(f"+{name}" for name in capabilities)
        return [
            *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
            *(f"--inh-caps=-all,{kept}", f"--ambient-caps=-all,{kept}", f"--bounding-set=-all,{kept}"),
        ]

    def _confined(self) -> list[str]:
        said = {
            "calls": sorted(allowed_calls(self._unit["SystemCallFilter"])) if confines() else [],
            "families": self._unit["RestrictAddressFamilies"][0].split(),
            "no_exec_gain": self._unit["MemoryDenyWriteExecute"] == ["yes"],
            "sockets": len(self._sockets),
        }
        return [sys.executable, str(ROOT / "tests" / "system" / "confined.py"), json.dumps(said)]

    def _hear(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                for line in self._heard.recv(4096).decode().splitlines():
                    if line.startswith("MAINPID="):
                        self.main = int(line.removeprefix("MAINPID="))
                    self.told.append(line)

    def _has_ended(self) -> bool:
        if self._process is not None:
            self._process.poll()
        return not _lives(self.main)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def workers(pid: int) -> Iterator[int]:
    """Give the children of a process."""
    yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
