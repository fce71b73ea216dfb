"""Settings of routes into what answers on them: the rule that matches, the chain, the forwarders at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from math import inf
from typing import Protocol, cast, runtime_checkable

from gateway.answering.redirect import PathTemplate, Redirect
from gateway.balancing import build as build_balancer
from gateway.balancing.split import Rendezvous, Split, caller_key
from gateway.composition.builders.error_pages import Pages
from gateway.composition.builders.retries import build_hedges, build_retries
from gateway.composition.builders.subrequests import Subrequests
from gateway.composition.builders.tracing import Tracing
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.answers import Redirect as RedirectSettings
from gateway.config.schema.routes import Route
from gateway.exchange import Exchange
from gateway.forwarding.forwarder import Forwarder
from gateway.forwarding.kinds import forwarder_for
from gateway.http.fields import FieldFilter
from gateway.interfaces import Middleware
from gateway.middleware.chain import Handler
from gateway.resilience.budget import RetryBudget
from gateway.routing.agreement import PathRules
from gateway.routing.expression import read_path
from gateway.routing.rule import RouteRule
from gateway.serving.tree import RouteLeaf
from gateway.upstream.backend import Share, Upstream


class MakeSteps(Protocol):
    """Lists the steps of a route (`gateway.composition.pipeline`)."""

    def __call__(
        self,
        route: Route | None,
        choose: Callable[[Exchange], str] | None = None,
        mirror: Middleware | None = None,
        /,
    ) -> Sequence[Middleware]:
        """`choose` picks one of the route's upstreams, None where it has one only; `mirror` makes copies."""


@runtime_checkable
class Fetching(Protocol):
    """A step that begins exchanges of its own, without a client."""

    def behind(self, begin: Callable[[Exchange], None]) -> None:
        """Take what begins an exchange behind the step."""


@cache
def _fetches(kind: type) -> bool:
    """Whether steps of a class begin exchanges; remembered, since asking a protocol takes longer than making a step."""
    return issubclass(kind, Fetching)


class Routes:
    """Compiles the routes of one configuration.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        upstreams: By name.
        steps: Lists the steps of a route.
        subrequests: Makes the way of what is asked beside.
        pages: Make the answers to errors.
        tracing: How exchanges are traced.

    Attributes:
        retry_budgets: Of the routes compiled so far that retry, by name.
    """

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        upstreams: Mapping[str, Upstream],
        steps: MakeSteps,
        subrequests: Subrequests,
        pages: Pages,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Tracing(foundation)
        self._via = settings.forwarded.via
        self._foundation = foundation
        self._upstreams = upstreams
        self._steps = steps
        self._subrequests = subrequests
        self._pages = pages
        self.retry_budgets: dict[str, RetryBudget] = {}

    def compile(self, route: Route, passes: FieldFilter, paths: PathRules) -> RouteLeaf:
        """Make what answers on a route.

        Args:
            route: Its settings.
            passes: Which fields of the client's are sent to a backend.
            paths: How its paths are read.
        """
        foundation = self._foundation
        retries = build_retries(route.name, route.retry, foundation)
        if retries is not None:
            self.retry_budgets[route.name] = retries.budget
        hedges = build_hedges(route.name, route.hedge, foundation)
        forwarders = {
            name: forwarder_for(self._upstreams[name])(
                self._upstreams[name],
                self._tracing.attempts,
                passes,
                route.timeout,
                self._via,
                retries,
                hedges,
                route.timeout if route.request_timeout else inf,
            )
            for name, _ in route.upstreams
        }
        render_error = self._pages.renderer(route)
        steps = self._steps(route, self._chooser(route), self._subrequests.mirror(route, passes))
        if route.aggregate is not None:
            from gateway.composition.builders.aggregations import aggregation

            handler: Handler = aggregation(route, passes, retries, hedges, self._subrequests, foundation).forward
        else:
            handler = _handler(route, forwarders)
        for place, step in enumerate(steps, 1):
            if _fetches(type(step)):
                from gateway.forwarding.subrequest import fail

                beside = [] if self._tracing.beside is None else [self._tracing.beside]
                cast("Fetching", step).behind(self._tracing.chain([*beside, *steps[place:]], handler, fail).begin)
        chain = self._tracing.chain(steps, handler, render_error)
        leaf = RouteLeaf(route.name, route.pattern, chain, route.exchange_timeout, paths)
        leaf.answers_preflights = route.answers_preflights
        if route.answers_preflights:
            # Loaded with the first route that has `cors`.
            from gateway.middleware.cors import Cors

            leaf.readable = next(step for step in steps if isinstance(step, Cors)).readable
        return leaf

    def _chooser(self, route: Route) -> Callable[[Exchange], str] | None:
        """Make what shares a route's traffic out; None where there is nothing to choose."""
        if len(route.upstreams) <= 1:
            return None
        shares = [Share(self._upstreams[name], weight) for name, weight in route.upstreams]
        turns = build_balancer("weighted_round_robin", shares, self._foundation.random)

        def by_turns(exchange: Exchange) -> str:
            return turns.pick(b"", 0.0).name

        if route.split_on is None:
            return by_turns
        return Split(caller_key(route.split_on), Rendezvous(route.upstreams), by_turns).choose


def rules(route: Route) -> Iterator[RouteRule]:
    """Yield what a request must be like for a route to take it: a rule for each of its hosts with each of its paths."""
    methods = None if route.methods is None else frozenset(method.encode() for method in route.methods)
    if route.aggregate is not None:
        methods = frozenset([b"GET"])
    headers, query = dict(route.headers), dict(route.query)
    for host in route.hosts:
        for path in route.path:
            yield RouteRule(route.name, host, path, methods, headers, query)


def _handler(route: Route, forwarders: Mapping[str, Forwarder]) -> Handler:
    """Return what answers: the forwarder of the upstream that there is or that a step has chosen, or what we say."""
    if route.redirect is not None:
        return _redirect(route, route.redirect).answer
    if route.respond is not None:
        from gateway.composition.builders.fixed_answers import fixed_answer

        return fixed_answer(route.name, route.respond).answer
    if len(forwarders) == 1:
        (forwarder,) = forwarders.values()
        return forwarder.forward
    return lambda exchange: forwarders[exchange.upstream or ""].forward(exchange)


def _exact(hosts: Sequence[str | None]) -> list[bytes] | None:
    """Return the hosts of a route; None where some are for any host or for all names below one."""
    names = [host.encode() for host in hosts if host is not None and not host.startswith("*.")]
    return names if len(names) == len(hosts) else None


def _redirect(route: Route, settings: RedirectSettings) -> Redirect:
    """Make what answers on a route that sends its clients elsewhere."""
    return Redirect(
        settings.status,
        None if settings.scheme is None else settings.scheme.encode(),
        None if settings.host is None else settings.host.encode(),
        settings.port,
        PathTemplate(settings.path, list(map(read_path, route.path))),
        _exact(route.hosts),
    )
