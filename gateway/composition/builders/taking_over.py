"""Which routes a configuration takes over from the one before, and which are compiled.

So the cost of a change is that of what changed; see Note [What a leaf is made from].

Tests: `tests/composition/builders/test_taking_over.py::test_one_changed_route_of_many_is_one_leaf`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.composition.builders.facts import Facts
from gateway.composition.builders.kept_upstreams import KeptUpstream
from gateway.composition.builders.places import Edits
from gateway.composition.builders.routes import rules
from gateway.composition.builders.surroundings import file_digest
from gateway.composition.carried import Carried, Noted
from gateway.composition.slices import LOOK, ROUTE, Slices
from gateway.config.differences import same
from gateway.config.schema.routes import Route
from gateway.resilience.budget import RetryBudget
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable
from gateway.serving.tree import RouteLeaf


class KeptRoute(NamedTuple):
    """A compiled route, and what tells whether the next configuration may take it over.

    Attributes:
        facts: Of the route.
        leaf: What answers on it.
        rules: What requests it takes.
        parts: The upstreams that it leads to, and what its plugins run in.
        files: Digest of the files that it names.
        budget: Of its retries.
        noted: What it asked for.
    """

    facts: Facts
    leaf: RouteLeaf
    rules: tuple[RouteRule, ...]
    parts: tuple[object, ...]
    files: bytes
    budget: RetryBudget | None
    noted: Noted


@dataclass(frozen=True, slots=True)
class Kept:
    """What the next configuration may take over from one.

    Attributes:
        surroundings: Of its routes.
        upstreams: By name.
        routes: By name, in order.
        tables: Of its routes, by the names of those that are not in them.
    """

    surroundings: tuple[Any, ...]
    upstreams: Mapping[str, KeptUpstream]
    routes: Mapping[str, KeptRoute]
    tables: Mapping[frozenset[str], RouteTable[RouteLeaf]]


NOTHING = Kept((), {}, {}, {})

MOST = 100
"""Rules of which a table may differ from one that it is made of; with more, it is made anew."""


async def keep_routes(
    facts: Iterable[Facts],
    surroundings: tuple[Any, ...],
    upstreams: Mapping[str, KeptUpstream],
    before: Kept,
    hosts: Callable[[Route], tuple[object, ...]],
    compile_route: Callable[[Route], tuple[RouteLeaf, RetryBudget | None]],
    carried: Carried,
    slices: Slices,
) -> dict[str, KeptRoute]:
    """Return the compiled routes of a configuration by name; those that are not as they were before are compiled.

    Args:
        facts: Of its routes, in order.
        surroundings: Of its routes.
        upstreams: By name.
        before: Of the configuration in force.
        hosts: Return what the plugins of a route run in.
        compile_route: Compiles one.
        carried: Is asked again for what a route that is taken over asked for.
        slices: Counts the work.
    """
    known: Mapping[str, KeptRoute] = before.routes if same(before.surroundings, surroundings) else {}
    kept: dict[str, KeptRoute] = {}
    for one in facts:
        was = known.get(one.route.name)
        parts: tuple[object, ...] = tuple([upstreams[name].upstream for name in one.asked])
        if one.route.plugins:
            parts += hosts(one.route)
        files = file_digest(one.files)
        if was is not None and was.parts == parts and was.files == files and same(was.facts.route, one.route):
            carried.again(was.noted)
            kept[one.route.name] = was if was.facts is one else was._replace(facts=one)
            await slices.did(LOOK)
            continue
        with carried.noting() as noted:
            leaf, budget = compile_route(one.route)
        kept[one.route.name] = KeptRoute(one, leaf, tuple(rules(one.route)), parts, files, budget, noted)
        await slices.did(ROUTE)
    return kept


def edits(before: Kept, kept: Mapping[str, KeptRoute]) -> Edits[RouteLeaf] | None:
    """Return how the tables differ from those before; None where they had better be made anew.

    Args:
        before: Of the configuration in force.
        kept: The routes of the one that is built, in order.
    """
    was = before.routes
    staying = [name for name, route in kept.items() if name in was and was[name].leaf is route.leaf]
    stays = set(staying)
    if [name for name in was if name in stays] != staying:
        return None
    gone = [rule for name, route in was.items() if name not in stays for rule in route.rules]
    fresh = [(rule, route.leaf) for name, route in kept.items() if name not in stays for rule in route.rules]
    if len(gone) + len(fresh) > MOST:
        return None
    rules_now = (rule for route in kept.values() for rule in route.rules)
    return Edits(before.tables, gone, fresh, {id(rule): place for place, rule in enumerate(rules_now)})
