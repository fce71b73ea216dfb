"""The addresses of a backend's name: looked up once, and refreshed without making traffic wait.

Used by `gateway.dialling.dialer`. Asks the reactor's resolver, so that the
hosts file and search domains count as for every program on the machine. The
reactor's resolver runs getaddrinfo in a pool of ten threads and caches nothing,
so answers are cached here (D-18).
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
    """Resolves names, caches the answers, and looks a name up again when its answer is used and old.

    A lookup that fails or does not end leaves the addresses that were known, so
    that backends can still be reached while a name server is down.

    Args:
        reactor: Has the `nameResolver`.
        now: Monotonic seconds.
        interval: Seconds after which an answer is old. getaddrinfo does not tell how long an answer is good.
    """

    _log = Logger()

    def __init__(self, reactor: Any, now: Callable[[], float], interval: float = 5.0) -> None:
        self._reactor = reactor
        self._now = now
        self.interval = interval
        self._names: dict[str, _Name] = {}
        self._on_change: list[OnChange] = []

    def on_change(self, call: OnChange) -> None:
        """Have `call` called with a name and its addresses whenever they have changed; not for the first answer."""
        self._on_change.append(call)

    def cached(self, host: str) -> Addresses | None:
        """Return the addresses that are known now, in the order of preference; None before the first answer.

        An old answer starts a new lookup.
        """
        name = self._names.get(host)
        if name is None:
            return (host,) if is_literal(host) else None
        if name.addresses is not None and self._now() >= name.due:
            self._look_up(host, name)
        return name.addresses

    def refresh(self, hosts: Iterable[str]) -> None:
        """Look up again those of these names whose answers are old.

        Called every `interval` seconds with the names of all backends. While kept-alive connections serve all traffic
        nothing is dialled, so a change would not be found otherwise.
        """
        for host in hosts:
            self.cached(host)

    def resolve(self, host: str) -> Deferred[list[str]]:
        """Return a Deferred with the addresses of a name, v4 and v6; all callers that wait share one lookup.

        It fires when the name server answers, however late: the caller sets a
        timeout, and cancels. Fails with `DNSLookupError`.
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
                self._log.info(
                    "{host} resolves again: {addresses}", host=host, addresses=", ".join(found), event="name.recovered"
                )
            name.failing = False
            # Name servers rotate the order from answer to answer: another order is no change.
            if before is None or set(before) != set(found):
                name.addresses = found
        elif before is not None and not name.failing:
            name.failing = True
            self._log.warn(
                "{host} does not resolve; going on with {addresses}",
                host=host,
                addresses=", ".join(before),
                event="name.failed",
            )
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
    """The addresses of one name, and the callers that wait for the first answer.

    # Note [The states of a name]
    *Unknown*: there are no addresses yet; callers wait for the lookup that is under way (`pending`), and fail with it,
    after which the next caller begins another. *Fresh*: the addresses are younger than `interval`. *Old*: `due` has
    passed; the next use begins a lookup, and gets the old addresses. *Failing*: the last lookup found none; the
    addresses from before it are kept, and looked up again when they are old. A name never loses its addresses.
    """

    def __init__(self) -> None:
        self.addresses: Addresses | None = None
        self.due = 0.0
        self.pending = False
        self.failing = False
        self.waiting: list[Deferred[list[str]]] = []

    def forget(self, waiter: Deferred[list[str]]) -> None:
        """Drop a caller that does not wait any longer; the lookup goes on, and its answer is kept."""
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
    """Whether a host is an address, not a name; the path of a UNIX socket is one."""
    return host.startswith("/") or isIPAddress(host) or isIPv6Address(host)
