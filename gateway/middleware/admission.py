"""Let as many exchanges in as there is room for, and turn away what matters least under load.

Where the steps stand is decided in `gateway.composition.snapshot`; the gates they share
are made by `gateway.composition.builders.admission` and outlive configurations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred

from gateway.errors import Overloaded
from gateway.exchange import Exchange
from gateway.interfaces import FinishHook
from gateway.middleware.gate import Gate
from gateway.resilience.admission import Priority


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


class Full:
    """Turn away what `RootResource` has found to be one too many, on a route as all its answers are."""

    name = "full"
    __slots__ = ()

    def on_request(self, exchange: Exchange) -> None:
        """Go on, or not."""
        if exchange.error is not None:
            raise exchange.error


class SplitAdmission:
    """Choose the upstream of an exchange, where its route is split over several, and hold a place there.

    Args:
        choose: Picks one by its share; returns its name.
        gates: Before those that have one, by name.
        priority: The route's.
    """

    name = "split_admission"
    __slots__ = ("_choose", "_gates", "_leave", "_priority")

    def __init__(self, choose: Callable[[], str], gates: Mapping[str, Gate], priority: Priority) -> None:
        self._choose = choose
        self._gates = gates
        self._leave = tuple(gate.leave for gate in gates.values())
        self._priority = priority

    def on_request(self, exchange: Exchange) -> Deferred[None] | None:
        """Choose, and go on or wait for a place."""
        exchange.upstream = name = self._choose()
        gate = self._gates.get(name)
        return None if gate is None else gate.enter(exchange, self._priority)

    def on_finish(self, exchange: Exchange) -> None:
        """It holds a place in one of them, or in none: a fallback may have set another upstream since."""
        for leave in self._leave:
            leave(exchange)


class FallbackAdmission:
    """Give back the places that exchanges took before the upstreams which others fall back on.

    Args:
        gates: Before these; the forwarder enters them.
    """

    name = "fallback_admission"
    __slots__ = ("_leave",)

    def __init__(self, gates: Iterable[Gate]) -> None:
        self._leave = tuple(gate.leave for gate in gates)

    def on_finish(self, exchange: Exchange) -> None:
        """It holds a place there, or none."""
        for leave in self._leave:
            leave(exchange)


class Load(Protocol):
    """How much is shed (`gateway.resilience.shedding.Shedder`).

    Attributes:
        level: How many of the priorities, from the lowest.
    """

    @property
    def level(self) -> int: ...


class LoadShedding:
    """Turn exchanges away while the gateway is short of time or memory.

    Args:
        load: Asked before each exchange: one comparison.
        priority: The route's.
        refusal: Counts one of this priority, and makes its error.
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
