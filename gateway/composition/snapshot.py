"""Everything that is built from one configuration.

A snapshot is made aside and then put into force by one assignment; an exchange keeps the one it
started with. What a route does per request is decided when the snapshot is built: the steps that it
needs are bound, its labels are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial

from gateway.answering.health import Check
from gateway.composition.builders.admission import LoadControl
from gateway.composition.builders.cache import Caches
from gateway.composition.builders.decisive import decisive_fields
from gateway.composition.builders.error_pages import Pages
from gateway.composition.builders.facts import facts_of
from gateway.composition.builders.identity import Identity
from gateway.composition.builders.kept_upstreams import keep_upstreams
from gateway.composition.builders.no_rates import rates
from gateway.composition.builders.own_paths import claims, own_paths
from gateway.composition.builders.paths import Paths
from gateway.composition.builders.places import Places
from gateway.composition.builders.readiness import readiness
from gateway.composition.builders.routes import Routes
from gateway.composition.builders.subrequests import Subrequests
from gateway.composition.builders.surroundings import surroundings
from gateway.composition.builders.taking_over import NOTHING, Kept, edits, keep_routes
from gateway.composition.builders.tracing import Tracing
from gateway.composition.builders.transformations import dropped_fields
from gateway.composition.foundation import Foundation
from gateway.composition.pipeline import Pipeline
from gateway.composition.slices import LOOK, Slices
from gateway.config import Settings
from gateway.config.patterns import SOCKETS
from gateway.config.schema.routes import Route
from gateway.exchange import ChainLike
from gateway.http.fields import OTHER_URLS
from gateway.http.forwarded import BELIEVED, DROPPED, ForwardedRules, NetworkSet
from gateway.identity.orders import Control
from gateway.interfaces import Middleware
from gateway.resilience.budget import RetryBudget
from gateway.routing.table import RouteTable
from gateway.serving.contract import ConnectionOptions
from gateway.serving.explaining import Answers, Explanations
from gateway.serving.tree import Leaf, RouteLeaf, unrouted_chain
from gateway.telemetry.exposition import OwnLabels
from gateway.upstream.backend import Upstream

REMADE = DROPPED | frozenset([b"x-request-id", b"traceparent", b"tracestate"])
"""Request fields that steps of the chain write anew."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything built from one configuration.

    Attributes:
        settings: What it was built from.
        routes: Leaves by rule (`gateway.serving.tree.Tree`), of the routes that are on all listeners.
        unrouted: The chain of exchanges that no route takes.
        own_paths: Paths that the gateway answers itself.
        claimed: Routes that come before those; None for none.
        in_flight: Most exchanges at once, 0 for no limit; for who does not wait.
        decides_by_forwarding: Whether something goes by a field that is believed of trusted peers only.
        explain_routing: Whether routing decisions are logged.
        answers_preflights: Whether a route answers preflights (`cors`).
        options: For client connections.
        rules: Who is believed about clients.
        upstreams: By name.
        key_sets: Identities of the backends' pools, of each upstream; those of members that are found come and go.
        credentials: Does what an operator orders about credentials.
        caches: What routes keep of their answers.
        retry_budgets: By route.
        readiness: What `/ready` asks, by name.
        tracing: How exchanges are traced.
        agent_steps: Lists the steps of what the application asks of an upstream.
        listeners: The same with the routes of a listener, by its address; empty where every route is on all.
        homes: Routes that are on some listeners only, by name: the address of one of these.
        kept: What the next configuration may take over.
    """

    settings: Settings
    routes: RouteTable[RouteLeaf]
    unrouted: ChainLike
    own_paths: Mapping[bytes, Leaf]
    claimed: RouteTable[RouteLeaf] | None
    in_flight: int
    decides_by_forwarding: bool
    explain_routing: bool
    answers_preflights: bool
    options: ConnectionOptions
    rules: ForwardedRules
    upstreams: Mapping[str, Upstream]
    key_sets: Sequence[Set[Hashable]]
    credentials: Control
    caches: Caches
    retry_budgets: Mapping[str, RetryBudget]
    readiness: Mapping[str, Check]
    tracing: Tracing
    agent_steps: Callable[[Route], Sequence[Middleware]]
    listeners: Mapping[str, Snapshot] = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)
    kept: Kept = NOTHING

    @property
    def pool_keys(self) -> frozenset[Hashable]:
        """Return the identities of the backends' pools."""
        return frozenset().union(*self.key_sets)

    def at(self, address: str) -> Snapshot:
        """Return what a listener has; for one that the configuration does not have, the routes that are on all."""
        return self.listeners.get(address, self)

    def around(self, route: str) -> Snapshot:
        """Return what the listener of a route has, where it is on some only."""
        return self.at(self.homes.get(route, ""))


async def build(
    settings: Settings,
    foundation: Foundation,
    log_access: Callable[[bytes], None],
    logs_routing: bool = False,
    explains: bool = False,
    before: Kept = NOTHING,
    slices: Slices | None = None,
) -> Snapshot:
    """Build a snapshot; nothing of the one in force changes.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        log_access: Takes the lines of the access log.
        logs_routing: Whether the log takes routing decisions.
        explains: Whether somebody reads in the log why answers are errors.
        before: What may be taken over from the snapshot in force.
        slices: Counts the work, and waits between its slices; None where all is done at once.

    Raises:
        gateway.config.ConfigError: A file that it names cannot be used.
    """
    slices = slices or Slices()
    carried = foundation.carried
    trusted = _trusted(settings.trusted_proxies)
    facts = []
    for one in facts_of(settings.routes, before.routes):
        facts.append(one)
        await slices.did(LOOK)
    scanned = len(facts) // 2
    decisive = decisive_fields(settings, {name for one in facts for name in one.decisive})
    limits = rates(settings, foundation)
    identity = Identity(settings, foundation, _withheld(settings), limits.store, decisive)
    paths = Paths(settings)
    await slices.did(scanned)
    load = LoadControl(settings, foundation)
    kept_upstreams = await keep_upstreams(settings, foundation, load.upstreams, before.upstreams, slices)
    upstreams = {name: kept.upstream for name, kept in kept_upstreams.items()}
    explanations = carried.get("explanations", lambda: Explanations(foundation.now)) if explains else None
    pages = Pages(settings, explanations)
    answers = Answers(explanations) if explanations is not None and foundation.terminal else None
    tracing = _tracing(settings, foundation)
    pipeline = Pipeline(settings, foundation, log_access, trusted, identity, limits, load, pages, answers, tracing)
    await slices.did(scanned)
    subrequests = Subrequests(foundation, upstreams, pipeline.subrequest, tracing)
    compiler = Routes(settings, foundation, upstreams, pipeline.steps, subrequests, pages, tracing)

    def compiled(route: Route) -> tuple[RouteLeaf, RetryBudget | None]:
        passes = identity.passes(route.auth, dropped_fields(route))
        leaf = compiler.compile(route, passes, paths.of(route, limits.for_some_paths(route)))
        return leaf, compiler.retry_budgets.get(route.name)

    await slices.did(scanned)
    around = surroundings(settings, foundation, paths, decisive, log_access, explains)
    kept_routes = await keep_routes(
        facts, around, kept_upstreams, before, pipeline.plugin_hosts, compiled, carried, slices
    )
    routes = [(rule, kept.leaf) for kept in kept_routes.values() for rule in kept.rules]
    own = own_paths(settings, foundation, identity.control, limits, pipeline, pages.render_error)
    labels = OwnLabels(settings.metrics.labels, {route.name: route.labels for route in settings.routes})
    carried.then(partial(setattr, foundation.metrics, "own_labels", labels))
    claimed = claims(routes, own)
    await slices.did(scanned)
    places = Places(routes, claimed, paths.asks_case, slices, edits(before, kept_routes))
    await slices.did(scanned)
    await places.fill(settings)
    await slices.did(scanned)
    all_rules = [rule for rule, _ in routes]
    if explanations is not None:
        carried.then(partial(explanations.follow, all_rules, places.everywhere.routes, places.everywhere.absent))
    outside = pipeline.steps(None)
    everywhere = Snapshot(
        settings=settings,
        routes=places.everywhere.routes,
        unrouted=unrouted_chain(outside, pages.render_error, tracing.chain),
        own_paths=own,
        claimed=places.everywhere.claimed,
        # With a queue, or with other processes, it is a step.
        in_flight=0 if settings.limits.queue or foundation.whole is not None else settings.limits.in_flight,
        decides_by_forwarding=not BELIEVED.isdisjoint(decisive),
        explain_routing=logs_routing,
        answers_preflights=any(route.answers_preflights for route in settings.routes),
        options=_options(settings),
        rules=_forwarded(settings, trusted),
        upstreams=upstreams,
        key_sets=[kept.keys for kept in kept_upstreams.values()],
        credentials=identity.control,
        caches=pipeline.caches,
        retry_budgets={name: kept.budget for name, kept in kept_routes.items() if kept.budget is not None},
        readiness=readiness(settings, foundation, upstreams, {name for one in facts for name in one.forwards_to}),
        tracing=tracing,
        agent_steps=pipeline.agent,
        kept=Kept(around, kept_upstreams, kept_routes, places.tables),
    )
    here = {
        address: replace(
            everywhere,
            routes=tables.routes,
            claimed=tables.claimed,
            unrouted=unrouted_chain(outside, pages.unrouted(all_rules, tables.routes, tables.absent), tracing.chain),
        )
        for address, tables in places.by_address.items()
    }
    return replace(everywhere, listeners=here, homes=places.homes) if here else everywhere


def _tracing(settings: Settings, foundation: Foundation) -> Tracing:
    if settings.tracing.exporter == "none":
        return Tracing(foundation)
    from gateway.composition.builders.traced import traced

    return traced(settings, foundation)


def _trusted(proxies: Sequence[object]) -> NetworkSet:
    return NetworkSet([str(one) for one in proxies if one != SOCKETS], sockets=SOCKETS in proxies)


def _withheld(settings: Settings) -> frozenset[bytes]:
    """Return the request fields of clients that no backend gets: written anew, or naming another URL than the line."""
    return REMADE if settings.forwarded.original_url else REMADE | OTHER_URLS


def _forwarded(settings: Settings, trusted: NetworkSet) -> ForwardedRules:
    said = settings.forwarded
    return ForwardedRules(trusted, said.x_forwarded, said.x_real_ip, said.via, said.forwarded)


def _options(settings: Settings) -> ConnectionOptions:
    return ConnectionOptions(
        client_header=settings.timeouts.client_header,
        client_body=settings.timeouts.client_body,
        client_idle=settings.timeouts.client_idle,
        client_max_age=settings.timeouts.client_max_age,
        request=settings.timeouts.request,
        request_header=settings.limits.request_header,
        header_fields=settings.limits.header_fields,
        streams=settings.limits.http2.concurrent_streams,
        resets=settings.limits.http2.resets,
        reset_window=settings.limits.http2.window,
    )
