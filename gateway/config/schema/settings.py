"""The root of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gateway.config.schema.answers import ErrorPages
from gateway.config.schema.auth import Auth
from gateway.config.schema.base import Section
from gateway.config.schema.bounds import Forwarded, Limits, Redis, Timeouts
from gateway.config.schema.caching import CacheMemory
from gateway.config.schema.cases import Case
from gateway.config.schema.limiting import MatchedRateLimit
from gateway.config.schema.listeners import Admin, Listener, names_of
from gateway.config.schema.paths import Paths
from gateway.config.schema.plugins import Plugin
from gateway.config.schema.resilience import CircuitBreaker
from gateway.config.schema.responses import Compression
from gateway.config.schema.routes import Route, SharedRoute
from gateway.config.schema.shipping import LogShipping
from gateway.config.schema.telemetry import AccessLog, Log, Metrics, Tracing
from gateway.config.schema.types import FileName, Flag, Name, Network, Positive, Processes, Proxy
from gateway.config.schema.upstreams import SharedUpstream, Upstream


class Defaults(Section):
    """What holds for all that does not say otherwise; a key that is said there is not merged with the one here."""

    route: SharedRoute | None = Field(default=None, description="For routes; what their group says goes before it.")
    upstream: SharedUpstream | None = Field(default=None, description="For upstreams.")


class Settings(Section):
    """Everything that a configuration says."""

    listeners: tuple[Listener, ...] = Field(
        default=(Listener(name="tcp:8080", endpoint="tcp:8080"),), description="Where clients connect."
    )
    admin: Admin = Field(default=Admin.unwritten(), description="The operators' own port.")
    health_paths: Flag = Field(
        default=True,
        description="Whether the listeners answer /health, /ready, /health/live, /health/ready, /health/startup.",
    )
    timeouts: Timeouts = Field(default=Timeouts.unwritten(), description="How long things may take.")
    limits: Limits = Field(default=Limits.unwritten(), description="How much of something there may be.")
    processes: Processes = Field(
        default=1,
        description="How many processes share the ports; `auto` is one for each core.",
    )
    trusted_proxies: tuple[Proxy, ...] = Field(
        default=(),
        description="Addresses and networks whose X-Forwarded-* and PROXY headers are believed; `unix:` is who comes "
        "by a UNIX socket.",
    )
    forwarded: Forwarded = Field(
        default=Forwarded.unwritten(), description="Fields that tell a backend about the client."
    )
    redis: Redis | None = Field(
        default=None,
        description="The Redis server, used only by what names it, and to tell other instances of purges of the cache.",
    )
    defaults: Defaults = Field(
        default=Defaults.unwritten(), description="For every route and every upstream that does not say otherwise."
    )
    groups: dict[Name, SharedRoute] = Field(
        default={}, description="What several routes have in common, by the name that they call it by (`group`)."
    )
    upstreams: tuple[Upstream, ...] = Field(default=(), description="Named groups of backends.")
    discovery_cache: Annotated[str, FileName(read=False)] | None = Field(
        default=None,
        description="A file that keeps what `discovery` has found, for the next start; made by the gateway, mode 0600.",
    )
    circuit_breaker: CircuitBreaker | None = Field(
        default=None, description="For every upstream that has none of its own."
    )
    auth: Auth | None = Field(default=None, description="What routes may ask of a caller.")
    rate_limits: tuple[MatchedRateLimit, ...] = Field(
        default=(), description="Apply to every route they match, together with the route's own."
    )
    rate_limit_store: Literal["memory", "redis"] = Field(default="memory", description="Where counts are kept.")
    on_store_failure: Literal["local", "open", "closed"] = Field(
        default="local", description="While Redis fails: count in memory, let everything through, or refuse it."
    )
    rate_limit_instances: Positive = Field(
        default=1, description="Instances that share Redis: `local` gives each its part of a limit."
    )
    ratelimit_headers: tuple[Literal["x", "ietf"], ...] = Field(
        default=("x",), description="`x`: X-RateLimit-*; `ietf`: RateLimit and RateLimit-Policy. Empty: none."
    )
    ip_allow: tuple[Network, ...] = Field(default=(), description="Addresses let in; empty: all.")
    ip_deny: tuple[Network, ...] = Field(default=(), description="Addresses turned away; wins over `ip_allow`.")
    ip_dry_run: Flag = Field(
        default=False, description="Count, log and tell whom `ip_allow` and `ip_deny` would refuse, and refuse nobody."
    )
    dry_run_header: Flag = Field(
        default=False,
        description="Whether answers say in `X-Dry-Run` what rules with `dry_run` or `ip_dry_run` would have done.",
    )
    compression: Compression | None = Field(
        default=None, description="For every route that does not say otherwise. Absent: off."
    )
    cache_store: Literal["memory", "redis"] = Field(
        default="memory", description="Where the answers of routes with `cache` are kept."
    )
    cache: CacheMemory = Field(default=CacheMemory.unwritten(), description="The store in memory, of each process.")
    paths: Paths = Field(default=Paths.unwritten(), description="How the servers behind the routes read paths.")
    routes: tuple[Route, ...] = Field(default=(), description="What goes where; the most specific match wins.")
    error_pages: ErrorPages = Field(
        default={},
        description="HTML files by status, `{404: pages/404.html, 5xx: pages/sorry.html}`, for errors of the gateway's "
        "own and clients that prefer text/html; `${request_id}`, `${status}` and `${reason}` are filled in. "
        "`intercept: true`: for errors of backends too.",
    )
    plugins: tuple[Plugin, ...] = Field(default=(), description="Middleware from outside the package.")
    access_log: AccessLog = Field(default=AccessLog.unwritten(), description="One line for every exchange.")
    log: Log = Field(default=Log.unwritten(), description="The application's own log.")
    log_shipping: LogShipping | None = Field(
        default=None, description="Where records of the logs are sent, beside. Absent: nowhere."
    )
    metrics: Metrics = Field(default=Metrics.unwritten(), description="What /metrics shows.")
    tracing: Tracing = Field(default=Tracing.unwritten(), description="Where spans go.")
    strict: Flag = Field(
        default=False,
        description="Whether what `gateway check` warns about is an error; a start goes by what the file alone shows.",
    )
    tests: tuple[Case, ...] = Field(
        default=(), description="What `gateway test` runs; a gateway that serves does nothing with it."
    )

    @cached_property
    def places(self) -> Mapping[tuple[int | str, ...], tuple[str, int, int, str]]:
        """File, line, column and key of what only shows when it is built whether it can be used; noted by who reads.

        Settings that say the same are equal wherever they were written.
        """
        return {}

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the places with the values: who hears settings from another process says where they are wrong."""
        make, arguments, *more = super().__reduce_ex__(protocol)
        return (make, arguments, *more) if more else (_with_places, (make, arguments, self.places))

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Name the routes and listeners that have no name, and take `access_log: false`."""
        if data.get("access_log") is False:
            data["access_log"] = {"enabled": False}
        if isinstance(data.get("listeners"), list):
            data["listeners"] = _named_listeners(data["listeners"])
        if isinstance(data.get("routes"), list):
            data["routes"] = _named(data["routes"])
        return data

    def compression_of(self, route: Route) -> Compression | None:
        """Return how answers of a route are compressed: as it says, `off` too, else as at top level; None for not."""
        return route.compression if "compression" in route.model_fields_set else self.compression

    def breaker_of(self, upstream: Upstream) -> CircuitBreaker | None:
        """Return the circuit breaker of an upstream: its own, off where it says so, else that of top level."""
        own = "circuit_breaker" in upstream.model_fields_set
        return _not_to(upstream.name, upstream.circuit_breaker if own else self.circuit_breaker)

    @model_validator(mode="after")
    def _settle(self) -> Settings:
        """Fill in what routes take from top level: so what `gateway config` shows means the same when it is read."""
        object.__setattr__(self, "routes", tuple(route.within(self.timeouts.request) for route in self.routes))
        for upstream in self.upstreams:
            object.__setattr__(upstream, "circuit_breaker", _not_to(upstream.name, upstream.circuit_breaker))
        return self


def _with_places(make: Callable[..., Settings], arguments: tuple[Any, ...], places: Mapping[Any, Any]) -> Settings:
    settings = make(*arguments)
    settings.__dict__["places"] = places
    return settings


def _not_to(name: str, breaker: CircuitBreaker | None) -> CircuitBreaker | None:
    """Leave the fallback out that would be to the upstream itself: one breaker for all may name one of them."""
    if breaker is None or breaker.fallback.upstream != name:
        return breaker
    return breaker.model_copy(update={"fallback": breaker.fallback.model_copy(update={"upstream": None})})


def _named_listeners(listeners: list[Any]) -> list[Any]:
    """Give every listener a name; what is of no right form is left to the schema."""
    known = [one for one in listeners if isinstance(one, dict) and isinstance(one.get("endpoint"), str)]
    names = names_of((None if one.get("name") is None else str(one["name"]), one["endpoint"]) for one in known)
    named = {id(one): {**one, "name": name} for one, name in zip(known, names, strict=True) if one.get("name") is None}
    return [named.get(id(one), one) for one in listeners]


def names_of_routes(routes: list[Any]) -> list[str | None]:
    """Return what routes are called, as they are written, those that have no name of their own too; None for none."""
    names = [route.get("name") if isinstance(route, dict) else None for route in _named(routes)]
    return [None if name is None else str(name) for name in names]


def _named(routes: list[Any]) -> list[Any]:
    """Give every route a name: its first host and path, with `#2`, `#3`… where that is taken."""
    taken = {str(route["name"]) for route in routes if isinstance(route, dict) and route.get("name") is not None}
    return [_name(route, taken) if isinstance(route, dict) and route.get("name") is None else route for route in routes]


def _name(route: dict[str, Any], taken: set[str]) -> dict[str, Any]:
    # Cut to length: a name may be shorter than a path.
    base = f"{_first(route.get('host'))}{_first(route.get('path'))}"[:190]
    if not base:
        return route
    names: Iterable[str] = (base if count == 1 else f"{base}#{count}" for count in range(1, len(taken) + 2))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return {**route, "name": name}


def _first(written: Any) -> Any:
    """Return what a name is made from, where one or several may be written."""
    if isinstance(written, (list, tuple)):
        written = written[0] if written else None
    return "" if written is None else written
