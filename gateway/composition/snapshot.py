"""Settings into everything that is built from them.

A snapshot is made aside and then put into force by one assignment; an
exchange keeps the one it started with. What a route does per request is
decided here, once: the steps it needs are bound, its labels looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from math import inf

from gateway.answering.health import PATHS as HEALTH_PATHS
from gateway.answering.health import Check
from gateway.balancing import build as build_balancer
from gateway.composition.builders.addresses import ip_rules
from gateway.composition.builders.admission import LoadControl
from gateway.composition.builders.identity import Identity
from gateway.composition.builders.last_good import LastGoods
from gateway.composition.builders.limits import RateLimits
from gateway.composition.builders.oauth import token_paths
from gateway.composition.builders.own_paths import claimed
from gateway.composition.builders.paths import Paths
from gateway.composition.builders.readiness import readiness
from gateway.composition.builders.retries import build_hedges, build_retries
from gateway.composition.builders.upstreams import build_upstream
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.routes import Route
from gateway.config.schema.telemetry import DEFAULT_RECORD
from gateway.exchange import ChainLike, Exchange
from gateway.forwarding.forwarder import Forwarder
from gateway.http.fields import OTHER_URLS
from gateway.http.forwarded import DROPPED, ForwardedRules, NetworkSet
from gateway.identity.orders import Control
from gateway.interfaces import Middleware
from gateway.middleware.access_log import AccessLog
from gateway.middleware.body_limit import BodyLimit
from gateway.middleware.chain import Chain, Handler
from gateway.middleware.metrics import RequestMetrics
from gateway.middleware.request_buffer import RequestBuffer
from gateway.middleware.request_id import RequestId
from gateway.middleware.trace import Trace
from gateway.resilience.budget import RetryBudget
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable
from gateway.serving.contract import ConnectionOptions
from gateway.serving.resources import ContentResource, Leaf, RouteResource, unrouted_chain
from gateway.serving.respond import render_error
from gateway.telemetry.exposition import OwnLabels
from gateway.upstream.backend import Share, Upstream

REMADE = DROPPED | frozenset([b"x-request-id", b"traceparent", b"tracestate"])
"""Request fields that steps of the chain write anew."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything built from one configuration.

    Attributes:
        settings: What it was built from.
        routes: Leaves by rule (`gateway.serving.resources.Tree`).
        unrouted: The chain of exchanges that no route takes.
        own_paths: Paths that the gateway answers itself.
        claimed: Routes that come before those; None for none.
        in_flight: Most exchanges at once, 0 for no limit; for who does not wait.
        explain_routing: Whether routing decisions are logged.
        options: For client connections.
        rules: Who is believed about clients.
        upstreams: By name.
        pool_keys: Identities of the backends' pools.
        credentials: Does what an operator orders about credentials.
        retry_budgets: By route.
        readiness: What `/ready` asks, by name.
    """

    settings: Settings
    routes: RouteTable[RouteResource]
    unrouted: ChainLike
    own_paths: Mapping[bytes, Leaf]
    claimed: RouteTable[RouteResource] | None
    in_flight: int
    explain_routing: bool
    options: ConnectionOptions
    rules: ForwardedRules
    upstreams: Mapping[str, Upstream]
    pool_keys: frozenset[Hashable]
    credentials: Control
    retry_budgets: Mapping[str, RetryBudget]
    readiness: Mapping[str, Check]


def build(
    settings: Settings,
    foundation: Foundation,
    log_access: Callable[[bytes], None],
    logs_routing: bool = False,
) -> Snapshot:
    """Build a snapshot; nothing of the one in force changes.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        log_access: Takes the lines of the access log.
        logs_routing: Whether the log takes routing decisions.

    Raises:
        gateway.dialling.tls.TLSSettingsError: A certificate of an upstream cannot be used.
    """
    builder = _Builder(settings, foundation, log_access)
    own = OwnLabels(settings.metrics.labels, {route.name: route.labels for route in settings.routes})
    foundation.carried.then(partial(setattr, foundation.metrics, "own_labels", own))
    routes = [(_rule(route), builder.leaf(route)) for route in settings.routes]
    own_paths = builder.own_paths()
    return Snapshot(
        settings=settings,
        routes=RouteTable(routes, asks_case=builder.paths.asks_case),
        unrouted=unrouted_chain(builder.steps(None)),
        own_paths=own_paths,
        claimed=claimed(routes, own_paths),
        in_flight=0 if settings.limits.queue else settings.limits.in_flight,  # with a queue it is a step
        explain_routing=logs_routing,
        options=_options(settings),
        rules=builder.rules,
        upstreams=builder.upstreams,
        pool_keys=frozenset(builder.pool_keys),
        credentials=builder.identity.control,
        retry_budgets=builder.retry_budgets,
        readiness=readiness(settings, foundation, builder.upstreams),
    )


def _options(settings: Settings) -> ConnectionOptions:
    return ConnectionOptions(
        client_header=settings.timeouts.client_header,
        client_body=settings.timeouts.client_body,
        client_idle=settings.timeouts.client_idle,
        request=settings.timeouts.request,
        request_header=settings.limits.request_header,
        header_fields=settings.limits.header_fields,
    )


class _Builder:
    """Makes the parts of one snapshot; what routes can share they share: ten thousand cost what they differ in."""

    def __init__(self, settings: Settings, foundation: Foundation, log_access: Callable[[bytes], None]) -> None:
        self._settings = settings
        self._foundation = foundation
        trusted = NetworkSet(str(network) for network in settings.trusted_proxies)
        forwarded = settings.forwarded
        self.rules = ForwardedRules(
            trusted, forwarded.x_forwarded, forwarded.x_real_ip, forwarded.via, forwarded.forwarded
        )
        self._request_id = RequestId(foundation.random_bytes, trusted)
        self._trace = Trace(foundation.random_bytes)
        self._access_log = _access_log(settings, log_access, foundation.wall_clock)
        self._body_limit = cache(BodyLimit)
        buffer = settings.limits.request_buffer
        self._request_buffer = RequestBuffer(buffer) if buffer else None
        self._ip_rules_of = cache(ip_rules)
        self._ip_rules = ip_rules(settings.ip_allow, settings.ip_deny)
        dropped = frozenset[bytes]() if forwarded.original_url else OTHER_URLS
        self.identity = Identity(settings, foundation, REMADE | dropped)
        self._limits = RateLimits(settings, foundation)
        self.paths = Paths(settings)
        self._load = LoadControl(settings, foundation)
        self._last_goods = LastGoods(settings, foundation)
        self.pool_keys: set[Hashable] = set()
        self.retry_budgets: dict[str, RetryBudget] = {}
        self.upstreams = {
            upstream.name: build_upstream(
                upstream, settings, foundation, self.pool_keys, self._upstream, self._load.upstreams
            )
            for upstream in settings.upstreams
        }

    def steps(self, route: Route | None) -> list[Middleware]:
        """List the steps of a route (None for no route), from the client inwards: the one place of their order."""
        name, pattern, auth = ("", "", None) if route is None else (route.name, route.path, route.auth)
        body_limit = 0 if route is None else self._octets(route)
        steps: list[Middleware | None] = [
            *self._outermost(name, pattern),
            *self._load.at_the_door(route),  # before any work: what is turned away here must cost nothing
            None if route is None else self._ip_rules_of(route.ip_allow, route.ip_deny),  # inside the rules for all
            *self._limits.by_address(route),  # before anything is spent on finding out who is calling
            self.identity.step(auth),
            self._limits.by_principal(route),
            self._body_limit(body_limit) if body_limit else None,  # who may call is decided before how much
            None if route is None else self._request_buffer,  # who is slow to send holds no place and no connection
            *self._load.behind_the_buffer(route),  # its place of the gateway's, where it was not taken at the door
            self._load.of_route(route),  # who may not call, or too often, takes nobody's place
            *self._load.of_upstreams(route, self._chooser(route)),  # a place is held only while it is asked
            self._last_goods.step(route, self.identity.passes(auth)),  # innermost: what the backend said is kept
        ]
        return [step for step in steps if step is not None]

    def _outermost(self, name: str, pattern: str) -> list[Middleware]:
        """List the steps that tell of an exchange; what the gateway answers itself has these only."""
        metrics = self._foundation.metrics
        steps: list[Middleware | None] = [
            self._request_id,  # first: every log line and answer after it names the exchange
            self._trace,
            self._access_log,  # outside everything that can refuse, so that refusals are logged
            RequestMetrics(metrics.route(name, pattern), metrics.upstream, metrics.errors.add),
            self._ip_rules,
        ]
        return [step for step in steps if step is not None]

    def leaf(self, route: Route) -> RouteResource:
        """Compile a route."""
        settings = self._settings
        passes = self.identity.passes(route.auth)
        retries = build_retries(route.name, route.retry, self._foundation)
        if retries is not None:
            self.retry_budgets[route.name] = retries.budget
        hedges = build_hedges(route.name, route.hedge, self._foundation)
        forwarders = {
            name: Forwarder(
                self.upstreams[name],
                self._foundation.agent,
                passes,
                route.timeout,
                settings.forwarded.via,
                retries,
                hedges,
                route.timeout if route.request_timeout else inf,
            )
            for name, _ in route.upstreams
        }
        chain = Chain(self.steps(route), _handler(forwarders), render_error)
        rules = self.paths.of(route, self._limits.for_some_paths(route))
        return RouteResource(route.name, route.path, chain, route.exchange_timeout, rules)

    def _upstream(self, name: str) -> Upstream:
        return self.upstreams[name]

    def _octets(self, route: Route) -> int:
        return self._settings.limits.request_body if route.request_body is None else route.request_body

    def own_paths(self) -> dict[bytes, Leaf]:
        """Return the paths that the gateway answers itself: tokens, health, and metrics where they are public."""
        own: dict[bytes, Leaf] = token_paths(
            self._settings, self._foundation, self.identity.control, self._limits, self._outermost
        )
        if self._settings.health_paths:
            for path in HEALTH_PATHS:
                limits = self._limits.own("health", path.decode()).steps
                own[path] = ContentResource([self._request_id, *limits], partial(_health, self._foundation))
        if self._settings.admin.metrics_public:
            rules: list[Middleware] = [] if self._ip_rules is None else [self._ip_rules]
            rules += self._limits.own("metrics", "/metrics").steps
            own[b"/metrics"] = ContentResource([self._request_id, *rules], partial(_metrics, self._foundation))
        return own

    def _chooser(self, route: Route | None) -> Callable[[], str] | None:
        """Make what shares a route's traffic out; None where there is nothing to choose."""
        if route is None or len(route.upstreams) == 1:
            return None
        shares = [Share(self.upstreams[name], weight) for name, weight in route.upstreams]
        split = build_balancer("weighted_round_robin", shares, self._foundation.random)
        return lambda: split.pick(b"", 0.0).name


def _handler(forwarders: Mapping[str, Forwarder]) -> Handler:
    """The forwarder of the one upstream, or that of the one which a step has chosen."""
    if len(forwarders) == 1:
        (forwarder,) = forwarders.values()
        return forwarder.forward
    return lambda exchange: forwarders[exchange.upstream or ""].forward(exchange)


def _access_log(
    settings: Settings, log_access: Callable[[bytes], None], wall_clock: Callable[[], float]
) -> AccessLog | None:
    access_log = settings.access_log
    if not access_log.enabled:
        return None
    return AccessLog(
        log_access,
        fields=DEFAULT_RECORD if isinstance(access_log.fields, str) else access_log.fields,
        redact_headers=(*access_log.redact_headers, *_key_places(settings)[0]),
        redact_query=(*access_log.redact_query, *_key_places(settings)[1]),
        wall_clock=wall_clock,
    )


def _key_places(settings: Settings) -> tuple[list[str], list[str]]:
    """Return the field and the parameter that API keys come in: whatever else is configured, they are never logged."""
    keys = None if settings.auth is None else settings.auth.api_keys
    if keys is None:
        return [], []
    return [keys.header.lower()], [] if keys.query is None else [keys.query]


def _rule(route: Route) -> RouteRule:
    methods = None if route.methods is None else frozenset(method.encode() for method in route.methods)
    return RouteRule(route.name, route.host, route.path, methods, dict(route.headers), dict(route.query))


def _health(foundation: Foundation, exchange: Exchange) -> tuple[int, bytes, bytes]:
    status, body = foundation.health.report(exchange.request.path)
    return status, b"application/json", body


def _metrics(foundation: Foundation, exchange: Exchange) -> tuple[int, bytes, bytes]:
    accept = exchange.request.headers.get(b"accept") or b""
    media_type, body = foundation.metrics.exposition(accept, foundation.now())
    return 200, media_type, body
