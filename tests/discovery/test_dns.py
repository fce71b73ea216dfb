"""DNS: families, priorities, targets, times to live, and servers that are silent."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.names.error import DNSNameError, DNSQueryTimeoutError, DNSServerError

from gateway.discovery.contract import Answer, SourceFault
from gateway.discovery.dns import LONGEST, SHORTEST, DnsSource, Names, SrvSource
from gateway.discovery.members import Member
from tests.contracts.test_sources import NamePlace, SrvPlace, followed
from tests.system.running_reactor import running_reactor

__all__ = ["running_reactor"]


class Resolver:
    """Says what it is told to say (`twisted.names.client.Resolver`)."""

    def __init__(self) -> None:
        self.says: dict[int, Any] = {dns.A: DNSNameError(), dns.AAAA: DNSNameError(), dns.SRV: DNSNameError()}

    def _ask(self, kind: int) -> Deferred[Any]:
        said = self.says[kind]
        return fail(said) if isinstance(said, Exception) else succeed((said, [], []))

    def lookupAddress(self, name: str, timeout: Any) -> Deferred[Any]:  # noqa: N802  # Twisted's
        return self._ask(dns.A)

    def lookupIPV6Address(self, name: str, timeout: Any) -> Deferred[Any]:  # noqa: N802  # Twisted's
        return self._ask(dns.AAAA)

    def lookupService(self, name: str, timeout: Any) -> Deferred[Any]:  # noqa: N802  # Twisted's
        return self._ask(dns.SRV)


def records(ttl: int, *payloads: Any) -> list[Any]:
    """Return records with this time to live."""
    return [dns.RRHeader(b"users.test", one.TYPE, dns.IN, ttl, one) for one in payloads]


class Bench:
    """A source, and what it tells."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.resolver = Resolver()
        self.told: list[Answer] = []
        self.ended: list[Any] = []
        self._running: Any = None

    def follow(self, source: Any) -> None:
        """Follow it."""
        self._running = ensureDeferred(source.follow(self.told.append))
        self._running.addErrback(self.ended.append)

    def addresses(self, scheme: str = "http", port: int | None = 80) -> None:
        """Follow the addresses of a name."""
        self.follow(DnsSource(Names(self.resolver), "users.test", port, scheme, self.clock))

    def services(self, resolves: bool = False) -> None:
        """Follow the servers of a service."""
        self.follow(SrvSource(Names(self.resolver), "_http._tcp.users.test", resolves, "http", self.clock))

    @property
    def urls(self) -> list[str]:
        """The members that were told last."""
        return [member.url for member in self.told[-1].members]


@pytest.fixture
def bench() -> Bench:
    """A resolver that knows nothing."""
    return Bench()


def test_both_families_are_members(bench: Bench) -> None:
    """An address of IPv6 has brackets."""
    bench.resolver.says |= {
        dns.A: records(9, dns.Record_A("10.0.0.1")),
        dns.AAAA: records(9, dns.Record_AAAA("2001:db8::1")),
    }
    bench.addresses()
    assert bench.urls == ["http://10.0.0.1:80", "http://[2001:db8::1]:80"]


@pytest.mark.parametrize(("ttl", "seconds"), [(0, SHORTEST), (7, 7.0), (86_400, LONGEST)])
def test_the_time_to_live_counts(bench: Bench, ttl: int, seconds: float) -> None:
    """Within bounds: a name of a day is asked for each minute."""
    bench.resolver.says[dns.A] = records(ttl, dns.Record_A("10.0.0.1"))
    bench.addresses()
    bench.clock.advance(seconds - 0.01)
    assert len(bench.told) == 1
    bench.clock.advance(0.02)
    assert len(bench.told) == 2


def test_a_family_that_fails_keeps_its_last_addresses(bench: Bench) -> None:
    """The other one may change meanwhile; it is asked again soon."""
    bench.resolver.says |= {
        dns.A: records(5, dns.Record_A("10.0.0.1")),
        dns.AAAA: records(5, dns.Record_AAAA("2001:db8::1")),
    }
    bench.addresses()
    bench.resolver.says |= {dns.A: records(5, dns.Record_A("10.0.0.2")), dns.AAAA: DNSServerError()}
    bench.clock.advance(5)
    assert bench.urls == ["http://10.0.0.2:80", "http://[2001:db8::1]:80"]
    bench.resolver.says[dns.AAAA] = DNSNameError()
    bench.clock.advance(SHORTEST)
    assert bench.urls == ["http://10.0.0.2:80"]


@pytest.mark.parametrize("error", [DNSServerError(), DNSQueryTimeoutError(1), OSError(), TimeoutError()])
def test_a_server_that_fails_is_a_fault(bench: Bench, error: Exception) -> None:
    """Whatever it is that it fails with."""
    bench.resolver.says |= {dns.A: error, dns.AAAA: error}
    bench.addresses()
    assert bench.ended[0].check(SourceFault)
    assert bench.told == []


def test_no_such_name_is_an_empty_answer(bench: Bench) -> None:
    """And so is a name without addresses."""
    bench.addresses()
    assert bench.told == [Answer([], [])]
    bench.resolver.says |= {dns.A: [], dns.AAAA: []}
    bench.clock.advance(SHORTEST)
    assert bench.told[-1] == Answer([], [])


def test_an_alias_is_followed_by_the_server(bench: Bench) -> None:
    """Its record is among the answers, and is no address."""
    bench.resolver.says[dns.A] = [*records(9, dns.Record_CNAME(b"a.test")), *records(9, dns.Record_A("10.0.0.1"))]
    bench.addresses()
    assert bench.urls == ["http://10.0.0.1:80"]


def test_priorities_make_backups(bench: Bench) -> None:
    """The lowest is asked first (RFC 2782); weights are kept, and 0 is a small one."""
    bench.resolver.says[dns.SRV] = records(
        9,
        dns.Record_SRV(10, 5, 8001, b"a.test"),
        dns.Record_SRV(10, 0, 8002, b"B.test"),
        dns.Record_SRV(20, 1, 8003, b"c.test"),
    )
    bench.services()
    assert bench.told[-1].members == [
        Member("http://a.test:8001", 5),
        Member("http://b.test:8002", 1),
        Member("http://c.test:8003", 1, backup=True),
    ]


def test_a_service_that_is_not_there(bench: Bench) -> None:
    """The root as target says so (RFC 2782)."""
    bench.resolver.says[dns.SRV] = records(9, dns.Record_SRV(0, 0, 0, b"."))
    bench.services()
    assert bench.told == [Answer([], [])]


def test_a_target_is_looked_up_where_there_is_a_resolver(bench: Bench) -> None:
    """The shortest time to live of all counts; a target that is a fault is one of the whole."""
    bench.resolver.says |= {
        dns.SRV: records(9, dns.Record_SRV(1, 2, 8001, b"a.test")),
        dns.A: records(3, dns.Record_A("10.0.0.1"), dns.Record_A("10.0.0.2")),
    }
    bench.services(resolves=True)
    assert bench.told[-1].members == [Member("http://10.0.0.1:8001", 2), Member("http://10.0.0.2:8001", 2)]
    bench.resolver.says |= {dns.A: DNSServerError(), dns.AAAA: DNSServerError()}
    bench.clock.advance(3)
    assert bench.ended[0].check(SourceFault)


@pytest_twisted.ensureDeferred
async def test_many_records_come_by_tcp(reactor: Any) -> None:
    """A datagram would be cut, and half the members would be gone: the real server and the real resolver."""
    place = NamePlace(reactor)
    ports = list(range(700))
    await place.put_all(ports)
    async with followed(place) as following:
        await following.has(*map(place.url, ports))
        assert all(len(answer.members) == 700 for answer in following.answers)  # type: ignore[arg-type]


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_silent_is_a_fault(reactor: Any) -> None:
    """After three seconds."""
    place = SrvPlace(reactor)
    await place.server.close()
    source = place.source()
    began = reactor.seconds()
    with pytest.raises(SourceFault, match="does not answer"):
        await ensureDeferred(source.follow(lambda answer: None))
    assert reactor.seconds() - began < 5
