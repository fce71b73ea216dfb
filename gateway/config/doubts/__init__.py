"""What a configuration says that can have no effect, or hardly the one that was wished: warnings of `gateway check`.

Most are two bounds of which one makes the other say nothing. Only keys that were
written are judged: that a default is never reached is no news.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.doubts.authorities import authorities as doubts_of_authorities
from gateway.config.doubts.common import Doubt, Step, written
from gateway.config.doubts.common import limit as doubts_of_limit
from gateway.config.doubts.reach import unreached
from gateway.config.doubts.routes import route as doubts_of_route
from gateway.config.doubts.sticky import sticky as doubts_of_sticky
from gateway.config.doubts.upstreams import breaker as doubts_of_breaker
from gateway.config.doubts.upstreams import upstream as doubts_of_upstream
from gateway.config.nodes import ListNode, MapNode, Node, join
from gateway.config.problems import Place, Problem
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route
from gateway.config.schema.telemetry import AccessLog
from gateway.config.units import format_size


def check(root: MapNode, settings: Settings) -> list[Problem]:
    """List what is doubtful, each with its place."""
    return [Problem(*_place(root, steps), _path(steps), words) for steps, words in _all(settings)]


def _all(settings: Settings) -> Iterator[Doubt]:
    if not settings.routes:
        yield ("routes",), "there are none: every request is answered with 404"
    yield from _limits(settings)
    yield from _access_log(settings.access_log)
    leading = _leading(settings)
    for index, upstream in enumerate(settings.upstreams):
        for steps, words in doubts_of_upstream(upstream, leading[upstream.name]):
            yield ("upstreams", index, *steps), words
    yield from doubts_of_sticky(settings, leading)
    if settings.circuit_breaker is not None:
        under = [upstream for upstream in settings.upstreams if upstream.circuit_breaker is None]
        for steps, words in doubts_of_breaker(settings.circuit_breaker, under):
            yield ("circuit_breaker", *steps), words
    for index, route in enumerate(settings.routes):
        for steps, words in doubts_of_route(route, settings):
            yield ("routes", index, *steps), words
    yield from doubts_of_authorities(settings)
    yield from unreached(settings)
    for index, limit in enumerate(settings.rate_limits):
        for steps, words in doubts_of_limit(limit, settings.routes, "no route asks"):
            yield ("rate_limits", index, *steps), words


def _leading(settings: Settings) -> dict[str, list[Route]]:
    """Return the routes that lead to each upstream, also by way of what others fall back to."""
    leading: dict[str, list[Route]] = {upstream.name: [] for upstream in settings.upstreams}
    for route in settings.routes:
        for name, _ in route.upstreams:
            leading[name].append(route)
    direct = {name: list(routes) for name, routes in leading.items()}
    for upstream in settings.upstreams:
        breaker = upstream.circuit_breaker or settings.circuit_breaker
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


def _access_log(log: AccessLog) -> Iterator[Doubt]:
    if written(log, "fields") and log.format != "json":
        yield ("access_log", "fields"), "only `format: json` asks for them; a template names its fields itself"


def _path(steps: tuple[Step, ...]) -> str:
    path = ""
    for step in steps:
        path = join(path, step)
    return path


def _place(root: MapNode, steps: tuple[Step, ...]) -> Place:
    """Where a key stands; for one that does not, what it would stand in."""
    node: Node = root
    place = root.place
    for step in steps:
        if isinstance(step, int):
            if isinstance(node, ListNode) and step < len(node.items):
                node = node.items[step]
                place = node.place
            # Otherwise one value stands where the normal form has a list: the step has no node of its own.
            continue
        if not isinstance(node, MapNode) or step not in node.entries:
            break
        place, node = node.entries[step]
    return place
