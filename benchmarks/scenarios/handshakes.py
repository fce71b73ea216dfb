"""What a new TLS connection costs: a full handshake (TLS 1.3, nothing resumed) and one request on each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks import wrk
from benchmarks.peers import ROOT
from benchmarks.proxies.base import Proxy
from benchmarks.scenarios.load import Load
from benchmarks.stand import Drive, Running, Stand
from benchmarks.workload import make_certificate

CLIENTS = 16
"""At a time, each with one connection."""


@dataclass(frozen=True)
class Handshakes(Load):
    """A load of `benchmarks.handshaker`.

    Attributes:
        rsa_bits: Size of the server's RSA key; 0: a key on P-256.
    """

    connections: int = CLIENTS
    tls: bool = True
    rsa_bits: int = 0

    def started(self, stand: Stand, proxies: Sequence[Proxy]) -> AbstractContextManager[list[Running]]:
        """Run the proxies with a certificate of that kind."""
        directory = stand.file(self.name)
        directory.mkdir()
        return stand.started(proxies, tls=True, certificate=make_certificate(directory, self.rsa_bits))

    @property
    def watched(self) -> int:
        """None: a client makes its next connection by itself, and says how many have failed."""
        return 0

    def drive(self, stand: Stand) -> Drive:
        """Return what opens connections to a proxy."""
        return lambda one, seconds: handshake(one, self.path, seconds, self.connections)


def handshake(one: Running, path: str, seconds: float, clients: int) -> wrk.Load:
    """Open connections for a time and return the counts.

    Raises:
        wrk.LoadFailed: The program ended with an error, or hung.
    """
    certificate = one.task.certificate
    assert certificate is not None
    said = [str(one.task.port), path, str(seconds), str(clients), str(certificate.chain)]
    argv = [sys.executable, "-m", "benchmarks.handshaker", *said]
    try:
        ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise wrk.LoadFailed(str(error)) from error
    if ended.returncode != 0:
        raise wrk.LoadFailed(ended.stderr.strip())
    return wrk.Load(**json.loads(ended.stdout))
