"""The order of the steps: the one place where it is written.

`Pipeline.steps` is the list of a route, from the client inwards; the other lists are those of the
paths that the gateway answers itself. A comment on a line gives the reason for its place. Adding a
step is adding a line. What each step does is in `gateway.middleware`, what it is made from in
`gateway.composition.builders`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from gateway.composition.builders.access_log import access_log, redactor
from gateway.composition.builders.addresses import ip_rules
from gateway.composition.builders.admission import LoadControl
from gateway.composition.builders.bases import upstreams_below_a_base
from gateway.composition.builders.cache import Caches
from gateway.composition.builders.dry_run import Fields, address_note
from gateway.composition.builders.error_pages import Pages
from gateway.composition.builders.identity import Identity
from gateway.composition.builders.keeping import compresses_before_it_keeps
from gateway.composition.builders.last_good import LastGoods
from gateway.composition.builders.rates import Rates
from gateway.composition.builders.tracing import Tracing
from gateway.composition.builders.transformations import Transformations, dropped_fields
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.routes import Route
from gateway.exchange import Exchange
from gateway.http.forwarded import NetworkSet
from gateway.interfaces import Middleware
from gateway.middleware.below_base import BelowBase
from gateway.middleware.body_limit import BodyLimit
from gateway.middleware.call_metrics import CallMetrics
from gateway.middleware.failures import Failures
from gateway.middleware.metrics import RequestMetrics
from gateway.middleware.request_buffer import RequestBuffer
from gateway.middleware.request_id import RequestId
from gateway.middleware.upstream_time import UpstreamTime
from gateway.serving.explaining import EXPLAINED

if TYPE_CHECKING:
    # Loaded with the first configuration that has plugins.
    from gateway.composition.builders.plugins import Plugins


class Pipeline:
    """Lists the steps of one configuration; equal steps are one object, however many routes have them.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        log_access: Takes the lines of the access log.
        trusted: Proxies whose request ids are believed.
        identity: Makes the steps that authenticate.
        limits: Makes the steps that count requests.
        load: Makes the steps that limit how much is done at once.
        pages: Make the step that replaces what backends say with an error.
        answers: The step that explains errors of backends; None where nobody reads along.
        tracing: How exchanges are traced; None for no more than passing trace context on.
    """

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        log_access: Callable[[bytes], None],
        trusted: NetworkSet,
        identity: Identity,
        limits: Rates,
        load: LoadControl,
        pages: Pages,
        answers: Middleware | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._answers = answers
        self._foundation = foundation
        self._metrics = foundation.metrics
        explained = EXPLAINED if pages.explains else frozenset()
        failures = foundation.carried.get(
            ("failures", pages.explains), lambda: Failures(self._metrics.errors.add, foundation.now, explained)
        )
        self._failed = failures.ended
        self._identity = identity
        self._limits = limits
        self._load = load
        self._pages = pages
        self._request_id = RequestId(foundation.random_bytes, trusted)
        self._application_id = RequestId(foundation.random_bytes, ("",))  # an application is believed
        self._tracing = tracing or Tracing(foundation)
        self._access_log = access_log(settings, log_access, foundation.wall_clock, foundation.random)
        self._keep = foundation.failures.keeper(redactor(settings))
        self._settings = settings
        self._address_note = address_note(foundation)
        self._dry_run_fields = Fields(settings)
        note = self._address_note if settings.ip_dry_run else None
        self._ip_rules = ip_rules(settings.ip_allow, settings.ip_deny, note)
        self._ip_rules_of = cache(ip_rules)
        count = foundation.metrics.counter("gateway_auth_total").add
        self._revoked_certificates: Middleware | None = None
        self._certificate_field: Middleware | None = None
        if settings.auth is not None and settings.auth.mtls is not None:
            from gateway.composition.builders.mtls import certificate_field, revoked_certificates

            self._revoked_certificates = revoked_certificates(settings, foundation, count)
            self._certificate_field = certificate_field(settings)
        self._below_base, self._below_a_base = BelowBase(), upstreams_below_a_base(settings)
        self._take_calls = frozenset(upstream.name for upstream in settings.upstreams if upstream.may_take_calls)
        self._body_limit = cache(BodyLimit)
        self._octets = settings.limits.request_body
        buffer = settings.limits.request_buffer
        self._request_buffer = RequestBuffer(buffer) if buffer else None
        self._sticky: Middleware | None = None
        if any(upstream.sticky is not None for upstream in settings.upstreams):
            from gateway.composition.builders.sticky import sticky_step

            self._sticky = sticky_step(settings, foundation)
        self._last_goods = LastGoods(settings, foundation)
        self._transformations = Transformations(settings, foundation)
        self.caches = Caches(settings, foundation, self._last_goods.stores)
        self._plugins: Plugins | None = None
        if settings.plugins:
            from gateway.composition.builders.plugins import Plugins

            self._plugins = Plugins(settings, foundation)

    def steps(
        self,
        route: Route | None,
        choose: Callable[[Exchange], str] | None = None,
        mirror: Middleware | None = None,
        /,
    ) -> list[Middleware]:
        """List the steps of a route, from the client inwards; after the last comes the forwarder.

        Args:
            route: None for a request that no route takes.
            choose: Picks one of the route's upstreams by name; None where it has one only.
            mirror: Copies requests; None where no copies are made.
        """
        name, pattern, auth = ("", "", None) if route is None else (route.name, route.pattern, route.auth)
        plugins = [] if self._plugins is None else list(self._plugins.steps(route))
        if plugins and choose is not None:
            choose = _unless_chosen(choose)  # by a plugin
        places = list(self._load.of_upstreams(route, choose))
        # Behind the cache, since a place is held only while the upstream is asked; but what is kept is of one upstream.
        asks_late = choose is None and self.caches.keeps(route)
        return _those_needed(
            *self.outermost(name, pattern, route),
            *self._load.at_the_door(route),  # before any work: what is turned away here must cost nothing
            self._ip_rules_for(route),  # inside the rules for all
            *self._for_browsers(route),  # a preflight shows no credentials, and counts for no limit
            *self._limits.by_address(route),  # before anything is spent on finding out who is calling
            self._below_base_for(route),  # inside the limits: who tries such paths uses them up
            *([] if route is None else self._identity.withheld(auth)),  # an authority is shown the URL
            self._sticky_for(route),  # likewise the cookies
            self._identity.step(auth),
            self._identity.tunnels(auth),  # who opened a tunnel is known
            *self._limits.by_principal(route),  # it is known who is calling
            self._certificate_field if route is not None and route.forwards_to else None,  # for a backend only
            self._body_limit_for(route),  # whether a caller may call comes before how much it may send
            self._buffer_for(route),  # a slow sender holds no place and no connection
            self._transformations.content(route),  # likewise
            *self._load.behind_the_buffer(route),  # the gateway's place, where it was not taken at the door
            self._load.of_route(route),  # a caller who is refused above takes nobody's place
            *([] if asks_late or plugins else places),  # a place is held only while the upstream is asked
            self._pages.step(route),  # outside what keeps the backend's answers as they were
            self._transformations.step(route),  # what stands before it is about the request as it came
            *plugins,  # outside the cache, since what they refuse must not be had from it; they may choose the upstream
            *(places if plugins and not asks_late else []),
            self._cache(route),  # a hit has passed all that limits requests; it is of what the backend is asked
            *(places if asks_late else []),
            self._load.of_fallbacks(route),  # behind the cache always: the exchange that falls back may be a fetch's
            mirror,  # the copy is what the backend gets; nothing that is answered from the cache has one
            self._compression_of_kept(route),  # inside the cache, which so keeps an answer once for each coding
            self._last_good(route),  # innermost: keeps what the backend said
        )

    def plugin_hosts(self, route: Route) -> tuple[object, ...]:
        """Return what a route's plugins run in."""
        return () if self._plugins is None else self._plugins.hosts(route)

    def agent(self, route: Route) -> list[Middleware]:
        """List the steps of what the application itself asks of an upstream: none of those that are for clients."""
        return _those_needed(
            self._application_id,
            self._tracing.application,
            self._access_log,
            self._metrics_of(route.name, ""),
            self._below_base_for(route),
            self._sticky,
            self._request_buffer,
            *self._load.of_upstreams(route, None),
            self._load.of_fallbacks(route),
        )

    def subrequest(self, route: Route, keeps: bool) -> list[Middleware]:
        """List the steps of what is asked beside a client's own exchange, which has passed those that are for clients.

        Args:
            route: Has the one upstream that is asked in the place of its own.
            keeps: Whether its answers may be kept for when the upstream's breaker is open.
        """
        return _those_needed(
            self._tracing.beside,
            UpstreamTime(self._metrics.upstream),
            self._below_base_for(route),
            *self._load.of_upstreams(route, None),
            self._load.of_fallbacks(route),
            self._last_good(route) if keeps else None,
        )

    def outermost(self, name: str, pattern: str, route: Route | None = None) -> list[Middleware]:
        """List the steps that tell of an exchange: all that a path of the token endpoint has."""
        return _those_needed(
            self._request_id,  # first: every log line and answer after it names the exchange
            self._tracing.step,
            self._access_log,  # outside everything that can refuse, so that refusals are logged
            self._answers,
            self._metrics_of(name, pattern),
            self._call_metrics_for(route),
            self._dry_run_fields.step(route),  # outside every rule that may be in dry run
            self._ip_rules,
            self._revoked_certificates,  # whatever the path is: nobody else's certificate is believed either
        )

    def health(self, path: str) -> list[Middleware]:
        """List the steps of a health path: not logged, and open to every address."""
        return [self._request_id, *self._limits.own("health", path).steps]

    def public_metrics(self, path: str) -> list[Middleware]:
        """List the steps of the metrics on the public port: not logged, and under the address rules for all."""
        return _those_needed(self._request_id, self._ip_rules, *self._limits.own("metrics", path).steps)

    def _metrics_of(self, name: str, pattern: str) -> RequestMetrics:
        metrics = self._metrics
        return RequestMetrics(metrics.route(name, pattern), metrics.upstream, self._failed, self._keep)

    def _cache(self, route: Route | None) -> Middleware | None:
        """Return the step that answers with what was kept, by what the backend is asked."""
        if route is None or self.caches.cached is None:
            return None
        return self.caches.step(route, self._identity.passes(route.auth, dropped_fields(route)))

    def _compression_of_kept(self, route: Route | None) -> Middleware | None:
        """Return the step that compresses answers before they are kept; None where it stands outside."""
        if route is None or not compresses_before_it_keeps(route):
            return None
        from gateway.composition.builders.browsers import compression_step

        return compression_step(self._settings.compression_of(route))

    def _last_good(self, route: Route | None) -> Middleware | None:
        """Return the step that keeps answers, by what the backend is asked."""
        if route is None:
            return None
        return self._last_goods.step(route, self._identity.passes(route.auth, dropped_fields(route)))

    def _ip_rules_for(self, route: Route | None) -> Middleware | None:
        if route is None:
            return None
        return self._ip_rules_of(route.ip_allow, route.ip_deny, self._address_note if route.ip_dry_run else None)

    def _call_metrics_for(self, route: Route | None) -> Middleware | None:
        """Return the step that counts calls of gRPC, where a backend can take any."""
        if route is None or self._take_calls.isdisjoint(name for name, _ in route.upstreams):
            return None
        return CallMetrics(route.name, self._metrics.counter("gateway_grpc_calls_total").add, self._keep)

    def _for_browsers(self, route: Route | None) -> list[Middleware]:
        """Return what answers preflights, and what changes answers for browsers; loaded where a route has any of it."""
        if route is None:
            return []
        compression = None if compresses_before_it_keeps(route) else self._settings.compression_of(route)
        if route.cors is None and compression is None and not (route.grpc_web or route.security_headers is not False):
            return []
        from gateway.composition.builders.browsers import steps

        return steps(route, compression, self._foundation)

    def _below_base_for(self, route: Route | None) -> Middleware | None:
        """Return the step that holds paths below the base path of backends, where one has any."""
        if route is None or self._below_a_base.isdisjoint(name for name, _ in route.upstreams):
            return None
        return self._below_base

    def _body_limit_for(self, route: Route | None) -> Middleware | None:
        if route is None:
            return None
        octets = self._octets if route.request_body is None else route.request_body
        return self._body_limit(octets) if octets else None

    def _sticky_for(self, route: Route | None) -> Middleware | None:
        """Return the step of sticky upstreams, where there is a backend: no backend sees their cookies."""
        return None if route is None or not route.forwards_to else self._sticky

    def _buffer_for(self, route: Route | None) -> Middleware | None:
        """Return the step that gathers content, where there is a backend to send it to."""
        return None if route is None or not route.forwards_to else self._request_buffer


def _unless_chosen(choose: Callable[[Exchange], str]) -> Callable[[Exchange], str]:
    """Return what chooses an upstream for an exchange that has none yet."""
    return lambda exchange: exchange.upstream or choose(exchange)


def _those_needed(*steps: Middleware | None) -> list[Middleware]:
    """Leave out what the configuration does not ask for: such a step costs nothing."""
    return [step for step in steps if step is not None]
