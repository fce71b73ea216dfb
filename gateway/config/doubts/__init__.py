"""What a configuration says that can have no effect, or hardly the one that was wished: warnings of `gateway check`.

Most are two bounds of which one makes the other say nothing. Only keys that were
written are judged: that a default is never reached is no news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import reduce

from gateway.config.doubts.answers import answers as doubts_of_answers
from gateway.config.doubts.authorities import authorities as doubts_of_authorities
from gateway.config.doubts.backups import backups as doubts_of_backups
from gateway.config.doubts.callers import callers as doubts_of_callers
from gateway.config.doubts.callers import route_callers as doubts_of_route_callers
from gateway.config.doubts.common import Doubt, Finding, Step, beneath, coded, written
from gateway.config.doubts.common import limit as doubts_of_limit
from gateway.config.doubts.discovery import discovery as doubts_of_discovery
from gateway.config.doubts.error_pages import error_pages as doubts_of_error_pages
from gateway.config.doubts.introductions import introductions as doubts_of_introductions
from gateway.config.doubts.listeners import listeners as doubts_of_listeners
from gateway.config.doubts.paths import Paths
from gateway.config.doubts.plugins import plugins as doubts_of_plugins
from gateway.config.doubts.reach import unreached
from gateway.config.doubts.routes import route as doubts_of_route
from gateway.config.doubts.shared import shared as doubts_of_what_is_shared
from gateway.config.doubts.sockets import sockets as doubts_of_sockets
from gateway.config.doubts.sticky import sticky as doubts_of_sticky
from gateway.config.doubts.telemetry import levels as doubts_of_levels
from gateway.config.doubts.telemetry import receivers as doubts_of_receivers
from gateway.config.doubts.telemetry import shipping as doubts_of_shipping
from gateway.config.doubts.transformations import transformations as doubts_of_transformations
from gateway.config.doubts.upstreams import breaker as doubts_of_breaker
from gateway.config.doubts.upstreams import upstream as doubts_of_upstream
from gateway.config.dry_runs import dry_runs, has_dry_runs
from gateway.config.inheritance import taken_over
from gateway.config.nodes import ListNode, MapNode, Node, join
from gateway.config.problems import Place, Problem
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route
from gateway.config.schema.telemetry import AccessLog
from gateway.config.units import format_size


def check(root: MapNode, settings: Settings, as_written: MapNode) -> list[Problem]:
    """List what is doubtful, each with its place.

    Args:
        root: The tree, with what routes and upstreams take over from others.
        settings: What was made of it.
        as_written: The tree without that.
    """
    return [*placed(root, _all(settings)), *doubts_of_what_is_shared(as_written)]


def of_routes(root: MapNode, settings: Settings) -> list[Problem]:
    """List what is doubtful about routes by themselves, but for what they take over from others."""
    found = ((_find(root, steps), words, code) for steps, words, code in _routes(settings))
    return [Problem(*place, path, words, code) for (place, path, source), words, code in found if not source]


def placed(root: MapNode, findings: Iterable[Finding]) -> Iterator[Problem]:
    """Yield doubts with their places; those about a key that several take over, once where they hold for all who do.

    A group whose key is doubtful for some of its routes is told of at these; a default need not say something to all.
    """
    shared: dict[tuple[str, str], list[tuple[Place, Finding]]] = {}
    for one in findings:
        place, path, source = _find(root, one.steps)
        if source:
            shared.setdefault((path, source), []).append((place, one))
        else:
            yield Problem(*place, path, one.words, one.code)
    taking = Counter(entry.path for _, entry in taken_over(root)) if shared else {}
    for (path, source), doubts in shared.items():
        if len({one.steps[1] for _, one in doubts}) == taking[source]:
            yield from dict.fromkeys(Problem(*place, path, one.words, one.code) for place, one in doubts)
        elif not source.startswith("defaults."):
            for _, one in doubts:
                yield Problem(*_find(root, one.steps[:2])[0], reduce(join, one.steps, ""), one.words, one.code)


def _all(settings: Settings) -> Iterator[Finding]:
    if not settings.routes:
        yield Finding(("routes",), "there are none: every request is answered with 404", "no-routes")
    yield from coded("no-effect", _limits(settings))
    yield from coded("no-effect", _access_log(settings.access_log))
    yield from coded("log-delivery", doubts_of_shipping(settings))
    yield from coded("log-delivery", doubts_of_receivers(settings))
    yield from coded("no-effect", doubts_of_levels(settings.log))
    yield from coded("no-effect", doubts_of_error_pages(settings))
    yield from coded("dry-run", _dry_runs(settings))
    leading = _leading(settings)
    for index, upstream in enumerate(settings.upstreams):
        yield from beneath(("upstreams", index), doubts_of_upstream(upstream, leading[upstream.name]))
        backups = doubts_of_backups(settings, upstream, leading[upstream.name])
        yield from beneath(("upstreams", index), coded("no-effect", backups))
    yield from coded("sticky", doubts_of_sticky(settings, leading))
    yield from coded("discovery", doubts_of_discovery(settings))
    if settings.circuit_breaker is not None:
        under = [upstream for upstream in settings.upstreams if "circuit_breaker" not in upstream.model_fields_set]
        found = coded("circuit-breaker", doubts_of_breaker(settings.circuit_breaker, under))
        yield from beneath(("circuit_breaker",), found)
    yield from _routes(settings)
    yield from coded("impossible-timeout", doubts_of_authorities(settings))
    yield from doubts_of_callers(settings)
    yield from unreached(settings)
    yield from coded("listener-routes", doubts_of_listeners(settings))
    yield from coded("client-address", doubts_of_sockets(settings))
    yield from coded("client-address", doubts_of_introductions(settings))
    yield from coded("plugin", doubts_of_plugins(settings))
    for index, limit in enumerate(settings.rate_limits):
        yield from beneath(("rate_limits", index), doubts_of_limit(limit, settings.routes, "no route asks"))


def _routes(settings: Settings) -> Iterator[Finding]:
    paths = Paths(settings.routes)
    for index, route in enumerate(settings.routes):
        found = [
            *doubts_of_route(route, settings),
            *coded("answer", doubts_of_answers(route, settings, paths)),
            *coded("no-effect", doubts_of_transformations(route)),
            *coded("nobody-admitted", doubts_of_route_callers(route, settings)),
        ]
        yield from beneath(("routes", index), found)


def _leading(settings: Settings) -> dict[str, list[Route]]:
    """Return the routes that lead to each upstream, also by way of what others fall back to."""
    leading: dict[str, list[Route]] = {upstream.name: [] for upstream in settings.upstreams}
    for route in settings.routes:
        for name in dict.fromkeys(route.asked):
            leading[name].append(route)
    direct = {name: list(routes) for name, routes in leading.items()}
    for upstream in settings.upstreams:
        breaker = settings.breaker_of(upstream)
        if breaker is not None and breaker.fallback.upstream in leading:
            leading[breaker.fallback.upstream] += direct[upstream.name]
    return leading


def _limits(settings: Settings) -> Iterator[Doubt]:
    limits = settings.limits
    if written(limits, "request_buffer") and 0 < limits.request_body < limits.request_buffer:
        most = format_size(limits.request_body)
        yield ("limits", "request_buffer"), f"nothing is longer than `limits.request_body`, {most}"
    if limits.queue is not None and not limits.in_flight:
        yield ("limits", "queue"), "nobody waits in it: `limits.in_flight` is 0"


def _dry_runs(settings: Settings) -> Iterator[Doubt]:
    for steps in dry_runs(settings):
        place: Settings | Route = settings.routes[int(steps[1])] if steps[0] == "routes" else settings
        if steps[-1] == "ip_dry_run" and not (place.ip_allow or place.ip_deny):
            yield steps, "it watches nothing: there is neither `ip_allow` nor `ip_deny` beside it"
        else:
            yield steps, "it protects nothing: what it would refuse is counted and logged, and passes"
    if not has_dry_runs(settings):
        if settings.dry_run_header:
            yield ("dry_run_header",), "it tells nothing: no rule is in dry run"
        for index, route in enumerate(settings.routes):
            if route.dry_run_header:
                yield ("routes", index, "dry_run_header"), "it tells nothing: no rule is in dry run"


def _access_log(log: AccessLog) -> Iterator[Doubt]:
    if written(log, "fields") and log.format != "json":
        yield ("access_log", "fields"), "only `format: json` asks for them; a template names its fields itself"
    if written(log, "record") and log.format != "json":
        yield ("access_log", "schema"), "only `format: json` has names for its fields"


def _find(root: MapNode, steps: tuple[Step, ...]) -> tuple[Place, str, str]:
    """Find where a key stands, its path, and the path of the key that it was taken over from (empty for none).

    For a key that does not stand anywhere, the place is that of what it would stand in.
    """
    node: Node | None = root
    place, path, source = root.place, "", ""
    for step in steps:
        if isinstance(step, int):
            path = join(path, step)
            if isinstance(node, ListNode) and step < len(node.items):
                node = node.items[step]
                place = node.place
            # Otherwise one value stands where the normal form has a list: the step has no node of its own.
        elif isinstance(node, MapNode) and step in node.entries:
            path = node.path_of(step, path)
            source = source or node.entries[step].path
            place, node = node.entries[step].place, node.entries[step].node
        else:
            path, node = join(path, step), None
    return place, path, source
