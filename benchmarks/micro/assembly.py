"""The gateway of a checkout, assembled over memory, and slices of work for it.

The one module here that imports the gateway: `worker` puts the checkout on the path before it imports this.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock

from benchmarks import workload
from benchmarks.micro.clients import Client, TLSClient, Wire
from benchmarks.micro.exchanges import COLLECTOR, REDIS, Exchange, redis_answers
from gateway.composition.assembly import assemble
from gateway.config.loading import from_mapping
from gateway.listening.endpoints import HTTP11
from gateway.listening.single_certificate import SingleCertificate
from gateway.memory.stand_ins import NoThreads
from gateway.transport.tls import over_tls

CLIENTS = 64


class Log:
    """An access log whose lines are counted."""

    dropped = 0
    running = True

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.write = self.lines.append


class Backend:
    """Where the gateway dials: every connection is accepted, in the turn after it was asked for.

    What is dialled at the port of Redis is a Redis that has room under every limit; it answers all commands of a turn
    together.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.redis: list[Callable[[], None]] = []
        self.dialled: list[Callable[[], None]] = []
        self.collectors: list[Collector] = []

    def dial(self, host: str, port: int, tls: Any, make: Callable[[], Any], timeout: float, *rest: Any) -> Any:
        done: Deferred[Any] = Deferred()

        def accept() -> None:
            protocol = make()
            receive = protocol.dataReceived
            if port == REDIS:
                protocol.makeConnection(Wire(lambda data: self.redis.append(partial(receive, redis_answers(data)))))
            elif port == COLLECTOR:
                collector = Collector(receive)
                self.collectors.append(collector)
                protocol.makeConnection(Wire(collector.take))
            else:
                protocol.makeConnection(Wire(lambda data: self.asked.append(receive)))
            done.callback(protocol)

        self.dialled.append(accept)
        return done

    def connect(self) -> None:
        """Accept what was dialled."""
        dialled, self.dialled = self.dialled, []
        for accept in dialled:
            accept()

    def answer_as_redis(self) -> None:
        """Answer what Redis was asked."""
        asked, self.redis = self.redis, []
        for answer in asked:
            answer()


class Collector:
    """The other end of one connection to a collector of spans: takes everything.

    Args:
        receive: Takes the answers.
    """

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive
        self._taken = b""

    def take(self, data: bytes) -> None:
        """Take a part of a request."""
        self._taken += data

    def answer(self) -> None:
        """Answer a request that has come whole."""
        head, end, body = self._taken.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if end and length is not None and len(body) >= int(length[1]):
            self._taken = b""
            self._receive(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Assembly:
    """A gateway with clients around it.

    Args:
        exchange: What they do.
    """

    _address = IPv4Address("TCP", "192.0.2.1", 50000)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._log = Log()
        self._backend = self._made_backend()
        self._due: list[Callable[[], None]] = []
        self._request, self._answer = exchange.requests(), exchange.answers()
        self._number = 0
        chance = random.Random(1)  # noqa: S311  # nothing is kept secret
        clock = Clock()
        clock.advance(1_000_000)
        log: Any = self._log
        threads: Any = lambda most, name: NoThreads()  # noqa: E731
        parts = assemble(
            from_mapping(exchange.configuration()),
            clock,
            now=time.monotonic,
            wall_clock=time.time,
            random_bytes=chance.randbytes,
            chance=chance.random,
            dialer=self._backend,
            make_writer=lambda path: log,
            threads=threads,
            later=self._due.append,
        )
        self._sweep = parts.foundation.deadlines.sweep
        self._turn_reactor = clock.advance
        parts.foundation.carried.startService()
        for _ in range(3):  # Redis is dialled, greeted, and there
            self._backend.connect()
            self._backend.answer_as_redis()
        self._connect = self._connector(parts.site, clock)
        self._clients = self._connected()

    def _made_backend(self) -> Backend:
        return Backend()

    def _connected(self) -> list[Any]:
        return [self._connect() for _ in range(CLIENTS)]

    def _connector(self, site: Any, clock: Any) -> Callable[[], Client]:
        if not self._exchange.tls:
            return lambda: Client(site.buildProtocol(self._address))
        with tempfile.TemporaryDirectory() as name:
            files = workload.make_certificate(Path(name))
            description = f"ssl:8443:privateKey={files.key}:certKey={files.chain}"
            certificate = SingleCertificate(description, _made_of(description), HTTP11)
            factory = over_tls(certificate, site, clock, client=False)
            trusted = Path(tempfile.mkstemp(prefix="gateway-micro-", suffix=".pem")[1])
            trusted.write_bytes(files.chain.read_bytes())
        return lambda: TLSClient(factory.buildProtocol(self._address), trusted)

    def slice(self, turns: int) -> float:
        """Let every client ask so many times; return seconds of CPU for one request.

        Raises:
            RuntimeError: An answer is missing, or is not the one that was expected.
        """
        work = [self._turn() for _ in range(turns)]
        self._log.lines.clear()
        began = time.process_time_ns()
        away = 0
        for sent, answers in work:
            away += self._run(sent, answers)
        self._sweep()
        took = time.process_time_ns() - began - away
        self._expect(turns)
        return took / 1e9 / (turns * CLIENTS)

    def _turn(self) -> tuple[list[bytes], list[bytes]]:
        numbers = range(self._number, self._number + CLIENTS)
        self._number += CLIENTS
        requests = [client.sent(self._request(number)) for client, number in zip(self._clients, numbers, strict=True)]
        return requests, [self._answer(number) for number in numbers]

    def _run(self, sent: list[bytes], answers: list[bytes]) -> int:
        """Let clients send, and the backend answer; returns nanoseconds that were not the gateway's."""
        if not self._exchange.keeps_connections:
            self._clients = [self._connect() for _ in sent]
        for client, data in zip(self._clients, sent, strict=True):
            client.receive(data)
        backend = self._backend
        if self._exchange.redis:
            self._turn_reactor(0)
            backend.answer_as_redis()
        backend.connect()
        if backend.collectors or self._exchange.traced is not None:
            self._turn_reactor(0)
            for collector in backend.collectors:
                collector.answer()
        asked, backend.asked = backend.asked, []
        for receive, answer in zip(asked, answers, strict=False):
            receive(answer)
        return 0

    def _end_turn(self) -> None:
        due = self._due[:]
        self._due.clear()
        for call in due:
            call()

    def _expect(self, turns: int) -> None:
        self._answered(turns)
        if len(self._log.lines) != turns * CLIENTS:
            raise RuntimeError(f"{len(self._log.lines)} lines in the log for {turns * CLIENTS} requests")

    def _answered(self, turns: int) -> None:
        start = f"HTTP/1.1 {self._exchange.status} ".encode()
        for client in self._clients:
            answers = client.take()
            expected = turns if self._exchange.keeps_connections else 1
            found = answers.count(start)
            if found != expected:
                raise RuntimeError(f"{found} of {expected} answers with {self._exchange.status}: {answers[:300]!r}")
        if len(self._log.lines) != turns * CLIENTS:
            raise RuntimeError(f"{len(self._log.lines)} lines in the log for {turns * CLIENTS} requests")


def _made_of(description: str) -> Any:
    """Return what Twisted makes of an endpoint string, as a port would be opened with it."""
    made: list[Any] = []

    class Reactor:
        @staticmethod
        def listenSSL(port: int, factory: Any, contextFactory: Any, backlog: int, interface: str) -> None:  # noqa: N803  # the interface's
            made.append(contextFactory)

    serverFromString(Reactor, description).listen(Factory())
    return made[0]
