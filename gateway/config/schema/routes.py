"""Routes: what a request must look like, what is done to it, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from gateway.config.schema.admission import Priority, Queue
from gateway.config.schema.aggregation import Aggregate
from gateway.config.schema.answers import ErrorPages, Redirect, Respond
from gateway.config.schema.auth import RouteAuth
from gateway.config.schema.base import Section, or_one
from gateway.config.schema.caching import Cache
from gateway.config.schema.limiting import LimitQueue, RateLimit
from gateway.config.schema.mirror import Mirror
from gateway.config.schema.paths import Paths
from gateway.config.schema.resilience import Hedge, Retry
from gateway.config.schema.responses import Compression, Cors, SecurityHeaders
from gateway.config.schema.shared import Shared
from gateway.config.schema.transformations import Transformations
from gateway.config.schema.types import (
    Condition,
    Count,
    Duration,
    Flag,
    HeaderName,
    LabelName,
    Name,
    Network,
    RouteHost,
    RouteMethod,
    RoutePath,
    Size,
    SomeText,
    Timeout,
    form,
    integer,
)


class Destination(NamedTuple):
    """An upstream and its share of a route's traffic."""

    name: str
    weight: int


class WeightedUpstream(Section):
    """One of several upstreams of a route."""

    name: Name = Field(description="The upstream.")
    weight: Annotated[int, integer(0, 1_000_000)] = Field(default=1, description="Its share.")


def _or_names(schema: dict[str, Any]) -> None:
    schema["items"] = {"anyOf": [{"type": "string"}, schema["items"]]}
    or_one(schema)


def _or_the_only_one(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [schema["anyOf"][0]["items"], *schema["anyOf"]]


class OwnKeys(Section):
    """What each route says for itself."""

    name: Name = Field(
        default="", description="A label in logs and metrics. Default: made from the first host and path."
    )
    path: tuple[RoutePath, ...] = Field(
        description="Exact; `:id` or `{id}` is one segment; a trailing `/*` is the rest, and the bare prefix; "
        "`~REGEX` (RE2, the whole path, named groups are parameters) comes after all others. One or a list.",
        min_length=1,
        json_schema_extra=or_one,
    )
    group: Name | None = Field(
        default=None,
        description="One of `groups`: what the route does not say itself is as there, and else as in `defaults.route`.",
    )


class SharedRoute(Shared):
    """Keys of `routes[]` but for `name`, `path` and `group`, for every route that does not say otherwise."""

    own_keys: ClassVar[tuple[str, ...]] = tuple(OwnKeys.model_fields)
    listed_at: ClassVar[str] = "routes[]"
    nullable: ClassVar[frozenset[str]] = frozenset({"compression"})
    other_names: ClassVar[Mapping[str, str]] = {"service": "upstream", "upstreams": "upstream"}
    # Conditions may hold secrets: many let colleagues in by a header with a certain value.
    secret_keys = frozenset({"headers", "query"})

    host: tuple[RouteHost, ...] | None = Field(
        default=None,
        description="Exact, or `*.example.com`; one or a list. Absent: any.",
        min_length=1,
        json_schema_extra=_or_the_only_one,
    )
    methods: tuple[RouteMethod, ...] | None = Field(
        default=None,
        description="Methods; GET brings HEAD along. Absent: any but TRACE. A path that matches with another method "
        "gets 405, never a less specific route.",
        min_length=1,
    )
    listeners: tuple[Name, ...] | None = Field(
        default=None,
        description="Names of the listeners that it is on; one or a list. Elsewhere it is as if there were no such "
        "route. Absent: all.",
        min_length=1,
        json_schema_extra=_or_the_only_one,
    )
    headers: dict[HeaderName, Condition] = Field(
        default={}, description="Fields that must all be so: equal, `~regex`, or `*` for presence."
    )
    query: dict[str, Condition] = Field(default={}, description="Parameters that must all be so, in the same way.")
    upstream: tuple[WeightedUpstream, ...] = Field(
        default=(),
        description="The upstream's name; or `[{name: a, weight: 9}, {name: b, weight: 1}]`. Required, unless "
        "`redirect`, `respond` or `aggregate` stands in its place.",
        min_length=1,
        json_schema_extra=_or_names,
    )
    split_on: (
        Annotated[
            str,
            form(
                r"ip|user|(header|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]+", "`ip`, `user`, `header:NAME` or `cookie:NAME`"
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Who keeps to one of several weighted upstreams, the same one in every process and instance: `ip`, "
        "`user` (who is calling, as `auth` knows), `header:NAME` or `cookie:NAME`. Who has no such value goes where "
        "the next share is. Absent: nobody.",
    )
    mirror: Mirror | None = Field(
        default=None,
        description="Another upstream that gets one copy (retries make none) of what is forwarded, as the backend sees "
        "it, credentials included. It never holds the exchange up. Absent: none.",
    )
    aggregate: Aggregate | None = Field(
        default=None, description="Upstreams whose answers are put together, in place of one. Absent: none."
    )
    redirect: Redirect | None = Field(
        default=None, description="Where clients are sent, in place of an upstream. Absent: nowhere."
    )
    respond: Respond | None = Field(
        default=None, description="What clients are answered, in place of an upstream. Absent: nothing."
    )
    error_pages: ErrorPages | None = Field(
        default=None, description="As at top level, for this route alone. Absent: those at top level; `{}`: none."
    )
    paths: Paths | None = Field(
        default=None,
        description="How its servers read paths; keys that are absent: as at top level (and as other routes to the "
        "same upstream list `readings`).",
    )
    timeout: Timeout = Field(
        default=30.0,
        description="For the upstream's answer, counted from the end of the request; 504 past it. Also its longest "
        "silence within an answer.",
    )
    request_timeout: Duration | None = Field(
        default=None,
        description="For the whole exchange until the answer begins, in place of `timeouts.request`, and then the "
        "longest silence towards the client; 0 for none (event streams). An upload is bounded by `timeouts.client_body`"
        " only. Absent: `timeouts.request`, or `timeout` where that is written and longer.",
    )
    request_body: Size | None = Field(
        default=None, description="Largest request body, 0 for no limit. Default: `limits.request_body`."
    )
    priority: Priority = Field(
        default="normal", description="Whose turn it is in queues, and who is turned away first under load."
    )
    in_flight: Count = Field(default=0, description="Exchanges of the route at once, 0 for no limit; past it 503.")
    queue: Queue | None = Field(
        default=None, description="Before `in_flight`. Absent: nobody waits; `{}`: on with its defaults."
    )
    retry: Retry | None = Field(default=None, description="Absent: no retry but that of the keep-alive race.")
    hedge: Hedge | None = Field(
        default=None,
        description="A second attempt for slow answers to requests that may be sent twice. Absent: off; `{}`: on.",
    )
    auth: RouteAuth | None = Field(default=None, description="Absent: none.")
    rate_limit: tuple[RateLimit, ...] = Field(
        default=(), description="One limit or a list of them. Absent: none.", json_schema_extra=or_one
    )
    rate_limit_queue: LimitQueue | None = Field(
        default=None,
        description="Requests that are over one of the route's limits wait for their turn in place of 429. Absent: "
        "nobody waits; `{}`: on with its defaults.",
    )
    transformations: Transformations | None = Field(default=None, description="Absent: none.")
    cors: Cors | None = Field(default=None, description="Absent: off.")
    compression: Compression | None = Field(
        default=None,
        description="Absent: as at top level. `off` where an answer holds a secret (BREACH).",
    )
    cache: Cache | None = Field(default=None, description="Absent: off; `{}`: on, with these defaults.")
    grpc_web: Flag = Field(
        default=False,
        description="Whether pages may make calls of gRPC: gRPC-Web becomes gRPC, and back.",
    )
    security_headers: SecurityHeaders = Field(
        default=False,
        description="true: HSTS (on TLS), nosniff, frame-options, referrer-policy; or a mapping of fields.",
    )
    ip_allow: tuple[Network, ...] = Field(default=(), description="Addresses let in; empty: all.")
    ip_deny: tuple[Network, ...] = Field(default=(), description="Addresses turned away; wins over `ip_allow`.")
    ip_dry_run: Flag = Field(
        default=False, description="Count, log and tell whom `ip_allow` and `ip_deny` would refuse, and refuse nobody."
    )
    dry_run_header: Flag | None = Field(
        default=None,
        description="Whether answers say in `X-Dry-Run` what rules in dry run would have done. Absent: as "
        "at top level.",
    )
    labels: dict[LabelName, SomeText] = Field(
        default={}, description="Labels of the route's series, beside `metrics.labels`: `{team: payments}`."
    )
    plugins: tuple[Name, ...] = Field(default=(), description="Names of plugins, in their order.")

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take a single host, path, listener and upstream, names in a list of upstreams, and a single rate limit."""
        for key in ("host", "path", "listeners"):
            if key in data and not isinstance(data[key], (list, tuple)):
                data[key] = [data[key]]
        upstream = data.get("upstream")
        if isinstance(upstream, (str, int, float)):
            data["upstream"] = [{"name": upstream}]
        elif isinstance(upstream, list):
            data["upstream"] = [{"name": one} if isinstance(one, (str, int, float)) else one for one in upstream]
        if isinstance(data.get("rate_limit"), dict):
            data["rate_limit"] = [data["rate_limit"]]
        return data


class Route(SharedRoute, OwnKeys):
    """Match, middleware, upstream."""

    listed_at: ClassVar[str] = ""

    def within(self, request: float) -> Route:
        """Give the route with its `request_timeout` filled in, where `timeouts.request` is this."""
        if self.request_timeout is not None:
            return self
        settled = self.model_copy()
        longest = max(request, self.timeout) if "timeout" in self.model_fields_set else request
        object.__setattr__(settled, "request_timeout", longest)  # and not among the keys that were written
        return settled

    @property
    def hosts(self) -> tuple[str | None, ...]:
        """The hosts that it is for, None standing for any."""
        return self.host or (None,)

    def is_on(self, listener: str) -> bool:
        """Whether it is on a listener."""
        return self.listeners is None or listener in self.listeners

    @property
    def pattern(self) -> str:
        """Its path patterns as one text: its label in metrics and logs."""
        return ", ".join(self.path)

    @property
    def answers_preflights(self) -> bool:
        """Whether the gateway answers what browsers ask before a page of another origin may call."""
        return self.cors is not None and not self.cors.dry_run

    @property
    def exchange_timeout(self) -> float:
        """Seconds that an exchange of the route has, infinite for no bound."""
        return self.request_timeout or inf

    @property
    def upstreams(self) -> tuple[Destination, ...]:
        """The upstreams, each with its share."""
        return tuple(Destination(one.name, one.weight) for one in self.upstream)

    @property
    def forwards_to(self) -> tuple[str, ...]:
        """The names of the upstreams that answers come from."""
        parts = () if self.aggregate is None else self.aggregate.parts
        return tuple(dict.fromkeys([*(one.name for one in self.upstream), *(part.upstream for part in parts)]))

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of all upstreams that its requests come to, copies of them included."""
        copies = () if self.mirror is None else (self.mirror.upstream,)
        return (*self.forwards_to, *copies)
