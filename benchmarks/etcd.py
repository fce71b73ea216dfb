"""An etcd server of the run's own, for instances that read their configuration from it."""

from __future__ import annotations

import json
import shutil
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.processes import Command, Process, free_port
from benchmarks.progress import warn
from benchmarks.stand import Stand


@contextmanager
def etcd(stand: Stand) -> Iterator[str | None]:
    """Start one; gives its URL, None where there is no such program."""
    program = shutil.which("etcd")
    if program is None:
        warn("no etcd: changes of the configuration through it are left out (apt-get install etcd-server)")
        yield None
        return
    port, peers = free_port(), free_port()
    url, among = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    argv = [
        program,
        f"--data-dir={stand.file(f'etcd-{port}')}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={among}",
        f"--initial-advertise-peer-urls={among}",
        f"--initial-cluster=default={among}",
    ]
    with Process(Command(argv), stand.file(f"etcd-{port}.log")) as server:
        server.wait_for_port(port)
        yield url


def put(url: str, key: str, value: str) -> None:
    """Write a key.

    Args:
        url: As `etcd` gives it.
        key: Its name.
        value: Its text.
    """
    said = json.dumps({"key": _base64(key), "value": _base64(value)}).encode()
    request = urllib.request.Request(f"{url}/v3/kv/put", said, {"Content-Type": "application/json"})  # noqa: S310 - http
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        answer.read()


def watches(url: str) -> int:
    """Return how many watches it has.

    Args:
        url: As `etcd` gives it.
    """
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:  # noqa: S310 - as above
        lines = answer.read().decode().splitlines()
    return next(int(float(line.split()[1])) for line in lines if line.startswith("etcd_debugging_mvcc_watcher_total "))


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
