"""Kong's plugins as keys of a route. A plugin is a line of `PLUGINS`; one that is in no line is listed.

What protects a route and cannot be carried over closes it: Note [Closed rather than open] in
`gateway.importing.closing`.

Tests: `tests/importing/kong/test_plugins.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.config.patterns import url as any_url
from gateway.config.problems import Unexpected
from gateway.importing import samples
from gateway.importing.cases import Said
from gateway.importing.closing import MAY_PROTECT, NOT_NEEDED, OPEN_AGAIN, close, stay_closed
from gateway.importing.draft import Data, Draft, Template
from gateway.importing.kong.callers import CLOSING, Callers
from gateway.importing.kong.changes import change_request, change_response
from gateway.importing.parts import Part
from gateway.importing.values import network, seconds, secret

UNITS: Final = {"bytes": "B", "kilobytes": "KiB", "megabytes": "MiB"}
WINDOWS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 30 * 86400, "year": 365 * 86400}
_FIRST: Final = ("key-auth", "jwt", "basic-auth", "acl")
_GLOBAL: Final = ("prometheus", "file-log", "http-log")


_SERIES: Final = (
    *("status_code_metrics", "latency_metrics", "bandwidth_metrics", "upstream_health_metrics", "per_consumer"),
    "wasm_metrics",
)
"""Of the prometheus plugin: which series there are."""


@dataclass
class Plugged:
    """A route of ours that plugins are put into, and what the source says about it."""

    data: Data
    said: Said
    part: Part
    strip: bool


HARMLESS: Final = frozenset(
    [
        "acme", "bot-detection", "canary", "datadog", "exit-transformer", "grpc-gateway", "grpc-web", "jq",
        "kafka-log", "loggly", "opentelemetry", "post-function", "proxy-cache-advanced", "rate-limiting-advanced",
        "request-transformer-advanced", "response-ratelimiting", "response-transformer-advanced", "statsd",
        "statsd-advanced", "syslog", "tcp-log", "udp-log", "zipkin",
    ]
)  # fmt: skip
"""Plugins that are not carried over and protect nothing: without them the same callers get in."""


Apply = Callable[[Part, Plugged, Draft], None]
"""Gets the plugin's `config`."""


def plug(route: Plugged, chosen: dict[str, Part], callers: Callers, draft: Draft) -> None:
    """Put all plugins that hold for a route into it."""
    for name in sorted(chosen, key=_turn):
        plugin = chosen[name]
        config = plugin.get("config")
        if config is not None and not config.names():
            config.mark_read()
        config = config or plugin
        if name in _FIRST:
            callers.protect(name, config, route.data, route.said)
        elif name in PLUGINS:
            PLUGINS[name](config, route, draft)
        elif name in CLOSING:
            draft.leave(plugin, CLOSING[name], OPEN_AGAIN)
            close(route.data, route.said)
        elif name in _GLOBAL:
            draft.leave(plugin, "it is for all routes here", "write it at top level")
        elif name in HARMLESS:
            draft.leave(plugin, f"the gateway has nothing for {name}", "write a plugin if it matters")
        else:
            draft.leave(plugin, f"the gateway has nothing for {name}, {MAY_PROTECT}", NOT_NEEDED)
            close(route.data, route.said)
    callers.limit(route.data, route.said)
    stay_closed(route.data, route.said)


def _turn(name: str) -> int:
    """Return a plugin's place in the order: authentication, `acl` (which needs callers); `request-termination` last."""
    return _FIRST.index(name) if name in _FIRST else len(_FIRST) + (name == "request-termination")


def log_globally(plugins: list[Part], draft: Draft) -> list[Part]:
    """Put the plugins that are for the whole gateway here into it; returns the others."""
    rest = []
    for plugin in plugins:
        name = plugin.text("name")
        if name not in _GLOBAL or plugin.flag("enabled") is False:
            rest.append(plugin)
            continue
        draft.pass_over(plugin, "id", "created_at", "updated_at", "tags", "protocols")
        config = plugin.get("config") or plugin
        if name == "prometheus":
            draft.remark("Metrics are at /metrics of the admin port, always, with names of their own.")
            draft.pass_over(config, *_SERIES)
        elif name == "file-log":
            draft.section("access_log")["path"] = config.text("path") or "-"
            draft.pass_over(config, "reopen")
        else:
            _ship(config, draft)
    return rest


def _ship(config: Part, draft: Draft) -> None:
    where = config.get("http_endpoint")
    try:
        draft.section("log_shipping")["url"] = any_url(config.text("http_endpoint") or "")
    except Unexpected as error:
        draft.top.pop("log_shipping", None)
        draft.leave(where or config, f"expected {error.expected}")
        return
    draft.only(config, "method", "POST", "batches are posted")
    draft.pass_over(
        config, "queue", "queue_size", "flush_timeout", "keepalive", "timeout", "retry_count", "content_type"
    )
    fields = {}
    for name, part in config.entries("headers"):
        fields[name] = secret(part, f"log {name}", draft)
    if fields:
        draft.section("log_shipping")["headers"] = fields


def _limit(config: Part, route: Plugged, draft: Draft) -> None:
    by = config.text("limit_by") or "consumer"
    asked = route.said.refuses_strangers
    scope: str | list[str] | None = {"ip": "ip", "service": "route", "consumer": "user", "credential": "user"}.get(by)
    if by in ("consumer", "credential") and not asked:
        scope = "ip"  # where nobody is known, Kong counts by address too
    if by == "header" and (name := config.text("header_name")):
        scope = f"header:{name}"
    if scope is None:
        where = config.get("limit_by") or config
        draft.leave(where, f"limits are not counted by {by}", "choose another `scope`; it is by address now")
        scope = "ip"
    limits = [(number, window) for unit, window in WINDOWS.items() if (number := config.whole(unit))]
    made: list[Data] = [
        {"limit": number, "window": seconds(window), "scope": scope, "algorithm": "sliding_window"}
        for number, window in limits
    ]
    if made:
        route.data["rate_limit"] = made[0] if len(made) == 1 else made
        number, _ = min(limits)
        route.said.limit = number
        draft.remark("Windows of limits slide here; Kong's begin with each minute.")
    if by == "service":
        draft.remark("A limit by service is counted for each route here.")
    if config.text("policy") in ("redis", "cluster"):
        draft.top["rate_limit_store"] = "redis"
        _redis(config, draft)
    if config.flag("fault_tolerant") is False:
        draft.top["on_store_failure"] = "closed"
    draft.only(config, "hide_client_headers", False, "answers of limited routes say what is left")
    draft.only(config, "error_code", 429, "what is over a limit is 429")
    draft.only(
        config, "error_message", "API rate limit exceeded", "answers have texts of their own", "use `error_pages`"
    )
    draft.pass_over(config, "sync_rate")


def _redis(config: Part, draft: Draft) -> None:
    redis = config.get("redis") or config
    prefix = "" if config.get("redis") is not None else "redis_"
    host = redis.text(f"{prefix}host")
    if host is None:
        draft.remark("Instances share limits by Redis here: write `redis.url`.")
        return
    port, database = redis.whole(f"{prefix}port") or 6379, redis.whole(f"{prefix}database") or 0
    scheme = "rediss" if redis.flag(f"{prefix}ssl") else "redis"
    password = redis.get(f"{prefix}password")
    shown = ""
    if password is not None:
        shown = f":{secret(password, 'redis password', draft)}@"
    draft.section("redis")["url"] = Template(f"{scheme}://{shown}{host}:{port}/{database}")
    draft.pass_over(redis, f"{prefix}timeout")


def _cors(config: Part, route: Plugged, draft: Draft) -> None:
    origins = []
    for part in config.one_or_each("origins"):
        written = part.text() or ""
        if written == "*" or (written.startswith(("http://", "https://")) and not set(written) & set("()[]\\^$+?|")):
            origins.append(written)
        else:
            draft.leave(part, "origins are compared whole here", "write them one by one, or `https://*.example.com`")
    if config.get("origins") is None:
        origins = ["*"]
    cors: Data = {"allowed_origins": origins}
    cors["allowed_methods"] = config.texts("methods") or ["*"]
    cors["allowed_headers"] = config.texts("headers") or ["*"]
    if exposed := config.texts("exposed_headers"):
        cors["exposed_headers"] = exposed
    if config.flag("credentials"):
        if "*" in origins:
            where = config.get("credentials")
            assert where is not None  # it is true
            draft.leave(
                where, "any page could call in the name of its visitor", "name the origins in `allowed_origins`"
            )
        else:
            cors["allow_credentials"] = True
    if (age := config.number("max_age")) is not None:
        cors["max_age"] = seconds(age)
    if config.flag("private_network"):
        cors["allow_private_network"] = True
    draft.only(config, "preflight_continue", False, "the gateway answers preflights itself")
    if not origins:
        return
    route.data["cors"] = cors
    allowed = cors["allowed_methods"]
    if "*" in allowed or route.said.method in allowed:
        route.said.origin = "https://app.example" if origins == ["*"] else next(one for one in origins if one != "*")


def _addresses(config: Part, route: Plugged, draft: Draft) -> None:
    lists: dict[str, list[str]] = {}
    unread = False
    for ours, names in (("ip_allow", ("allow", "whitelist")), ("ip_deny", ("deny", "blacklist"))):
        for part in (one for name in names for one in config.one_or_each(name)):
            written = network(part.text() or "")
            if written is None and ours == "ip_deny":
                draft.leave(part, "it is neither an address nor a network", OPEN_AGAIN)
                unread = True
            elif written is None:
                draft.leave(part, "it is neither an address nor a network")
            else:
                lists.setdefault(ours, []).append(written)
    draft.only(config, "status", 403, "who is turned away gets 403")
    draft.only(config, "message", "IP address not allowed", "answers have texts of their own", "use `error_pages`")
    if unread or (not lists and (config.get("allow") or config.get("whitelist"))):
        close(route.data, route.said)
        return
    route.data |= lists
    if denied := lists.get("ip_deny"):
        route.said.refused = samples.inside(denied[0])
    if allowed := lists.get("ip_allow"):
        route.said.client = samples.inside(allowed[0])
        route.said.refused = route.said.refused or samples.outside(allowed)
    elif denied:
        route.said.client = samples.outside(denied)


def _size(config: Part, route: Plugged, draft: Draft) -> None:
    unit = config.text("size_unit") or "megabytes"
    size = config.whole("allowed_payload_size")
    size = 128 if size is None else size
    if size < 1 and (said := config.get("allowed_payload_size")) is not None:
        draft.leave(said, "a size of which it is not known what it admits", "say `request_body`")
    elif unit in UNITS:
        route.data["request_body"] = size if unit == "bytes" else f"{size}{UNITS[unit]}"
    draft.only(config, "require_content_length", False, "the length of a body need not be known")


def _terminate(config: Part, route: Plugged, draft: Draft) -> None:
    status = config.whole("status_code") or 503
    body, message = config.text("body"), config.text("message")
    respond: Data = {"status": status}
    if body is not None:
        respond |= {"body": body, "content_type": config.text("content_type") or "application/json; charset=utf-8"}
    else:
        message = message or ("Service unavailable" if status == 503 else "")
        respond |= {"body": json.dumps({"message": message}), "content_type": "application/json; charset=utf-8"}
    for key, why in (("echo", "requests are not shown to who made them"), ("trigger", "it is always so here")):
        if (part := config.get(key)) is not None and part.data() is not False:
            draft.leave(part, why)
    if route.data.pop("transformations", None) is not None:
        draft.remark("What the gateway answers in the place of a service is not transformed.")
    for key in ("upstream", "timeout", "retry", "cache", "request_body"):
        route.data.pop(key, None)
    route.data["respond"] = respond
    route.said.status, route.said.upstream, route.said.sent = status, None, None
    route.said.sent_headers, route.said.returned = {}, {}
    if respond["body"][:1] not in "~*":
        route.said.body = respond["body"]


def _cache(config: Part, route: Plugged, draft: Draft) -> None:
    ttl = config.number("cache_ttl")
    key = "ttl" if config.flag("cache_control") else "override_ttl"
    cache: Data = {key: seconds(300 if ttl is None else ttl)}
    methods = config.texts("request_method")
    if wanted := [one for one in methods if one in ("GET", "HEAD")]:
        cache["methods"] = wanted
    for part in config.one_or_each("request_method"):
        if part.text() not in ("GET", "HEAD"):
            draft.leave(part, "GET and HEAD are kept")
    if vary := config.texts("vary_headers"):
        cache["vary"] = vary
    if query := config.texts("vary_query_params"):
        cache["query"] = query
    draft.only(config, "response_code", [200, 301, 404], "statuses are kept that HTTP lets a cache keep")
    draft.only(
        config, "content_type", (["text/plain", "application/json"], ["text/plain"]), "every type of content is kept"
    )
    draft.only(config, "strategy", "memory", "answers are kept in memory or Redis", "write `cache_store`")
    draft.only(config, "ignore_uri_case", False, "paths are compared with their case")
    draft.pass_over(config, "storage_ttl", "memory", "dictionary_name")
    draft.remark(
        "What is kept has any content type and any status that HTTP lets a cache keep; `no-store` and `private` count."
    )
    route.data["cache"] = cache


def _correlate(config: Part, route: Plugged, draft: Draft) -> None:
    name = config.text("header_name") or "Kong-Request-ID"
    config.text("generator")
    changes = route.data.setdefault("transformations", {})
    changes.setdefault("request", {}).setdefault("set_headers", {})[name] = Template("${request_id}")
    if route.said.upstream is not None:
        route.said.sent_headers[name] = "*"
    if config.flag("echo_downstream"):
        changes.setdefault("response", {}).setdefault("set_headers", {})[name] = Template("${request_id}")
        route.said.returned[name] = "*"
    draft.remark("Ids of requests have the gateway's form; a client's own is taken from trusted proxies only.")


PLUGINS: Final[dict[str, Apply]] = {
    "rate-limiting": _limit,
    "cors": _cors,
    "ip-restriction": _addresses,
    "request-size-limiting": _size,
    "request-transformer": lambda config, route, draft: change_request(config, route.data, route.said, draft),
    "response-transformer": lambda config, route, draft: change_response(config, route.data, route.said, draft),
    "request-termination": _terminate,
    "proxy-cache": _cache,
    "correlation-id": _correlate,
}
"""Of each route."""
