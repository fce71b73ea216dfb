"""What an idle client connection costs: 5,000 of them, each kept after one request."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import hpack

from benchmarks import figures, usage
from benchmarks.figures import Outcome, Table
from benchmarks.progress import say, warn
from benchmarks.proxies.base import Proxy
from benchmarks.stand import Running, Stand
from benchmarks.workload import ANSWER, ANSWER_PATH, Headers, Task

CONNECTIONS = 5_000
_BEFORE = 50
_SOURCES = 8
_WATCHED_SECONDS = 2.0
_SETTLING_SECONDS = 1.0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
_SETTINGS_ACK = bytes(3) + b"\x04\x01" + bytes(4)


@dataclass(frozen=True)
class Idle:
    """Memory per idle connection, and CPU while nothing happens.

    Attributes:
        tls: Whether the connections are encrypted.
        http2: Whether they speak HTTP/2.
    """

    name: str = "idle"
    connections: int = CONNECTIONS
    tls: bool = False
    http2: bool = False

    def run(self, stand: Stand, proxies: Sequence[Proxy]) -> Outcome:
        """Measure one proxy after the other, alone."""
        outcome = Outcome()
        rows = []
        for proxy in proxies:
            with stand.started([proxy], tls=self.tls, http2=self.http2) as running:
                if running:
                    rows += self._hold(stand, running[0], outcome)
        kind = "idle connections of HTTP/2" if self.http2 else "idle keep-alive connections"
        kind += " with TLS" if self.tls else ""
        title = f"{self.name}: {self.connections:,} {kind}, one request served on each"
        header = ["proxy", "connections", "KiB/connection", "by PSS", "RSS MiB before", "RSS MiB", "CPU % idle"]
        if rows:
            outcome.tables.append(Table(title, header, rows))
        return outcome

    def _hold(self, stand: Stand, running: Running, outcome: Outcome) -> list[list[str]]:
        name = running.proxy.name
        request = (http2_bytes if self.http2 else request_bytes)(stand.headers)
        # What the first requests load and allocate belongs to the process, not to a connection.
        with held(running.task, _BEFORE, request):
            pass
        time.sleep(_SETTLING_SECONDS)
        before, before_shared = usage.rss(running.pid), usage.pss(running.pid)
        try:
            with held(running.task, self.connections, request) as sockets:
                time.sleep(_SETTLING_SECONDS)
                resident, shared = usage.rss(running.pid), usage.pss(running.pid)
                started = usage.cpu(running.pid)
                time.sleep(_WATCHED_SECONDS)
                idle_cpu = (usage.cpu(running.pid) - started).total / _WATCHED_SECONDS
                alive = sum(is_open(one) for one in sockets)
        except OSError as error:
            warn(f"{name}: {self.connections} connections cannot be held: {error}")
            return []
        if alive < self.connections:
            warn(f"{name}: closed {self.connections - alive} of the connections")
        each = (resident - before) / self.connections
        say(f"  {self.name}  {name:<18} {each / 1024:>7.1f} KiB/connection  {idle_cpu:.1%} CPU")
        key = f"{self.name}.{name}"
        outcome.figures |= {f"{key}.bytes": each, f"{key}.cpu": idle_cpu, f"{key}.alive": alive}
        outcome.raw[name] = {"before": before, "resident": resident, "alive": alive, "cpu": idle_cpu}
        row = [
            name,
            f"{alive:,}",
            f"{each / 1024:.1f}",
            f"{(shared - before_shared) / self.connections / 1024:.1f}",
            figures.mebi(before),
            figures.mebi(resident),
            f"{idle_cpu:.1%}",
        ]
        return [row]


@contextlib.contextmanager
def held(task: Task, count: int, request: bytes) -> Iterator[list[socket.socket]]:
    """Open connections, have one request answered on each, and keep them open."""
    sockets: list[socket.socket] = []
    context = None
    if task.certificate:
        context = ssl.create_default_context(cafile=str(task.certificate.chain))
        if task.http2:
            context.set_alpn_protocols(["h2"])
    try:
        for number in range(count):
            # Several source addresses: the ports of one would run short next to those in TIME_WAIT.
            source = (f"127.0.0.{2 + number % _SOURCES}", 0)
            one = socket.create_connection(("127.0.0.1", task.port), timeout=10, source_address=source)
            if context:
                one = context.wrap_socket(one, server_hostname="localhost")
            sockets.append(one)
            one.sendall(request)
            _receive_answer(one)
            if task.http2:
                one.sendall(_SETTINGS_ACK)
        yield sockets
    finally:
        for one in sockets:
            one.close()


def request_bytes(headers: Headers) -> bytes:
    """The request of the other scenarios, as it goes over the wire."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"GET {ANSWER_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n".encode()


def http2_bytes(headers: Headers) -> bytes:
    """The same as the first octets of a connection of HTTP/2: preface, settings, and a request on the first stream."""
    pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", "127.0.0.1"), (":path", ANSWER_PATH)]
    block = hpack.Encoder().encode([*pseudo, *((name.lower(), value) for name, value in headers)])
    return _PREFACE + len(block).to_bytes(3) + b"\x01\x05" + (1).to_bytes(4) + block


def is_open(one: socket.socket) -> bool:
    """Whether the other side has kept the connection: it is open and has nothing to say."""
    one.setblocking(False)
    try:
        return bool(one.recv(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False


def _receive_answer(one: socket.socket) -> None:
    received = b""
    while ANSWER not in received:
        chunk = one.recv(65536)
        if not chunk:
            raise ConnectionResetError("closed before the answer")
        received += chunk
