"""What a configuration says that can have no effect, or hardly the one that was wished: warnings of `gateway check`.

Most are two bounds of which one makes the other say nothing. Judged are
keys that were written: that a default is never reached is no news.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.nodes import ListNode, MapNode, Node, join
from gateway.config.problems import Place, Problem
from gateway.config.schema import Settings
from gateway.config.schema.base import Section
from gateway.config.schema.limiting import RateLimit
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream
from gateway.config.units import format_duration, format_size

Step = str | int
Doubt = tuple[tuple[Step, ...], str]
"""The steps to a key, and what is to be said of it."""

_WHO = {"user": "it is", "api_key": "its key is"}


def check(root: MapNode, settings: Settings) -> list[Problem]:
    """List what is doubtful, each with its place."""
    return [Problem(*_place(root, steps), _path(steps), words) for steps, words in _all(settings)]


def _all(settings: Settings) -> Iterator[Doubt]:
    if not settings.routes:
        yield ("routes",), "there are none: every request is answered with 404"
    yield from _limits(settings)
    for index, upstream in enumerate(settings.upstreams):
        for steps, words in _upstream(upstream):
            yield ("upstreams", index, *steps), words
    for index, route in enumerate(settings.routes):
        for steps, words in _route(route, settings):
            yield ("routes", index, *steps), words
    authenticates = any(_asks_who(route) for route in settings.routes)
    for index, limit in enumerate(settings.rate_limits):
        if not authenticates:
            for steps, words in _scopes(limit, "no route"):
                yield ("rate_limits", index, *steps), words


def _limits(settings: Settings) -> Iterator[Doubt]:
    limits = settings.limits
    if _written(limits, "request_buffer") and 0 < limits.request_body < limits.request_buffer:
        most = format_size(limits.request_body)
        yield ("limits", "request_buffer"), f"nothing is longer than `limits.request_body`, {most}"
    if limits.queue is not None and not limits.in_flight:
        yield ("limits", "queue"), "nobody waits in it: `limits.in_flight` is 0"


def _upstream(upstream: Upstream) -> Iterator[Doubt]:
    check = upstream.health_check
    if check is not None and check.timeout > check.interval and _written(check, "timeout", "interval"):
        key = "timeout" if _written(check, "timeout") else "interval"
        times = f"{format_duration(check.timeout)}, longer than the `interval` of {format_duration(check.interval)}"
        yield ("health_check", key), f"a check may take {times}: those of a backend that hangs follow more slowly"
    if upstream.hash_on != "ip" and upstream.strategy != "consistent_hash":
        yield ("hash_on",), f"nobody asks for it: the `strategy` is {upstream.strategy}, not consistent_hash"
    if upstream.slow_start and upstream.strategy in ("ip_hash", "consistent_hash"):
        yield ("slow_start",), f"it has no effect on the `strategy` {upstream.strategy}, which takes no turns"
    if upstream.slow_start and upstream.health_check is None and upstream.passive_health is None:
        yield ("slow_start",), "no backend ever recovers: there is neither `health_check` nor `passive_health`"
    if upstream.queue is not None and not upstream.in_flight and upstream.adaptive_concurrency is None:
        yield ("queue",), "nobody waits in it: there is neither `in_flight` nor `adaptive_concurrency`"
    for index, backend in enumerate(upstream.backends):
        if upstream.strategy == "ip_hash" and _written(backend, "weight") and backend.weight != 1:
            yield ("backends", index, "weight"), "ip_hash goes by no weights"


def _route(route: Route, settings: Settings) -> Iterator[Doubt]:
    longest = route.exchange_timeout
    timeout, written = format_duration(route.timeout), _written(route, "timeout")
    if _written(route, "request_timeout"):
        if written and longest < route.timeout:
            yield (
                ("timeout",),
                f"it is never reached: `request_timeout` ends the exchange after {format_duration(longest)}",
            )
        elif not written and route.timeout < longest < float("inf"):
            words = f"the backend's answer is given up after {timeout}, the default of `timeout`"
            yield ("request_timeout",), words
    yield from _attempts(route, timeout)
    yield from _queues(route, settings, longest)
    connect = settings.timeouts.connect
    if _written(settings.timeouts, "connect") and connect > route.timeout:
        yield ("timeout",), f"a connection may take longer: `timeouts.connect` is {format_duration(connect)}"
    if not _asks_who(route):
        for index, limit in enumerate(route.rate_limit):
            for steps, words in _scopes(limit, "the route"):
                yield ("rate_limit", index, *steps), words


def _queues(route: Route, settings: Settings, longest: float) -> Iterator[Doubt]:
    for key, waiting in (("queue", route.queue), ("rate_limit_queue", route.rate_limit_queue)):
        if waiting is not None and waiting.timeout >= longest:
            yield (key, "timeout"), f"nobody waits so long: the exchange ends after {format_duration(longest)}"
    if route.queue is not None and not route.in_flight:
        yield ("queue",), "nobody waits in it: the route's `in_flight` is 0"
    if route.rate_limit_queue is not None and not (route.rate_limit or settings.rate_limits):
        yield ("rate_limit_queue",), "nobody waits in it: there is no `rate_limit`"


def _attempts(route: Route, timeout: str) -> Iterator[Doubt]:
    retry = route.retry
    if retry is not None:
        if retry.per_try_timeout is not None and retry.per_try_timeout >= route.timeout:
            yield (
                ("retry", "per_try_timeout"),
                f"it leaves no time for another try: `timeout` is {timeout} for all of them",
            )
        if _written(retry, "backoff") and retry.backoff > retry.max_backoff:
            yield ("retry", "backoff"), f"no wait is so long: `max_backoff` is {format_duration(retry.max_backoff)}"
        if min(retry.backoff, retry.max_backoff) >= route.timeout:
            yield ("retry", "backoff"), f"there is no second try: `timeout` is {timeout} for all of them"
    if route.hedge is not None and route.hedge.min_delay >= route.timeout:
        yield ("hedge", "min_delay"), f"there is no second attempt: `timeout` is {timeout}"


def _scopes(limit: RateLimit, who: str) -> Iterator[Doubt]:
    for scope in limit.scope:
        if scope in _WHO or scope.startswith("claim:"):
            known = _WHO.get(scope, "claims are")
            yield ("scope",), f"`{scope}` is unknown: {who} asks who is calling (`auth`), so {known} never told apart"


def _asks_who(route: Route) -> bool:
    return route.auth is not None and bool(route.auth.ways)


def _written(section: Section, *keys: str) -> bool:
    return any(key in section.model_fields_set for key in keys)


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
            # Else one thing stands where the normal form has a list of them.
            continue
        if not isinstance(node, MapNode) or step not in node.entries:
            break
        place, node = node.entries[step]
    return place
