"""Doubts about routes: bounds of which one makes the other say nothing, and queues before no limit.

Tests: `tests/config/doubts/test_doubts.py::test_what_a_route_says_in_vain`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.callers import reads_authorization
from gateway.config.doubts.common import WITH_CLAIMS, Doubt, Finding, asks_who, beneath, coded, written
from gateway.config.doubts.common import limit as doubts_of_limit
from gateway.config.schema import Settings
from gateway.config.schema.auth import Auth
from gateway.config.schema.routes import Route
from gateway.config.substitution import CLAIM
from gateway.config.units import format_duration, format_size
from gateway.http.templates import names


def route(route: Route, settings: Settings) -> Iterator[Finding]:
    """Doubt a route; `settings` are the whole configuration."""
    yield from coded("impossible-timeout", _timeouts(route, settings))
    yield from coded("nobody-admitted", _bearers(route, settings))
    yield from coded("cors", _cors(route))
    yield from coded("grpc-web", _grpc_web(route, settings))
    yield from coded("no-effect", _split(route))
    yield from coded("no-effect", _aggregate(route))
    yield from coded("cache", _cache(route, settings))
    if route.mirror is not None and route.mirror.upstream in [name for name, _ in route.upstreams]:
        words = "its backends get these requests twice: the route forwards to it, too"
        yield Finding(("mirror", "upstream"), words, "mirror-twice")
    yield from coded("no-effect", _queues(route, settings))
    for index, limit in enumerate(route.rate_limit):
        yield from beneath(("rate_limit", index), doubts_of_limit(limit, [route], "the route does not ask"))


def _timeouts(route: Route, settings: Settings) -> Iterator[Doubt]:
    longest = route.exchange_timeout
    timeout, bounded = format_duration(route.timeout), written(route, "timeout")
    if written(route, "request_timeout"):
        if bounded and longest < route.timeout:
            yield (
                ("timeout",),
                f"it is never reached: `request_timeout` ends the exchange after {format_duration(longest)}",
            )
        elif not bounded and route.timeout < longest < float("inf"):
            words = f"the backend's answer is given up after {timeout}, the default of `timeout`"
            yield ("request_timeout",), words
    yield from _attempts(route, timeout)
    for key, waiting in (("queue", route.queue), ("rate_limit_queue", route.rate_limit_queue)):
        if waiting is not None and waiting.timeout >= longest:
            yield (key, "timeout"), f"nobody waits so long: the exchange ends after {format_duration(longest)}"
    for index, part in enumerate(() if route.aggregate is None else route.aggregate.parts):
        if part.timeout is not None and part.timeout > longest:
            words = f"it is never reached: the exchange ends after {format_duration(longest)}"
            yield ("aggregate", "parts", index, "timeout"), words
    connect = settings.timeouts.connect
    if route.forwards_to and written(settings.timeouts, "connect") and connect > route.timeout:
        yield ("timeout",), f"a connection may take longer: `timeouts.connect` is {format_duration(connect)}"


def _cache(route: Route, settings: Settings) -> Iterator[Doubt]:
    cache, size = route.cache, settings.cache.size
    if cache is None:
        return
    if cache.max_entry > size and settings.cache_store == "memory":
        steps = ("cache", "max_entry") if written(cache, "max_entry") else ("cache",)
        yield steps, f"no content so long is kept: `cache.size` is {format_size(size)}"
    if route.methods is not None and set(cache.methods).isdisjoint(route.methods):
        yield ("cache",), f"nothing is kept: the route takes {', '.join(route.methods)} only"
    if "*" in cache.vary:
        yield ("cache", "vary"), "no request has a field `*`: name those that answers depend on"
    tags = cache.tags.lower()
    if tags.startswith(("content-", "cache-")) and tags not in ("cache-tag", "cache-tags"):
        yield ("cache", "tags"), f"answers lose the field `{cache.tags}`: one with tags is taken out of them"


def _cors(route: Route) -> Iterator[Doubt]:
    cors = route.cors
    if cors is None:
        return
    if not cors.allowed_origins:
        yield ("cors",), "no page of another origin may call: `allowed_origins` is empty"
    methods = route.methods if route.aggregate is None else ("GET",)
    if methods is None or "*" in cors.allowed_methods:
        return
    taken = {*methods, "HEAD"} if "GET" in methods else set(methods)
    in_vain = [] if not written(cors, "allowed_methods") else [one for one in cors.allowed_methods if one not in taken]
    if taken.isdisjoint(cors.allowed_methods):
        yield (
            ("cors",),
            f"no page may call: the route takes {', '.join(methods)} only, and none is in `allowed_methods`",
        )
    elif in_vain:
        yield ("cors", "allowed_methods"), f"the route does not take {', '.join(in_vain)}"


def _grpc_web(route: Route, settings: Settings) -> Iterator[Doubt]:
    if not route.grpc_web:
        return
    asked = {destination.name for destination in route.upstreams}
    upstreams = [upstream for upstream in settings.upstreams if upstream.name in asked]
    if not any(upstream.may_take_calls for upstream in upstreams):
        words = "gRPC needs a backend of HTTP/2 (`h2c://`, `https://`, `protocol: http2`)"
        yield ("grpc_web",), f"no call goes through: {words}"
    elif route.methods is not None and "POST" not in route.methods:
        yield ("grpc_web",), "no call comes through: the route does not take POST"


def _split(route: Route) -> Iterator[Doubt]:
    if route.split_on is None:
        return
    if len([weight for _, weight in route.upstreams if weight]) <= 1:
        yield ("split_on",), "nobody is split: there is one `upstream` only"
    elif route.split_on == "user" and (route.auth is None or not route.auth.ways):
        yield ("split_on",), "nobody keeps to one: the route asks nobody who is calling (`auth`)"


def _aggregate(route: Route) -> Iterator[Doubt]:
    if route.aggregate is None:
        return
    changes = None if route.transformations is None else route.transformations.request
    if changes is not None:
        for key, said in (("path", changes.path), ("query", changes.query), ("body", changes.body)):
            if written(changes, key) and said != type(said)():
                yield ("transformations", "request", key), "no part of `aggregate` is asked with it"
    for index, part in enumerate(route.aggregate.parts):
        if any(name.startswith(CLAIM) for name in names(part.path)) and not asks_who(route, *WITH_CLAIMS):
            yield (
                ("aggregate", "parts", index, "path"),
                "there are no claims: the route asks for no token (`auth`), so that they are empty texts",
            )


def _bearers(route: Route, settings: Settings) -> Iterator[Doubt]:
    auth = settings.auth or Auth.unwritten()
    keys = auth.api_keys
    if route.auth is None or keys is None or not keys.as_bearer or keys.query is not None:
        return
    ways = route.auth.all_of
    tokens = [way for way in ways if way.type in ("jwt", "introspection") and reads_authorization(way, auth, all)]
    if tokens and any(way.type == "api_key" for way in ways):
        yield (
            ("auth", "all_of"),
            "nobody gets in: API keys are shown as the one bearer token of a request, which is a token's place too",
        )


def _queues(route: Route, settings: Settings) -> Iterator[Doubt]:
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
        if written(retry, "backoff") and retry.backoff > retry.max_backoff:
            yield ("retry", "backoff"), f"no wait is so long: `max_backoff` is {format_duration(retry.max_backoff)}"
        if min(retry.backoff, retry.max_backoff) >= route.timeout:
            yield ("retry", "backoff"), f"there is no second try: `timeout` is {timeout} for all of them"
    if route.hedge is not None and route.hedge.min_delay >= route.timeout:
        yield ("hedge", "min_delay"), f"there is no second attempt: `timeout` is {timeout}"
