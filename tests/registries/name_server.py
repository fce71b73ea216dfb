"""A real name server on a port: Twisted's, with one zone that a test changes."""

# mypy: allow-untyped-calls, disable-error-code="misc"

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns, server
from twisted.names.common import ResolverBase
from twisted.names.error import DomainError, ResolverError


class Zone(ResolverBase):
    """Knows records by name and kind.

    Attributes:
        records: As known.
        ttl: Of all of them.
        broken: Whether every question is answered with SERVFAIL.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[tuple[bytes, int], list[Any]] = {}
        self.ttl = 0
        self.broken = False
        self.asked: list[tuple[bytes, int]] = []

    def _lookup(self, name: bytes, cls: int, type: int, timeout: Any) -> Deferred[Any]:  # noqa: A002  # Twisted's
        name = name.lower()
        self.asked.append((name, type))
        if self.broken:
            return fail(ResolverError("the test says so"))
        if not any(known == name for known, _ in self.records):
            return fail(DomainError(name))
        found = self.records.get((name, type), [])
        return succeed(([dns.RRHeader(name, type, dns.IN, self.ttl, one, auth=True) for one in found], [], []))


class NameServer:
    """Answers by UDP and TCP on one port of 127.0.0.1.

    Attributes:
        zone: What it knows.
        address: As `resolver` takes it.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.zone = Zone()
        self._factory = server.DNSServerFactory(clients=[self.zone])
        self._tcp = reactor.listenTCP(0, self._factory, interface="127.0.0.1")
        self.number: int = self._tcp.getHost().port
        self._udp: Any = None
        self._listen_udp()
        self.address = f"127.0.0.1:{self.number}"

    def open(self) -> None:
        """Listen again."""
        self._tcp = self._reactor.listenTCP(self.number, self._factory, interface="127.0.0.1")
        self._listen_udp()

    async def close(self) -> None:
        """Answer no more."""
        for port in (self._tcp, self._udp):
            stopped = port.stopListening()
            if stopped is not None:
                await stopped

    def _listen_udp(self) -> None:
        protocol = dns.DNSDatagramProtocol(self._factory)
        self._udp = self._reactor.listenUDP(self.number, protocol, interface="127.0.0.1")
