"""Which routes are on which listener: a table for each set of them, made when the configuration is loaded.

A request is looked up among the routes of its listener and no others, so that nothing of a route that is elsewhere
shows: not in a 405, not in `Allow`, not in how a path may be read (D-199).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from gateway.composition.slices import RULE, Slices
from gateway.config import Settings
from gateway.config.endpoint_strings import address_of
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable

T = TypeVar("T")


class Tables(NamedTuple, Generic[T]):
    """The routes of a place.

    Attributes:
        routes: All of them.
        claimed: Those that come before the gateway's own paths; None for none.
        absent: The names of those that are not here.
    """

    routes: RouteTable[T]
    claimed: RouteTable[T] | None
    absent: frozenset[str]


class Places(Generic[T]):
    """The tables of one configuration.

    Args:
        routes: All routes, by rule.
        claims: Those of them that claim paths of the gateway's own.
        asks_case: Whether some backends do not tell upper from lower case.
        slices: Counts the work.

    Attributes:
        everywhere: Of the routes that are on all listeners: for who comes by none.
        by_address: Of the listeners, by `address_of` their endpoint; empty where every route is on all.
        homes: Routes that are on some listeners only, by name: the address of the first of them.
    """

    def __init__(
        self,
        routes: Sequence[tuple[RouteRule, T]],
        claims: Sequence[tuple[RouteRule, T]],
        asks_case: bool,
        slices: Slices,
    ) -> None:
        self._routes = routes
        self._claims = claims
        self._asks_case = asks_case
        self._slices = slices
        self.everywhere: Tables[T] = Tables(RouteTable(()), None, frozenset())
        self.by_address: dict[str, Tables[T]] = {}
        self.homes: dict[str, str] = {}

    async def fill(self, settings: Settings) -> None:
        """Make the tables of a configuration."""
        somewhere = {route.name: route for route in settings.routes if route.listeners is not None}
        self.everywhere = await self._tables(frozenset(somewhere))
        made: dict[frozenset[str], Tables[T]] = {}
        for listener in settings.listeners if somewhere else ():
            absent = frozenset(name for name, route in somewhere.items() if not route.is_on(listener.name))
            address = address_of(listener.endpoint)
            if absent not in made:
                made[absent] = await self._tables(absent)
            self.by_address[address] = made[absent]
            for name in somewhere.keys() - absent:
                self.homes.setdefault(name, address)

    async def _tables(self, absent: frozenset[str]) -> Tables[T]:
        claims = [(rule, value) for rule, value in self._claims if rule.name not in absent]
        table: RouteTable[T] = RouteTable((), asks_case=self._asks_case)
        for rule, value in self._routes:
            if rule.name not in absent:
                table.add(rule, value)
            await self._slices.did(RULE)
        return Tables(table, RouteTable(claims) if claims else None, absent)
