"""Members in the DNS: the addresses of a name (A, AAAA), or the servers of a service (SRV).

Asked again when the answer's time to live is over. Twisted's resolver asks by UDP, and by TCP where an answer is cut.

# Note [What is no fault]
A name that does not exist, and one without such records, is an empty answer: that is how a service without instances
looks. A server that fails, refuses or does not answer is a fault. Where only one of A and AAAA is, its last addresses
stay.

# Note [Targets of SRV]
With a `resolver` of its own, the targets are looked up there, since the system may not know them. Without one their
names are the members' hosts: they are resolved again as every backend's name is, and certificates are verified by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.names import dns
from twisted.names.error import DNSNameError, DomainError, ResolverError
from twisted.python.failure import Failure

from gateway.discovery.backoff import LONGEST as LONGEST_PAUSE
from gateway.discovery.contract import Answer, SourceFault, Tell
from gateway.discovery.members import MOST, Member, Refused, collect, from_address

SHORTEST: Final = 0.5
LONGEST: Final = 60.0
"""Seconds until a name is asked for again, whatever its time to live says."""
TRIES: Final = (1, 2)
"""Seconds that each try may take."""
MOST_BY_UDP: Final = 20
"""Records. Some thirty fit into the 512 octets that a datagram may have (RFC 1035 section 4.2.1). A server that sends
more is asked again by TCP: Twisted reads 8192 octets, and takes what it has got for the whole answer."""


FAMILIES: Final = (dns.A, dns.AAAA)


class Records(NamedTuple):
    """What a name server says of a name.

    Attributes:
        found: The payloads of the records.
        ttl: Seconds for which they are good.
    """

    found: list[Any]
    ttl: float


class Names:
    """Asks a name server.

    Args:
        resolver: Twisted's.
    """

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver

    async def ask(self, name: str, kind: int) -> Records:
        """Return the records of a kind; none where the name has none, or does not exist.

        Raises:
            SourceFault: The server does not say.
        """
        question = {dns.A: "lookupAddress", dns.AAAA: "lookupIPV6Address", dns.SRV: "lookupService"}[kind]
        try:
            answers, _, _ = await getattr(self._resolver, question)(name, TRIES)
            if len(answers) > MOST_BY_UDP:
                asked = self._resolver.queryTCP([dns.Query(name, kind, dns.IN)], sum(TRIES))
                answers, _, _ = await asked.addCallback(self._resolver.filterAnswers)
        except DNSNameError:
            return Records([], SHORTEST)
        except (DomainError, ResolverError, OSError) as error:
            raise SourceFault(f"the name server fails: {type(error).__name__}") from None
        except Exception as error:  # noqa: BLE001 - Twisted's resolver fails in many ways; none may end discovery
            raise SourceFault(f"the name server does not answer: {type(error).__name__}") from None
        found = [one.payload for one in answers if one.type == kind]
        ttl = min((one.ttl or 0 for one in answers), default=0) if found else 0
        return Records(found, min(LONGEST, max(SHORTEST, float(ttl))))


class Addresses:
    """The addresses of one name, of both families.

    Args:
        names: Asks.
        name: Of the DNS.
    """

    def __init__(self, names: Names, name: str) -> None:
        self._names = names
        self._name = name
        self._last: dict[int, list[str]] = {}

    async def ask(self) -> tuple[list[str], float]:
        """Return the addresses, and for how many seconds they are good.

        Raises:
            SourceFault: None are known.
        """
        faults: list[SourceFault] = []
        ttl = LONGEST
        asking = [Deferred.fromCoroutine(self._names.ask(self._name, kind)) for kind in FAMILIES]
        said: list[tuple[bool, Any]] = await DeferredList(asking, consumeErrors=True)
        for kind, (good, records) in zip(FAMILIES, said, strict=True):
            if not good:
                if records.check(SourceFault) is None:
                    records.raiseException()
                faults.append(records.value)
                continue
            self._last[kind] = [_address(one) for one in records.found]
            if records.found:
                ttl = min(ttl, records.ttl)
        found = [address for kind in FAMILIES for address in self._last.get(kind, ())]
        if len(faults) == 2 or (faults and not found):
            raise faults[0]
        return found, SHORTEST if faults or not found else ttl


class DnsSource:
    """Members by their addresses (`gateway.discovery.contract.Source`).

    Args:
        names: Asks.
        name: That has the addresses.
        port: Of the members; None for that of the scheme.
        scheme: Theirs.
        reactor: Keeps time.
    """

    longest_pause = LONGEST_PAUSE

    def __init__(self, names: Names, name: str, port: int | None, scheme: str, reactor: Any) -> None:
        self._addresses = Addresses(names, name)
        self._port = port
        self._scheme = scheme
        self._reactor = reactor

    async def follow(self, tell: Tell) -> None:
        """Tell the addresses, whenever their time is over; see `Source`."""
        while True:
            found, ttl = await self._addresses.ask()
            tell(Answer(*collect(found[: MOST + 1], self._member)))
            await deferLater(self._reactor, ttl)

    def close(self) -> None:
        """Nothing is kept between two questions; see `Source`."""

    def _member(self, address: str) -> Member:
        return from_address(self._scheme, address, self._port)


class SrvSource:
    """Members by SRV records (`gateway.discovery.contract.Source`); all but those of the best priority are backups.

    Args:
        names: Asks.
        name: `_http._tcp.users.internal`.
        resolves: Whether targets are looked up; see Note [Targets of SRV].
        scheme: Of the members.
        reactor: Keeps time.
    """

    longest_pause = LONGEST_PAUSE

    def __init__(self, names: Names, name: str, resolves: bool, scheme: str, reactor: Any) -> None:
        self._names = names
        self._name = name
        self._resolves = resolves
        self._scheme = scheme
        self._reactor = reactor
        self._targets: dict[str, Addresses] = {}

    async def follow(self, tell: Tell) -> None:
        """Tell the servers, whenever their time is over; see `Source`."""
        while True:
            records = await self._names.ask(self._name, dns.SRV)
            said, ttl = await self._places(records.found[: MOST + 1], records.ttl)
            tell(Answer(*collect(said, self._member)))
            await deferLater(self._reactor, ttl)

    def close(self) -> None:
        """Nothing is kept between two questions; see `Source`."""

    async def _places(self, servers: list[Any], ttl: float) -> tuple[list[tuple[str, int, int, bool]], float]:
        """Return hosts, ports, weights, and who is a backup."""
        targets = {str(one.target).lower().rstrip(".") for one in servers} - {""}  # `.`: there is no such service
        hosts = {target: [target] for target in targets}
        if self._resolves:
            self._targets = {target: self._targets.get(target) or Addresses(self._names, target) for target in targets}
            asked = sorted(targets)
            for target, (found, good) in zip(
                asked, await _together([self._targets[one] for one in asked]), strict=True
            ):
                hosts[target] = found
                ttl = min(ttl, good)
        best = min((one.priority for one in servers), default=0)
        said: list[tuple[str, int, int, bool]] = []
        for one in servers:
            found = hosts.get(str(one.target).lower().rstrip("."), [])
            said += [(host, one.port, max(1, one.weight), one.priority != best) for host in found]
        return said, ttl

    def _member(self, said: tuple[str, int, int, bool]) -> Member:
        host, port, weight, backup = said
        if not port:
            raise Refused("expected a port, found 0")
        return from_address(self._scheme, host, port, weight, backup)


async def _together(all_of: Sequence[Addresses]) -> list[tuple[list[str], float]]:
    asking = [Deferred.fromCoroutine(one.ask()) for one in all_of]
    try:
        found: list[tuple[list[str], float]] = await gatherResults(asking, consumeErrors=True)
    except Exception as error:
        first: Failure | None = getattr(error, "subFailure", None)
        if first is None:
            raise
        first.raiseException()
    return found


def _address(record: Any) -> str:
    return str(ip_address(record.address))
