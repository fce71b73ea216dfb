"""Which routes are on which listener: a table for each set of them, made when the configuration is loaded.

A request is looked up among the routes of its listener and no others, so that nothing of a route that is elsewhere
shows: not in a 405, not in `Allow`, not in how a path may be read (D-199).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from gateway.composition.slices import EDIT, RULE, Slices
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


class Edits(NamedTuple, Generic[T]):
    """What other tables may be made of, in place of all rules.

    Attributes:
        tables: Of the configuration before, by the names of the routes that are not in them.
        gone: Rules of that one only.
        fresh: Rules that it did not have.
        places: Of all rules now, by their identity.
    """

    tables: Mapping[frozenset[str], RouteTable[T]]
    gone: Sequence[RouteRule]
    fresh: Sequence[tuple[RouteRule, T]]
    places: Mapping[int, int]


class Places(Generic[T]):
    """The tables of one configuration.

    Args:
        routes: All routes, by rule.
        claims: Those of them that claim paths of the gateway's own.
        asks_case: Whether some backends do not tell upper from lower case.
        slices: Counts the work.
        edits: What the tables may be made of; None for all rules.

    Attributes:
        tables: All that were made, by the names of the routes that are not in them.
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
        edits: Edits[T] | None = None,
    ) -> None:
        self._routes = routes
        self._claims = claims
        self._asks_case = asks_case
        self._slices = slices
        self._edits = edits
        self.tables: dict[frozenset[str], RouteTable[T]] = {}
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
        table = self.tables[absent] = await self._edited(absent) or await self._table(absent)
        return Tables(table, RouteTable(claims) if claims else None, absent)

    async def _table(self, absent: frozenset[str]) -> RouteTable[T]:
        """Make a table of all rules."""
        table: RouteTable[T] = RouteTable((), asks_case=self._asks_case)
        for rule, value in self._routes:
            if rule.name not in absent:
                table.add(rule, value)
            await self._slices.did(RULE)
        return table

    async def _edited(self, absent: frozenset[str]) -> RouteTable[T] | None:
        """Make a table of that of the configuration before; None where it had none for these routes."""
        edits = self._edits
        before = None if edits is None else edits.tables.get(absent)
        if edits is None or before is None or (before.caseless is not None) is not self._asks_case:
            return None
        await self._slices.did(EDIT * (len(edits.gone) + len(edits.fresh)))
        gone = [rule for rule in edits.gone if rule.name not in absent]
        fresh = [(rule, value) for rule, value in edits.fresh if rule.name not in absent]
        return before.changed(gone, fresh, edits.places) if gone or fresh else before
