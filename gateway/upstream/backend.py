"""An upstream and its backends, as one snapshot sees them; pools and standings outlive snapshots."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from gateway.balancing.answer_times import AnswerTimes
from gateway.errors import BreakerOpen, NoBackendAvailable
from gateway.exchange import Exchange
from gateway.http.fields import FieldFilter
from gateway.http.reverse import Reverse
from gateway.interfaces import Balancer
from gateway.message import Response
from gateway.resilience.selection import Lack, Selection, available
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.standing import Change, Condition, Standing

_COUNT: Final = "{} backends may be picked"

FULL: Final = 100
"""The weight of a backend of weight 1 whose share may grow: in whole hundredths, since turns are taken in integers."""


class Backend:
    """One of the interchangeable servers of an upstream (`gateway.interfaces.Target`).

    Args:
        name: Its URL: stable across configurations and instances.
        weight: Share of the traffic, 0 to let it drain.
        pool: Its connections.
        standing: What is known of it; None where nothing is watched.
        grows: Whether its share grows slowly once it has recovered.
        reverse: Rewrites its answers to what the client asked; None where they go on as they are.
        backup: Whether it is for when no other may be tried.
        times: What its answers take; None where nobody asks.
        takes_calls: Whether it may be asked by HTTP/2, which calls of gRPC need.

    Attributes:
        full_weight: Its weight in the configuration.
        usable: Whether it may be picked, as of the last time that anything happened.
    """

    __slots__ = (
        "backup",
        "breaker",
        "full_weight",
        "grows",
        "name",
        "pool",
        "reverse",
        "standing",
        "takes_calls",
        "times",
        "usable",
        "weight",
    )

    def __init__(
        self,
        name: str,
        weight: int,
        pool: BackendPool,
        standing: Standing | None = None,
        grows: bool = False,
        reverse: Reverse | None = None,
        backup: bool = False,
        times: AnswerTimes | None = None,
        takes_calls: bool = False,
    ) -> None:
        self.name = name
        self.weight = weight * FULL if grows else weight
        self.full_weight = weight
        self.grows = grows
        self.reverse = reverse
        self.backup = backup
        self.times = times
        self.takes_calls = takes_calls
        self.pool = pool
        self.standing = standing
        self.breaker = None if standing is None else standing.breaker
        self.usable = True

    @property
    def in_flight(self) -> int:
        """Attempts under way, and tunnels."""
        return self.pool.in_flight

    def weigh(self, weight: int) -> None:
        """Have another weight; a balancer that goes by weights is made anew after that."""
        self.full_weight = weight
        self.weight = weight * FULL if self.grows else weight

    def may_try(self, now: float) -> bool:
        """Whether it may be picked; its upstream keeps that up to date."""
        return self.usable

    def __repr__(self) -> str:
        return f"<Backend {self.name} weight={self.weight}>"


class Seen(NamedTuple):
    """A backend at one moment (`gateway.resilience.selection.Standing`)."""

    backend: Backend
    weight: int
    healthy: bool
    ejected: bool
    admits: bool
    backup: bool


class Fallback(NamedTuple):
    """What is done for an exchange while a breaker keeps it from its upstream.

    Attributes:
        recall: Finds what the upstream answered to the same question before; asked first.
        upstream: Where it goes instead.
        enter: Asks for a place before that one, where these are limited; an awaitable where it has to be waited for.
        answer: Makes a response, from the error that it stands for; None for the error's own.
    """

    recall: Callable[[Exchange, BreakerOpen, FieldFilter], Response | None] | None = None
    upstream: Callable[[], Upstream] | None = None
    enter: Callable[[Exchange], Awaitable[None] | None] | None = None
    answer: Callable[[BreakerOpen], Response] | None = None


class Traits(NamedTuple):
    """What may hold for a backend, and so decides when a snapshot is built what its routes need.

    Attributes:
        takes_calls: It may be asked by HTTP/2, which calls of gRPC need.
        rewritten: Its answers are rewritten.
        timed: Its answers are timed.
    """

    takes_calls: bool
    rewritten: bool
    timed: bool


class Upstream:
    """A named group of interchangeable backends, as one snapshot sees it.

    Args:
        name: Its name.
        balancer: Picks a backend.
        backends: All of them.
        key: What a hashing balancer places an exchange by; None where it does not matter.
        count: Counts an attempt by backend and outcome, `ok` or the reason of its error.
        condition: What is known of it; None where nothing is watched.
        fallback: What is done while a breaker is open.

    Attributes:
        panic: Whether ejected backends are in use because too few others are left.
        to_come: What may hold for backends that discovery finds; None where all that there are were given.
        discovery: What finds them; None where nothing does.
    """

    __slots__ = (
        "_bent",
        "backends",
        "balancer",
        "breaker",
        "condition",
        "count",
        "discovery",
        "fallback",
        "key",
        "name",
        "panic",
        "to_come",
    )

    def __init__(
        self,
        name: str,
        balancer: Balancer[Backend],
        backends: Sequence[Backend],
        key: Callable[[Exchange], bytes] | None,
        count: Callable[[str, str], None],
        condition: Condition | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        self.name = name
        self.balancer = balancer
        self.backends = backends
        self.key = key
        self.count = count
        self.condition = condition
        self.breaker = None if condition is None else condition.breaker
        self.fallback = fallback
        self.panic = False
        self.to_come: Traits | None = None
        self.discovery: Any = None
        # What was disturbed before this snapshot was made is found out at its first pick.
        self._bent = condition is not None

    def become(
        self, backends: Sequence[Backend], balancer: Balancer[Backend], key: Callable[[Exchange], bytes] | None
    ) -> None:
        """Have other members from now on; what is under way on one that is gone is completed there.

        Args:
            backends: All of them; one that stays is the same object as before, so that what has tried it knows it.
            balancer: Picks one of them.
            key: What it places an exchange by.
        """
        self.backends = backends
        self.balancer = balancer
        self.key = key
        self._bent = self.condition is not None

    def traits(self) -> list[Traits]:
        """List what may hold for the backends that an exchange may come to, by way of a fallback too.

        Called when all upstreams are built.
        """
        found = []
        others = None if self.fallback is None else self.fallback.upstream
        for upstream in (self,) if others is None else (self, others()):
            found += [
                Traits(one.takes_calls, one.reverse is not None, one.times is not None) for one in upstream.backends
            ]
            if upstream.to_come is not None:
                found.append(upstream.to_come)
        return found

    def admit(self, now: float, whole: bool = True) -> int:
        """Ask the breaker of the whole upstream; returns its ticket, 0 without a breaker.

        Args:
            now: Monotonic seconds.
            whole: Whether all of the request's content is there.

        Raises:
            BreakerOpen: It is open.
        """
        breaker = self.breaker
        if breaker is None:
            return 0
        ticket = breaker.admit(now, whole)
        if not ticket:
            raise BreakerOpen(breaker.retry_after(now))
        return ticket

    def pick(self, exchange: Exchange, now: float, excluded: Sequence[Backend] = ()) -> Backend:
        """Choose a backend for an exchange.

        Args:
            exchange: Whom it is for.
            now: Monotonic seconds.
            excluded: Those that it was tried on; used again only where nothing else is left.

        Raises:
            NoBackendAvailable: None may be tried.
            BreakerOpen: The breaker of each of them is open.
        """
        condition = self.condition
        if condition is not None and (condition.disturbed or self._bent):
            self._settle(condition, now, exchange.request.whole)
        return self.balancer.pick(b"" if self.key is None else self.key(exchange), now, excluded)

    def selection(self, condition: Condition, now: float, whole: bool = True) -> Selection[Seen]:
        """Return which backends may be picked, for a request whose content is all there or not; changes nothing."""
        return available([_seen(backend, now, whole) for backend in self.backends], condition.rules.panic_threshold)

    def _settle(self, condition: Condition, now: float, whole: bool) -> None:
        """Bring every backend up to date; when all are well again, nothing is asked until something happens."""
        if condition.detector is not None:
            condition.detector.out(now)
        for backend in self.backends:
            if backend.standing is not None:
                backend.standing.drained = not backend.full_weight
                if backend.grows:
                    backend.weight = _growing(backend.full_weight, backend.standing.share(now))
        condition.reckon()
        selection = self.selection(condition, now, whole)
        picked = {id(seen.backend) for seen in selection.backends}
        for backend in self.backends:
            backend.usable = id(backend) in picked
        if selection.panic is not self.panic:
            self.panic = selection.panic
            words = ("none", "panic") if self.panic else ("panic", "none")
            condition.report(Change(self.name, "", "panic", *words, _COUNT.format(len(selection.backends))))
        self._bent = not all(backend.standing is None or backend.standing.well(now) for backend in self.backends)
        condition.disturbed = self._bent
        if selection.lack is Lack.BREAKERS_OPEN:
            waits = [backend.breaker.retry_after(now) for backend in self.backends if backend.breaker is not None]
            raise BreakerOpen(min(waits))
        if selection.lack is Lack.NO_BACKEND:
            raise NoBackendAvailable()


def _growing(full_weight: int, share: float) -> int:
    return 0 if not full_weight else max(1, int(full_weight * FULL * share))


def _seen(backend: Backend, now: float, whole: bool) -> Seen:
    standing = backend.standing
    if standing is None:
        return Seen(backend, backend.full_weight, True, False, True, backend.backup)
    admits = standing.admits(now, whole)
    return Seen(backend, backend.full_weight, standing.healthy(), standing.ejected(now), admits, backend.backup)


class Share:
    """The part of a route's traffic that goes to one upstream (a `Target` for a balancer over upstreams)."""

    __slots__ = ("name", "upstream", "weight")

    in_flight = 0

    def __init__(self, upstream: Upstream, weight: int) -> None:
        self.name = upstream.name
        self.upstream = upstream
        self.weight = weight

    def may_try(self, now: float) -> bool:
        """An upstream may always be tried; its balancer says when none of its backends may."""
        return True
