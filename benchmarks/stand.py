"""The test stand: one backend, and proxies set up in front of it one after the other."""

from __future__ import annotations

import http.client
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks import backend, usage, workload, wrk
from benchmarks.cores import set_apart
from benchmarks.peers import find
from benchmarks.processes import CannotStart, Process, free_port
from benchmarks.progress import say, warn
from benchmarks.proxies.base import Proxy
from benchmarks.workload import ANSWER, Certificate, Headers, Task

BACKEND_PORT = 9001


@dataclass(frozen=True)
class Running:
    """A proxy at work."""

    proxy: Proxy
    task: Task
    process: Process

    @property
    def pid(self) -> int:
        """Root of its process tree."""
        return self.process.pid


@dataclass(frozen=True)
class Round:
    """One measurement of one proxy under load; times in seconds, sizes in bytes; `failed` has stalls too."""

    cpu: float
    load: wrk.Load
    rss: int
    failed: int

    @property
    def cpu_per_request(self) -> float:
        """CPU seconds that the proxy's processes used, divided by the requests served."""
        return self.cpu / self.load.requests if self.load.requests else float("inf")


NO_ANSWER = (OSError, http.client.HTTPException, httpx.HTTPError)
"""What `ask` raises where no answer comes."""

Drive = Callable[[Running, float], wrk.Load]
"""Loads a proxy for some seconds."""


class Stand:
    """Everything that a scenario needs to measure."""

    def __init__(
        self,
        directory: Path,
        backend_port: int,
        seconds: float,
        rounds: int,
        cores: Set[int] | None = None,
        http2_port: int = 0,
    ) -> None:
        """Make one.

        Args:
            directory: For all files of the run.
            backend_port: Where the backend listens.
            seconds: Length of one measurement.
            rounds: Measurements of each proxy.
            cores: Where proxies run; None for all.
            http2_port: Where the backend listens for HTTP/2 by prior knowledge.
        """
        self.backend_port = backend_port
        self.http2_port = http2_port
        self.seconds = seconds
        self.rounds = rounds
        self.certificate = workload.make_certificate(directory)
        self.headers = workload.headers()
        self._directory = directory
        self._cores = cores
        self._made = 0

    @contextmanager
    def started(
        self,
        proxies: Sequence[Proxy],
        tls: bool = False,
        routes: int = 1,
        certificate: Certificate | None = None,
        headers: Headers | None = None,
        http2: bool = False,
        http2_backend: bool = False,
    ) -> Iterator[list[Running]]:
        """Run the proxies that can do a task; those that cannot are said and left out.

        Args:
            proxies: To be started.
            tls: Whether they terminate TLS.
            routes: How many they have.
            certificate: For TLS, in place of the stand's own.
            headers: With which they give the backend's answer, in place of the stand's own.
            http2: Whether clients speak HTTP/2.
            http2_backend: Whether the backend does.
        """
        with ExitStack() as stack:
            running = []
            for proxy in proxies:
                started = self.start(proxy, tls, routes, certificate, headers, http2, http2_backend)
                if started is not None:
                    stack.callback(started.process.stop)
                    running.append(started)
            yield running

    def start(
        self,
        proxy: Proxy,
        tls: bool = False,
        routes: int = 1,
        certificate: Certificate | None = None,
        headers: Headers | None = None,
        http2: bool = False,
        http2_backend: bool = False,
    ) -> Running | None:
        """Start one proxy and see that it gives the backend's answer; None if it cannot be used."""
        task = self._task(proxy, routes, (certificate or self.certificate) if tls else None, http2, http2_backend)
        missing = [program for program in proxy.needs if find(program) is None]
        if missing or not proxy.can(task):
            say(f"  {proxy.name}: left out, {'no ' + ', '.join(missing) if missing else 'not its task'}", "dim")
            return None
        process: Process | None = None
        try:
            process = Process(proxy.prepare(task), task.output, self._cores)
            process.wait_for_port(task.port)
            path = workload.ANSWER_PATH if task.routes == 1 else workload.route_path(0) + "42"
            self.expect(task, path, ANSWER, headers=headers)
        except (*NO_ANSWER, CannotStart) as error:
            warn(f"{proxy.name}: cannot be measured: {error}")
            if process is not None:
                process.stop()
            return None
        return Running(proxy, task, process)

    def expect(
        self, task: Task, path: str, answer: bytes | None, body: bytes = b"", headers: Headers | None = None
    ) -> None:
        """See that a proxy does the work at all before it is timed: one request, and the backend's answer to it.

        Args:
            task: Of a proxy that is listening.
            path: Asked for.
            answer: The body that must come back; None for any.
            body: To be sent; empty for a GET.
            headers: To be sent, in place of the stand's own.

        Raises:
            CannotStart: Another answer came.
        """
        status, got = ask(task, path, dict(self.headers if headers is None else headers), body)
        if status != 200 or (answer is not None and got != answer):
            raise CannotStart(f"answered {path} with {status} and {len(got)} bytes: {got[:60]!r}")

    def file(self, name: str) -> Path:
        """Name a file that goes with the run."""
        return self._directory / name

    def lua(self, name: str, text: str) -> Path:
        """Keep a load script for wrk."""
        path = self.file(f"{name}.lua")
        path.write_text(text)
        return path

    def measure(self, running: Running, path: str, lua: Path, connections: int) -> Round:
        """Load one proxy with wrk for the time of a round."""
        return self.measured(
            running, lambda one, seconds: wrk.run(one.task.url(path), lua, seconds, connections), connections
        )

    def measured(self, running: Running, drive: Drive, watched: int) -> Round:
        """Load one proxy for the time of a round, with so many requests always in flight."""
        before = usage.cpu(running.pid)
        load = drive(running, self.seconds)
        spent = usage.cpu(running.pid) - before
        unanswered = load.unanswered(watched)
        if unanswered:
            warn(f"{running.proxy.name}: about {unanswered} of {watched} connections wait for an answer")
        return Round(spent.total, load, usage.rss(running.pid), load.failed + unanswered)

    def warm_up(self, running: Running, path: str, lua: Path, connections: int) -> None:
        """Load it for a second without counting: pools fill, caches warm."""
        wrk.run(running.task.url(path), lua, 1, connections)

    def _task(
        self, proxy: Proxy, routes: int, certificate: Certificate | None, http2: bool, http2_backend: bool
    ) -> Task:
        self._made += 1
        directory = self._directory / f"{self._made:03}-{proxy.name}"
        directory.mkdir()
        backend_port = self.http2_port if http2_backend else self.backend_port
        return Task(free_port(), free_port(), backend_port, directory, certificate, routes, http2, http2_backend)


@contextmanager
def stand(seconds: float, rounds: int, backend_port: int = BACKEND_PORT, *, pin: bool = False) -> Iterator[Stand]:
    """Set up the backend in a temporary directory, and take everything down afterwards.

    Args:
        seconds: Length of one measurement.
        rounds: Measurements of each proxy.
        backend_port: Where the backend listens, if nobody does.
        pin: Whether proxies have a core of their own, and all else of the run is kept off it.
    """
    cores = set_apart() if pin else None
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name:
        port = free_port(backend_port)
        if port != backend_port:
            say(f"port {backend_port} is taken: the backend listens on {port}", "dim")
        http2_port = free_port()
        with backend.start(Path(name) / "backend", port, http2_port):
            yield Stand(Path(name), port, seconds, rounds, cores, http2_port)


def ask(
    task: Task, path: str, headers: dict[str, str], body: bytes = b"", timeout: float = 10, port: int = 0
) -> tuple[int, bytes]:
    """Send one request over a connection of its own; a POST if it has a body; without TLS to another port, if given.

    It goes over HTTP/2 where the task says that clients speak that, except to another port.
    """
    if task.http2 and not port:
        verify = ssl.create_default_context(cafile=str(task.certificate.chain)) if task.certificate else False
        with httpx.Client(http1=False, http2=True, verify=verify, timeout=timeout) as client:
            answer = client.request("POST" if body else "GET", task.url(path), headers=headers, content=body or None)
            return answer.status_code, answer.content
    connection: http.client.HTTPConnection
    if port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    elif task.certificate:
        context = ssl.create_default_context(cafile=str(task.certificate.chain))
        connection = http.client.HTTPSConnection("127.0.0.1", task.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", task.port, timeout=timeout)
    try:
        connection.request("POST" if body else "GET", path, body or None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
