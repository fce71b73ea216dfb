"""What works and is unwise: told by `gateway lint`, and never an error.

A start says nothing of it, since it may be meant; who means it says so in a comment (`gateway.config.ignoring`).

Tests: `tests/config/test_linting.py::test_each_rule_is_found`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from gateway.config.doubts.common import Doubt, Finding, Step, coded
from gateway.config.endpoint_strings import on_this_machine, port_of
from gateway.config.schema import Settings
from gateway.config.schema.auth import Auth
from gateway.config.schema.routes import Route
from gateway.config.schema.tokens import TokenSection

_NOT_IDEMPOTENT = frozenset(["POST", "PATCH", "CONNECT"])
"""Of the methods that are known; RFC 9110 section 9.2.2."""

_UNSENT = frozenset(["connect", "refused"])
"""What `retry.on` says of attempts of which nothing was sent."""

_OUTCOMES = frozenset(["unavailable", "resource-exhausted", "internal", "cancelled", "deadline-exceeded"])
"""Of calls of gRPC, which are all made with POST."""


def advice(settings: Settings) -> Iterator[Finding]:
    """Yield what is unwise."""
    yield from coded("tls-unverified", _unverified(settings))
    yield from coded("unused-upstream", _unused(settings))
    yield from coded("admin-open", _admin(settings))
    yield from coded("authority-in-clear", _in_the_clear(settings))
    auth = settings.auth or Auth.unwritten()
    for name, verifier in auth.jwt.items():
        steps: tuple[Step, ...] = ("auth", "jwt", name)
        if not verifier.issuer:
            words = "it takes tokens of every issuer that has its key: there is no `issuer`"
            yield Finding(steps, words, "jwt-issuer")
        if not verifier.audience:
            words = "it takes tokens that were made for other services: there is no `audience`"
            yield Finding(steps, words, "jwt-audience")
    for index, route in enumerate(settings.routes):
        for code, (steps, words) in [*_retries(route), *_cors(route, settings)]:
            yield Finding(("routes", index, *steps), words, code)


def _unverified(settings: Settings) -> Iterator[Doubt]:
    for index, upstream in enumerate(settings.upstreams):
        if not upstream.tls.verify and "https" in upstream.schemes:
            words = "certificates of backends are not checked: any server in their place is believed"
            yield ("upstreams", index, "tls", "verify"), words


def _admin(settings: Settings) -> Iterator[Doubt]:
    endpoint = settings.admin.endpoint
    if port_of(endpoint) is not None and not on_this_machine(endpoint):
        yield ("admin", "endpoint"), "other machines reach it too: who may is not asked of those who only read"


def _in_the_clear(settings: Settings) -> Iterator[Doubt]:
    auth = settings.auth or Auth.unwritten()
    asked: list[tuple[str, str, str, str | None]] = [
        *(("jwt", name, "jwks_url", one.jwks_url) for name, one in auth.jwt.items()),
        *(("introspection", name, "url", one.url) for name, one in auth.introspection.items()),
    ]
    for kind, name, key, url in asked:
        parts = urlsplit(url or "")
        if parts.scheme == "http" and not (parts.hostname or "").startswith(("127.", "::1", "localhost")):
            words = f"{parts.hostname} is asked in the clear: whoever is on the way may answer in its place"
            yield ("auth", kind, name, key), words


def _unused(settings: Settings) -> Iterator[Doubt]:
    asked = {name for route in settings.routes for name in route.asked}
    breakers = [settings.breaker_of(upstream) for upstream in settings.upstreams if upstream.name in asked]
    asked |= {breaker.fallback.upstream for breaker in breakers if breaker is not None and breaker.fallback.upstream}
    for index, upstream in enumerate(settings.upstreams):
        if upstream.name not in asked:
            yield ("upstreams", index), f"no route leads to `{upstream.name}`, and none falls back to it"


def _retries(route: Route) -> Iterator[tuple[str, Doubt]]:
    retry = route.retry
    if retry is None or not retry.attempts:
        return
    changing = route.methods is None or not _NOT_IDEMPOTENT.isdisjoint(route.methods)
    outcomes = _OUTCOMES.intersection(map(str, retry.on))
    if retry.idempotency_key and changing:
        words = "a request with an Idempotency-Key is made again though a backend may have done it: are they all aware?"
        yield "retry-repeats", (("retry", "idempotency_key"), words)
    if outcomes:
        words = f"calls that end with {', '.join(sorted(outcomes))} are made again, though a backend may have done them"
        yield "retry-repeats", (("retry", "on"), words)
    only = route.methods is not None and _NOT_IDEMPOTENT.issuperset(route.methods)
    if only and not (outcomes or retry.idempotency_key) and not _UNSENT.issuperset(map(str, retry.on)):
        words = f"{', '.join(route.methods or ())} is tried again only where nothing was sent: it is not idempotent"
        yield "retry-in-vain", (("retry",), words)


def _cors(route: Route, settings: Settings) -> Iterator[tuple[str, Doubt]]:
    if route.cors is None:
        return
    if route.cors.allow_credentials and "null" in map(str, route.cors.allowed_origins):
        words = "`null` is the origin of any page in a sandbox, and it may call with its visitors' cookies"
        yield "cors-any-origin", (("cors", "allowed_origins"), words)
    if "*" not in route.cors.allowed_origins:
        return
    cookies = list(_cookies(route, settings))
    if cookies:
        words = f"every page may read the answers, and callers are known by a cookie ({', '.join(cookies)})"
        yield "cors-any-origin", (("cors", "allowed_origins"), words)


def _cookies(route: Route, settings: Settings) -> Iterator[str]:
    """Yield what knows a route's callers by a cookie."""
    auth = settings.auth or Auth.unwritten()
    sections: dict[str, Mapping[str, TokenSection]] = {"jwt": auth.jwt, "introspection": auth.introspection}
    for way in () if route.auth is None else route.auth.ways:
        known = sections.get(way.type, {})
        for name in way.verifier:
            if name in known and any(place.startswith("cookie:") for place in known[name].places):
                yield f"`auth.{way.type}.{name}.from`"
    for upstream in settings.upstreams:
        if upstream.sticky is not None and upstream.name in route.asked:
            yield f"`sticky` of {upstream.name}"
