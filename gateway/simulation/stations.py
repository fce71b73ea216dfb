"""Backends that take their time, work on so many requests at once, and fail as they are told.

Tests: `tests/simulation/test_stations.py`.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Final

from httptools import HttpRequestParser
from twisted.internet.interfaces import IProtocol

from gateway.memory.end import End
from gateway.memory.network import MemoryNetwork
from gateway.simulation.failing import Failing
from gateway.simulation.service import Service

CHECKS: Final = b"gateway-health-check"
"""`User-Agent` of the gateway's active checks: they are answered, and not counted as load."""

_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"


class Visit(End):
    """A connection of the gateway's.

    Args:
        station: Where it comes in.
    """

    def __init__(self, station: Station) -> None:
        super().__init__()
        self._station = station
        self._is_check = False
        self._parser = HttpRequestParser(self)

    def connectionMade(self) -> None:
        """It is open."""
        self._station.came(self)

    def dataReceived(self, data: bytes) -> None:
        """Read; nothing is kept."""
        self._parser.feed_data(data)

    # Called by httptools.

    def on_message_begin(self) -> None:
        """A request comes."""
        self._is_check = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """See who asks."""
        if value == CHECKS:
            self._is_check = True

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._station.asks(self, self._parser.get_method() == b"HEAD", self._is_check)


class Station(Failing):
    """One backend.

    Args:
        network: Where it listens.
        host: Its name there.
        port: Likewise.
        service: What a request costs it.
        chance: Draws that, and which answers are errors.
        heard: Told of each request that comes and is no check.

    Attributes:
        asked: Requests that came, without checks.
        failed: Answers that a fault made errors, or that went down with it.
        busy: Seconds of work, added up over what it works on at once.
        most: The most requests that it ever had at the same time, those in line included.
    """

    def __init__(
        self,
        network: MemoryNetwork,
        host: str,
        port: int,
        service: Service,
        chance: random.Random,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self.asked = 0
        self.failed = 0
        self.busy = 0.0
        self.most = 0
        self._service = service
        self._chance = chance
        self._heard = heard
        self._line: deque[tuple[Visit, bool, bool]] = deque()
        self._working = 0
        self._life = 0
        super().__init__(network, host, port)

    def accept(self) -> IProtocol:
        """Return what reads a new connection."""
        return Visit(self)

    def goes_down(self) -> None:
        """Its process ends: requests that it works on, and those in line, are lost."""
        self._life += 1
        self.failed += self._working + len(self._line)
        self._working = 0
        self._line.clear()

    # Requests.

    def asks(self, visit: Visit, is_head: bool, is_check: bool) -> None:
        """Work on a request, or let it wait in line."""
        if not is_check:
            self.asked += 1
            self._heard()
        if self.is_lost:
            return  # it never arrived
        if self._service.at_once and self._working >= self._service.at_once:
            self._line.append((visit, is_head, is_check))
        else:
            self._work(visit, is_head, is_check)
        self.most = max(self.most, self._working + len(self._line))

    def _work(self, visit: Visit, is_head: bool, is_check: bool) -> None:
        self._working += 1
        seconds = self._service.draw(self._chance) * self.factor
        self.network.clock.callLater(seconds, self._done, self._life, visit, is_head, is_check, seconds)

    def _done(self, life: int, visit: Visit, is_head: bool, is_check: bool, seconds: float) -> None:
        if life != self._life:
            return
        self._working -= 1
        if not is_check:
            self.busy += seconds
        if visit.closed is None and not self.is_lost:
            visit.send(self._answer(is_head))
        while self._line and self._working < self._service.at_once:
            waiting = self._line.popleft()
            if waiting[0].closed is None:  # nobody works on a request whose caller has hung up
                self._work(*waiting)

    def _answer(self, is_head: bool) -> bytes:
        for fault in self.faults:
            if fault.kind == "errors" and self._chance.random() < fault.share:
                self.failed += 1
                return b"HTTP/1.1 %d Simulated\r\nContent-Length: 0\r\n\r\n" % fault.status
        return _OK if is_head else _OK + b"ok"
