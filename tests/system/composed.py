"""compose.yaml, started by podman-compose, in a network of its own that has nothing but a loopback interface.

The file is used as it stands: its services, commands, mounts, rights, order and names. Two things differ. All
containers share one network namespace, made here, where the name of each service is 127.0.0.1: not every machine lets
containers have a bridge. Prometheus listens where the file publishes it, since the admin port has port 9090 there.
And the images of others are made of Debian's packages, under the names that the file has, since no registry of images
is asked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deploy.container.tools import TOOLS
from tests.system import images
from tests.system.gateway_process import ROOT

PROMETHEUS: Final = "127.0.0.1:9091"
"""Where compose.yaml publishes it."""
_SERVICES: Final[dict[str, dict[str, Any]]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
_STAND_INS: Final = {
    "redis": """
RUN apt-get -qq update && apt-get -qq --yes install --no-install-recommends redis-server
RUN install -d -o redis /data
WORKDIR /data
""",
    "prometheus": f"""
RUN apt-get -qq update && apt-get -qq --yes install --no-install-recommends prometheus
RUN install -d -o nobody /prometheus
USER nobody
VOLUME /prometheus
ENTRYPOINT ["prometheus", "--web.listen-address={PROMETHEUS}"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
""",
}
"""What stands in for the images of others, on the base that the gateway's is built on; both begin like the original."""


def missing() -> str:
    """Return why compose.yaml cannot be started here; empty where it can."""
    absent = [program for program in ("curl", "ip", "nsenter", "unshare") if shutil.which(program) is None]
    if not (TOOLS / "podman_compose.py").exists():
        absent.append(f"podman-compose in {TOOLS}")
    return f"no {' and no '.join(absent)}" if absent else images.missing()


def make_stand_ins() -> None:
    """Make the images of others that compose.yaml names, where they are not there yet."""
    for service, steps in _STAND_INS.items():
        name = _SERVICES[service]["image"]
        if images.podman("image", "exists", name, check=False).returncode == 0:
            continue
        place = images.STORE / service
        place.mkdir(exist_ok=True)
        (place / "Dockerfile").write_text(f"FROM localhost/build\n{steps}")
        images.build_file(place, name)


class Composed:
    """All services, up.

    Args:
        namespace: The process whose network they have.
        directory: For what is told to compose beside compose.yaml.
    """

    def __init__(self, namespace: int, directory: Path) -> None:
        self._inside = ["nsenter", f"--target={namespace}", "--net"]
        hosts = [f"{name}:127.0.0.1" for name in _SERVICES]
        beside = {"services": {name: {"network_mode": "host", "extra_hosts": hosts} for name in _SERVICES}}
        self._beside = directory / "beside.yaml"
        self._beside.write_text(yaml.safe_dump(beside))

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run podman-compose on the file."""
        command = [sys.executable, "-m", "podman_compose", "--in-pod", "false"]
        command += ["--file", str(ROOT / "compose.yaml"), "--file", str(self._beside)]
        environ = {**images.environment(), "PYTHONPATH": str(TOOLS)}
        done = subprocess.run(
            [*self._inside, *command, *arguments],
            cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def get(self, address: str) -> dict[str, Any]:
        """Ask for JSON, from inside of the network; {} while nobody answers it with 200."""
        done = subprocess.run(
            [*self._inside, "curl", "--silent", "--fail", "--max-time", "10", f"http://{address}"],
            env=os.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return found

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the container of a service."""
        return self._podman("exec", self.container(service), *command)

    def healthcheck(self, service: str) -> int:
        """Do what Docker does every few seconds, by the check that the service has; returns the exit code."""
        return self._podman("healthcheck", "run", self.container(service)).returncode

    def _podman(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # From inside: what podman starts in a container of the "host" network gets the network that podman itself has.
        return subprocess.run(
            [*self._inside, "podman", *arguments],
            env=images.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def container(self, service: str) -> str:
        """Return the name of the container of a service."""
        return f"gateway_{service}_1"


@contextmanager
def composed(directory: Path) -> Iterator[Composed]:
    """Start all services, and end them with whatever they keep."""
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 1800"],
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "up\n"
        services = Composed(holder.pid, directory)
        try:
            services.compose("up", "--no-build", "--detach")
            yield services
        finally:
            services.compose("down", "--volumes", "--timeout", "10")
    finally:
        holder.kill()
        holder.wait()
