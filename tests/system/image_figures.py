"""The figures of docs/guides/container.md, of what `make test-image` built: `python -m tests.system.image_figures`."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.system import images
from tests.system.backends import backend
from tests.system.containers import HARDENED, Container

LAYERS = (
    "the base: Debian's C library, OpenSSL, Python and its modules",
    "bytecode of Python's own modules",
    "what `requirements/runtime.lock` pins, with bytecode",
    "the gateway: sources, bytecode, the compiled hot path",
)
COLD = "--env=PYTHONPYCACHEPREFIX=/none"
"""Python looks for bytecode where there is none."""
ROUNDS = 5
"""Starts, of which medians are told."""
TICKS = os.sysconf("SC_CLK_TCK")


def layers() -> Iterator[tuple[float, float]]:
    """Give the size of each layer in MB, unpacked and as it is fetched."""
    with tempfile.TemporaryDirectory() as place:
        images.podman("save", "--format=oci-dir", f"--output={place}", "gateway")
        blobs = Path(place, "blobs/sha256")
        index = json.loads(Path(place, "index.json").read_text())
        manifest = json.loads((blobs / index["manifests"][0]["digest"].partition(":")[2]).read_text())
        for layer in manifest["layers"]:
            packed = blobs / layer["digest"].partition(":")[2]
            with tarfile.open(packed) as archive:
                yield sum(member.size for member in archive) / 1e6, packed.stat().st_size / 1e6


def start(ports: tuple[int, int], *options: str) -> tuple[float, float, float]:
    """Return seconds and CPU seconds to the first answer, and MB resident after some requests, of a container."""
    with tempfile.TemporaryDirectory() as place:
        container = Container(Path(place), ports, (*HARDENED, *options))
        try:
            used = sum(map(int, Path(f"/proc/{container.pid}/stat").read_text().split()[13:15])) / TICKS
            for _ in range(100):
                requests.get(f"{container.url}/api/users/7", timeout=10).raise_for_status()
            return container.first_answer, used, int(container.status("VmRSS").split()[0]) / 1024
        finally:
            container.remove()


def say(line: str) -> None:
    """Print a line as soon as it is known."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Print what the guide says."""
    sizes = list(layers())
    say("| layer | MB | MB to fetch |\n| --- | --- | --- |")
    for name, (unpacked, packed) in zip(LAYERS, sizes, strict=True):
        say(f"| {name} | {unpacked:.1f} | {packed:.1f} |")
    whole = [sum(column) for column in zip(*sizes, strict=True)]
    say(f"| all | {whole[0]:.1f} | {whole[1]:.1f} |\n")
    with backend() as one, backend() as other:
        for name, options in (("with its bytecode", ()), ("without", (COLD,))):
            runs = [start((one.server_address[1], other.server_address[1]), *options) for _ in range(ROUNDS)]
            seconds, used, resident = (statistics.median(column) for column in zip(*runs, strict=True))
            say(f"{name}: first answer after {seconds:.2f} s, {used:.2f} s of CPU; {resident:.0f} MB resident")


if __name__ == "__main__":
    main()
