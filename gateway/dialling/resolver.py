"""The addresses behind a backend's name: asked for once, then kept fresh behind the traffic.

Used by `gateway.dialling.dialer`. Asks the reactor's resolver, so the hosts
file and search domains count as everywhere on the machine; that one runs
getaddrinfo in a pool of ten threads for every call and remembers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from twisted.logger import Logger
from zope.interface import implementer

Addresses = tuple[str, ...]
OnChange = Callable[[str, Addresses], None]


class Resolver:
    """Resolves names, remembers the answers, and refreshes them when they are used and old.

    A lookup that fails or does not end leaves the addresses that were known:
    a name server that is down does not take the backends with it.

    Args:
        reactor: Has the `nameResolver`.
        now: Monotonic seconds.
        interval: Seconds after which an answer is asked for again. getaddrinfo does not tell how long one holds.
    """

    _log = Logger()

    def __init__(self, reactor: Any, now: Callable[[], float], interval: float = 5.0) -> None:
        self._reactor = reactor
        self._now = now
        self.interval = interval
        self._names: dict[str, _Name] = {}
        self._on_change: list[OnChange] = []

    def on_change(self, call: OnChange) -> None:
        """Call with a name and its addresses whenever they are others than before; not for the first answer."""
        self._on_change.append(call)

    def cached(self, host: str) -> Addresses | None:
        """Give what is known now, in the order of preference; None before the first answer.

        An old answer starts a new lookup.
        """
        name = self._names.get(host)
        if name is None:
            return (host,) if is_literal(host) else None
        if name.addresses is not None and self._now() >= name.due:
            self._look_up(host, name)
        return name.addresses

    def refresh(self, hosts: Iterable[str]) -> None:
        """Ask again for those of these names whose answers are old.

        Called every `interval` seconds with the names of all backends: while kept-alive connections serve the traffic
        nobody dials, and nobody else would hear of a change.
        """
        for host in hosts:
            self.cached(host)

    def resolve(self, host: str) -> Deferred[list[str]]:
        """Give the addresses of a name, v4 and v6; the same lookup serves all who wait for it.

        It takes as long as the name server does: bounded by the caller, who
        may cancel. Fails with `DNSLookupError`.
        """
        known = self.cached(host)
        if known is not None:
            return succeed(list(known))
        name = self._names.setdefault(host, _Name())
        waiter: Deferred[list[str]] = Deferred(name.forget)
        name.waiting.append(waiter)
        self._look_up(host, name)
        return waiter

    def _look_up(self, host: str, name: _Name) -> None:
        if name.pending:
            return
        name.pending = True
        self._reactor.nameResolver.resolveHostName(_Receiver(lambda found: self._answered(host, name, found)), host)

    def _answered(self, host: str, name: _Name, found: Addresses) -> None:
        name.pending = False
        name.due = self._now() + self.interval
        before = name.addresses
        if found:
            if name.failing:
                self._log.info("{host} resolves again: {found}", host=host, found=found)
            name.failing = False
            # A name server turns the order round for every asker; that is no change.
            if before is None or set(before) != set(found):
                name.addresses = found
        elif before is not None and not name.failing:
            name.failing = True
            self._log.warn("{host} does not resolve; going on with {before}", host=host, before=before)
        waiting, name.waiting = name.waiting, []
        for waiter in waiting:
            if name.addresses is None:
                waiter.errback(DNSLookupError(f"no address found for {host}"))
            else:
                waiter.callback(list(name.addresses))
        if before is not None and name.addresses is not None and before != name.addresses:
            for call in self._on_change:
                call(host, name.addresses)


class _Name:
    """What is known about one name, and who waits for the first answer."""

    def __init__(self) -> None:
        self.addresses: Addresses | None = None
        self.due = 0.0
        self.pending = False
        self.failing = False
        self.waiting: list[Deferred[list[str]]] = []

    def forget(self, waiter: Deferred[list[str]]) -> None:
        """Drop one who does not wait any longer; the lookup goes on and its answer is kept."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)


@implementer(IResolutionReceiver)
class _Receiver:
    """Collects the addresses of one lookup."""

    def __init__(self, done: Callable[[Addresses], None]) -> None:
        self._done = done
        self._found: dict[str, None] = {}

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N803  # the interface's
        """See `IResolutionReceiver`."""

    def addressResolved(self, address: IAddress) -> None:
        """See `IResolutionReceiver`."""
        if isinstance(address, (IPv4Address, IPv6Address)):
            self._found[address.host] = None

    def resolutionComplete(self) -> None:
        """See `IResolutionReceiver`."""
        self._done(tuple(self._found))


def is_literal(host: str) -> bool:
    """Tell an address from a name."""
    return isIPAddress(host) or isIPv6Address(host)
