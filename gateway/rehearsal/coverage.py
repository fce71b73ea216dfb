"""Which parts of a configuration have decided about a request, and which no test has ever touched.

A route is touched when it takes a request, a rule when it refuses one: a limit that was never reached, and an
authentication that never said no, might be written wrong without a test that would tell (D-319).

Tests: `tests/rehearsal/test_judging.py::test_what_no_test_has_touched_is_known`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.config import Settings
from gateway.config.schema.limiting import RateLimit
from gateway.errors import RequestTooLarge
from gateway.rehearsal.stage import Outcome

_RULES = {"auth": "auth", "ip_rules": "addresses", "cors": "cors"}
"""What a step that refuses is a rule of, by the beginning of its name."""


@dataclass
class Touched:
    """What has decided.

    Attributes:
        routes: Names of routes that took a request.
        rules: Names of routes, each with the kind of rule that refused one; an empty name for no route.
        limits: Figures of limits that were exceeded: route, requests and seconds.
        breakers: Names of upstreams whose breaker has kept out a request, whatever was answered in its place.
    """

    routes: set[str] = field(default_factory=set)
    rules: set[tuple[str, str]] = field(default_factory=set)
    limits: set[tuple[str, int, float]] = field(default_factory=set)
    breakers: set[str] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        """Note what has decided about a request."""
        route = outcome.record.get("route") or ""
        if route:
            self.routes.add(route)
        if outcome.record.get("reason") == RequestTooLarge.reason:
            self.rules.add((route, "bodies"))
        failure = outcome.failure
        if failure is None:
            return
        for step in failure["steps"]:
            kind = next((kind for name, kind in _RULES.items() if step["step"].startswith(name)), None)
            if kind is not None and step["failed"]:
                self.rules.add((route, kind))
        limit = failure["limit"]
        if limit is not None and not limit["allowed"]:
            self.limits.add((route, limit["requests"], limit["seconds"]))

    def join(self, other: Touched) -> None:
        """Add what has decided about other requests."""
        self.routes |= other.routes
        self.rules |= other.rules
        self.limits |= other.limits
        self.breakers |= other.breakers


class Part(NamedTuple):
    """A part of a configuration that decides.

    Attributes:
        kind: `routes`, `auth`, `limits`, `addresses`, `cors`, `bodies`, `breakers`.
        key: Where it is written.
        words: What reports say of it.
        touched: Whether a test has seen it decide.
    """

    kind: str
    key: str
    words: str
    touched: bool


def parts(settings: Settings, touched: Touched) -> Iterator[Part]:
    """List what decides, and whether it has."""
    for index, route in enumerate(settings.routes):
        here, name = f"routes[{index}]", route.name
        yield Part("routes", here, f"no test takes route {name}", name in touched.routes)
        if route.auth is not None and route.auth.ways:
            refused = (name, "auth") in touched.rules
            yield Part("auth", f"{here}.auth", f"no test is refused by the auth of {name}", refused)
        several = len(route.rate_limit) > 1
        for place, limit in enumerate(route.rate_limit):
            key = f"{here}.rate_limit[{place}]" if several else f"{here}.rate_limit"
            reached = any(taker == name and _is(limit, figures) for taker, *figures in touched.limits)
            yield Part("limits", key, f"no test exceeds the rate limit of {name}", reached)
        if route.ip_allow or route.ip_deny:
            key = f"{here}.{'ip_allow' if route.ip_allow else 'ip_deny'}"
            turned_away = (name, "addresses") in touched.rules
            yield Part("addresses", key, f"no test is turned away by the addresses of {name}", turned_away)
        if route.cors is not None:
            refused = (name, "cors") in touched.rules
            yield Part("cors", f"{here}.cors", f"no test asks {name} from an origin that is not allowed", refused)
        if route.request_body and "request_body" in route.model_fields_set:
            refused = (name, "bodies") in touched.rules
            yield Part("bodies", f"{here}.request_body", f"no test sends {name} a body that is too large", refused)
    for index, upstream in enumerate(settings.upstreams):
        breaker = upstream.circuit_breaker
        if breaker is not None and not breaker.dry_run:
            words = f"no test finds the breaker of {upstream.name} open"
            yield Part("breakers", f"upstreams[{index}].circuit_breaker", words, upstream.name in touched.breakers)
    for index, limit in enumerate(settings.rate_limits):
        reached = any(_is(limit, figures) for _, *figures in touched.limits)
        yield Part("limits", f"rate_limits[{index}]", "no test exceeds this rate limit", reached)
    if settings.ip_allow or settings.ip_deny:
        turned_away = any(kind == "addresses" for _, kind in touched.rules)
        key = "ip_allow" if settings.ip_allow else "ip_deny"
        yield Part("addresses", key, "no test is turned away by the addresses for all", turned_away)


def _is(limit: RateLimit, figures: Sequence[float]) -> bool:
    """Whether figures are those of a limit, or of one of its tiers."""
    requests, seconds = figures
    return seconds == limit.window and requests in (limit.limit, *limit.tiers.values())


def counted(found: Iterable[Part]) -> dict[str, tuple[int, int]]:
    """Return how many parts of each kind were touched, and how many there are."""
    kinds: dict[str, tuple[int, int]] = {}
    for part in found:
        there = kinds.get(part.kind, (0, 0))
        kinds[part.kind] = there[0] + part.touched, there[1] + 1
    return kinds
