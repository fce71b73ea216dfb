"""A container of the gateway, as `docker run` makes it: nobody's rights, a root file system that is read only."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import Final

import requests

from tests.system import images
from tests.system.gateway_process import PATIENCE, ROOT, until
from tests.system.ports import free_port

HARDENED: Final = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")


class Container:
    """One that runs with the sample configuration, on ports of its own.

    Args:
        directory: For its configuration, which is mounted.
        backends: The ports of those that take the place of both in the sample.
        options: For `podman run`.
        added: What is put behind the sample.

    Attributes:
        url: Of its listener.
        admin: Of its admin port.
        first_answer: Seconds from `podman run` to the first answer.
    """

    def __init__(
        self, directory: Path, backends: tuple[int, int], options: tuple[str, ...] = HARDENED, added: str = ""
    ) -> None:
        self.name = f"gateway-{free_port()}"
        ports = {8080: free_port(), 9090: free_port(), 9001: backends[0], 9002: backends[1]}
        text = (ROOT / "etc/gateway.yaml").read_text()
        for theirs, ours in ports.items():
            text = re.sub(rf"\b{theirs}\b", str(ours), text)
        self.url, self.admin = (f"http://127.0.0.1:{ports[port]}" for port in (8080, 9090))
        self.configuration = directory / "etc"
        self.configuration.mkdir()
        self.configure(text + added)
        began = time.monotonic()
        images.podman(
            *("run", "--detach", "--name", self.name, f"--env=GATEWAY_ADMIN_URL={self.admin}", *options),
            *("--volume", f"{self.configuration}:/etc/gateway:ro", "gateway"),
        )
        try:
            until(self._answers, "the container does not answer")
        except AssertionError as error:
            error.add_note(self.logs())
            self.remove()
            raise
        self.first_answer = time.monotonic() - began
        self.pid = int(images.podman("inspect", "--format", "{{.State.Pid}}", self.name).stdout)

    def configure(self, text: str) -> None:
        """Write the configuration, in one step."""
        fresh = self.configuration / "gateway.new"
        fresh.write_text(text)
        fresh.rename(self.configuration / "gateway.yaml")

    def status(self, key: str) -> str:
        """Return what the kernel says of the process, by the key of /proc/PID/status."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return line.partition(":")[2].strip()
        raise KeyError(key)

    def signal(self, name: str) -> None:
        """Send its first process a signal."""
        images.podman("kill", "--signal", name, self.name)

    def wait(self) -> int:
        """Wait until it is over; returns its exit code."""
        return int(images.podman("wait", self.name).stdout)

    def logs(self) -> str:
        """Return what it has written to standard output and standard error."""
        told = images.podman("logs", self.name)
        return told.stdout + told.stderr

    def healthcheck(self) -> int:
        """Do what Docker does every few seconds; returns the exit code."""
        return images.podman("healthcheck", "run", self.name, check=False).returncode

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return images.podman("exec", self.name, *command, check=False)

    def remove(self) -> None:
        """End it, whatever it does."""
        images.podman("rm", "--force", "--time", "0", self.name)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/api/users/7", timeout=PATIENCE).status_code == 200
        except requests.ConnectionError:
            return False
