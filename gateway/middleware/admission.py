"""Let as many exchanges in as there is room for, and turn away what matters least under load.

Where the steps stand is decided in `gateway.composition.pipeline`; the gates they share
are made by `gateway.composition.builders.admission` and outlive configurations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred

from gateway.errors import Overloaded, TooManyInFlight
from gateway.exchange import Exchange
from gateway.interfaces import FinishHook
from gateway.middleware.gate import Gate
from gateway.middleware.request_buffer import is_gathered
from gateway.resilience.admission import Priority
from gateway.resilience.occupancy import Occupancy


class Admission:
    """Hold a place in flight for as long as an exchange lasts, a tunnel's whole life included.

    Args:
        gate: Gives the place.
        priority: The route's.
    """

    name = "admission"
    __slots__ = ("_enter", "_priority", "on_finish")

    def __init__(self, gate: Gate, priority: Priority) -> None:
        self._enter = gate.enter
        self._priority = priority
        self.on_finish: FinishHook = gate.leave

    def on_request(self, exchange: Exchange) -> Deferred[None] | None:
        """Go on, or wait for a place."""
        return self._enter(exchange, self._priority)


class AdmissionAtTheDoor:
    """Hold a place of `limits.in_flight` (with a queue) from the start of an exchange.

    An exchange whose content is gathered first passes without one; `LateAdmission` takes its place when the content
    is there (D-95).

    Args:
        gate: Gives the place.
        priority: The route's.
        octets: `limits.request_buffer`.
    """

    name = "admission"
    __slots__ = ("_enter", "_octets", "_priority", "on_finish")

    def __init__(self, gate: Gate, priority: Priority, octets: int) -> None:
        self._enter = gate.enter
        self._priority = priority
        self._octets = octets
        self.on_finish: FinishHook = gate.leave

    def on_request(self, exchange: Exchange) -> Deferred[None] | None:
        """Go on, or wait for a place."""
        if exchange.request.body is not None and is_gathered(exchange.request, self._octets):
            return None
        return self._enter(exchange, self._priority)


class LateAdmission:
    """Take a place for an exchange whose content has been gathered; `AdmissionAtTheDoor` gives it back.

    Args:
        gate: Gives the place.
        priority: The route's.
    """

    name = "late_admission"
    __slots__ = ("_gate", "_priority")

    def __init__(self, gate: Gate, priority: Priority) -> None:
        self._gate = gate
        self._priority = priority

    def on_request(self, exchange: Exchange) -> Deferred[None] | None:
        """Go on, or wait for a place."""
        return None if self._gate.holds(exchange) else self._gate.enter(exchange, self._priority)


class Full:
    """Turn away an exchange that `gateway.serving.tree` found to be over `limits.in_flight` (without a queue, D-42).

    The tree only marks it, so that the refusal passes through the steps of its route as every answer does. An exchange
    whose content is gathered first gives its place back until then; `LateFull` takes it again.

    Args:
        occupancy: Counts exchanges; `arriving` are those that hold no place yet.
        octets: `limits.request_buffer`.
    """

    name = "full"
    __slots__ = ("_arriving", "_octets", "on_finish")

    def __init__(self, occupancy: Occupancy, octets: int) -> None:
        self._arriving = occupancy.arriving
        self._octets = octets
        self.on_finish: FinishHook = occupancy.arriving.discard

    def on_request(self, exchange: Exchange) -> None:
        """Go on, or not."""
        if exchange.error is not None:
            raise exchange.error
        if exchange.request.body is not None and is_gathered(exchange.request, self._octets):
            self._arriving.add(exchange)


class LateFull:
    """Turn away an exchange whose content has been gathered, where others took all places in the meantime.

    Args:
        occupancy: Counts exchanges.
        limit: Most that hold a place.
    """

    name = "late_full"
    __slots__ = ("_limit", "_occupancy")

    def __init__(self, occupancy: Occupancy, limit: int) -> None:
        self._occupancy = occupancy
        self._limit = limit

    def on_request(self, exchange: Exchange) -> None:
        """Go on, or not."""
        occupancy = self._occupancy
        if exchange in occupancy.arriving:
            occupancy.arriving.discard(exchange)
            if occupancy.places_held > self._limit:
                raise TooManyInFlight()


class SplitAdmission:
    """Choose the upstream of an exchange whose route is split over several, and hold a place before that upstream.

    Args:
        choose: Picks an upstream for an exchange, by its share; returns its name.
        gates: By the name of the upstream, for those upstreams that have one.
        priority: The route's.
    """

    name = "split_admission"
    __slots__ = ("_choose", "_gates", "_leave", "_priority")

    def __init__(self, choose: Callable[[Exchange], str], gates: Mapping[str, Gate], priority: Priority) -> None:
        self._choose = choose
        self._gates = gates
        self._leave = tuple(gate.leave for gate in gates.values())
        self._priority = priority

    def on_request(self, exchange: Exchange) -> Deferred[None] | None:
        """Choose, and go on or wait for a place."""
        exchange.upstream = name = self._choose(exchange)
        gate = self._gates.get(name)
        return None if gate is None else gate.enter(exchange, self._priority)

    def on_finish(self, exchange: Exchange) -> None:
        """Give back the place, wherever it is: a fallback may have changed `exchange.upstream` since it was taken."""
        for leave in self._leave:
            leave(exchange)


class FallbackAdmission:
    """Give back the places that exchanges took before upstreams which others fall back on.

    Args:
        gates: Of these upstreams; the forwarder enters them.
    """

    name = "fallback_admission"
    __slots__ = ("_leave",)

    def __init__(self, gates: Iterable[Gate]) -> None:
        self._leave = tuple(gate.leave for gate in gates)

    def on_finish(self, exchange: Exchange) -> None:
        """Give back the place, if the exchange took one."""
        for leave in self._leave:
            leave(exchange)


class Load(Protocol):
    """How much load is shed (`gateway.resilience.shedding.Shedder`).

    Attributes:
        level: How many of the priorities are turned away, from the lowest.
    """

    @property
    def level(self) -> int: ...


class LoadShedding:
    """Turn exchanges away while the gateway is short of time or memory.

    Args:
        load: Asked before each exchange: one comparison.
        priority: The route's.
        refusal: Counts a refused exchange of this priority, and makes its error.
    """

    name = "load_shedding"
    __slots__ = ("_load", "_priority", "_refusal")

    def __init__(self, load: Load, priority: Priority, refusal: Callable[[Priority], Overloaded]) -> None:
        self._load = load
        self._priority = priority
        self._refusal = refusal

    def on_request(self, exchange: Exchange) -> None:
        """Go on, or be turned away."""
        if self._priority < self._load.level:
            raise self._refusal(self._priority)
