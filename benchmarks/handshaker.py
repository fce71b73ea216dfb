"""Clients that open TLS connections, each with a full handshake and one request. A program of its own.

python -m benchmarks.handshaker PORT PATH SECONDS CLIENTS CERTIFICATE

wrk and `openssl s_time` do not serve: wrk resumes the session of the connection before, and s_time asks by HTTP/1.0
without `Host`. A client here is a process, with one connection at a time: the next one begins when the answer to the
one request on it is there. That needs no more of the machine than a handshake costs in OpenSSL.
"""

from __future__ import annotations

import json
import socket
import ssl
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

from benchmarks.workload import fields

_CHUNK = 65536


@dataclass
class Done:
    """What one client did."""

    took: list[float] = field(default_factory=list)
    received: int = 0
    failed: int = 0


def work(port: int, path: str, certificate: str, until: float, _: int) -> Done:
    """Open connections until a time on the monotonic clock, one after the other; one at least."""
    done = Done()
    request = request_bytes(path)
    context = ssl.create_default_context(cafile=certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    while True:
        began = time.monotonic()
        try:
            answer = ask(context, port, request)
        except OSError:
            done.failed += 1
        else:
            done.took.append(time.monotonic() - began)
            done.received += len(answer)
            done.failed += not answer.startswith(b"HTTP/1.1 200 ")
        if time.monotonic() >= until:
            return done


def ask(context: ssl.SSLContext, port: int, request: bytes) -> bytes:
    """Open a connection, send a request, and return all that comes before the server closes.

    Raises:
        OSError: It failed, or was resumed: no session is offered, so that would be a fault of this program.
    """
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        if connection.session_reused:
            raise OSError("resumed")
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(_CHUNK):
            received += chunk
        return received


def request_bytes(path: str) -> bytes:
    """Return the request of every connection, after which it is closed."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Connection: close\r\n\r\n".encode()


def main(arguments: Sequence[str]) -> None:
    """Run all clients and print one line of JSON: what they did together."""
    port, path, seconds, clients, certificate = arguments
    began = time.monotonic()
    job = partial(work, int(port), path, certificate, began + float(seconds))
    with ProcessPoolExecutor(int(clients), get_context("fork")) as pool:
        found = list(pool.map(job, range(int(clients))))
    took = sorted(one for done in found for one in done.took)
    said = {
        "seconds": time.monotonic() - began,
        "requests": len(took),
        "received": sum(done.received for done in found),
        "mean": statistics.fmean(took) if took else 0.0,
        "p50": took[len(took) // 2] if took else 0.0,
        "p99": took[len(took) * 99 // 100] if took else 0.0,
        "failed": sum(done.failed for done in found),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1:])
