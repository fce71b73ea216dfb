"""APISIX's plugins as keys of a route. A plugin is a line of `PLUGINS`; one that is in no line is listed.

Tests: `tests/importing/apisix/test_plugins.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.importing import samples
from gateway.importing.apisix.callers import ASKING, CLOSING, Callers
from gateway.importing.apisix.nodes import Nodes
from gateway.importing.apisix.rewriting import redirect, rewrite_request, rewrite_response
from gateway.importing.cases import Said
from gateway.importing.closing import MAY_PROTECT, NOT_NEEDED, OPEN_AGAIN, close, stay_closed
from gateway.importing.draft import Data, Draft, Template
from gateway.importing.parts import Part
from gateway.importing.values import common, literal, network, seconds, secret

SIGHT: Final = frozenset(
    ["prometheus", "zipkin", "skywalking", "opentelemetry", "datadog", "node-status", "server-info", "log-rotate"]
)
HARMLESS: Final = frozenset(
    [
        "api-breaker", "body-transformer", "echo", "error-log-logger", "ext-plugin-post-req", "ext-plugin-post-resp",
        "grpc-transcode", "grpc-web", "inspect", "limit-conn", "loggly", "proxy-buffering", "proxy-control",
        "real-ip", "referer-restriction", "request-validation", "ua-restriction",
    ]
)  # fmt: skip
"""Plugins that are not carried over and protect nothing, or only by fields that any caller may write."""

ADDING: Final = frozenset({"ip-restriction", "limit-count", "limit-req"})
"""Plugins of which one in a global rule and one of the route both hold."""

TOO_MANY: Final = 429


@dataclass
class Plugged:
    """A route of ours that plugins are put into, and what the source says about it."""

    data: Data
    said: Said
    part: Part
    nodes: Nodes


def plug(route: Plugged, chosen: dict[str, list[Part]], callers: Callers, draft: Draft) -> None:
    """Put all plugins that hold into a route: authentication first, those that answer in place of the upstream last."""
    order = sorted(chosen, key=lambda one: (one not in ASKING, one == "redirect", one in CLOSING))
    for name, config in [(each, config) for each in order for config in chosen[each]]:
        config.entries("_meta")
        if not config.names():
            config.mark_read()
        if name in ASKING:
            callers.protect(name, config, route.data, route.said)
        elif name in PLUGINS:
            PLUGINS[name](config, route, draft)
        elif name in CLOSING:
            draft.leave(config, CLOSING[name], OPEN_AGAIN)
            close(route.data, route.said)
        elif name in SIGHT:
            draft.leave(config, "what is measured is said at top level here", "see `metrics` and `tracing`")
        elif name in HARMLESS or name.endswith("-logger"):
            draft.leave(config, f"the gateway has nothing for {name}", "write a plugin if it matters")
        else:
            draft.leave(config, f"the gateway has nothing for {name}, {MAY_PROTECT}", NOT_NEEDED)
            close(route.data, route.said)
    stay_closed(route.data, route.said)


def _count(config: Part, route: Plugged, draft: Draft) -> None:
    count, window = config.whole("count"), config.number("time_window")
    if not count or not window:
        draft.leave(config, "expected `count` and `time_window`, as numbers")
        return
    limit: Data = {"limit": count, "window": seconds(window), "scope": _scope(config, route, draft)}
    route.data["rate_limit"] = _with(route.data.get("rate_limit"), limit | {"algorithm": "sliding_window"})
    route.said.limit = min(filter(None, [route.said.limit, count]))
    draft.remark("Windows of limits slide here; in APISIX they begin with the first request.")
    if (config.text("policy") or "local") != "local":
        draft.top["rate_limit_store"] = "redis"
        _redis(config, draft)
    if config.flag("allow_degradation") is False:
        draft.top["on_store_failure"] = "closed"
    _refusal(config, draft)
    draft.only(config, "show_limit_quota_header", True, "answers of limited routes say what is left")


def _rate(config: Part, route: Plugged, draft: Draft) -> None:
    rate, burst = config.whole("rate"), config.whole("burst")
    if not rate:
        draft.leave(config, "a rate is a whole number of requests in a second here", "write `rate_limit`")
        return
    limit: Data = {"limit": rate, "window": "1s", "burst": rate + (burst or 0), "scope": _scope(config, route, draft)}
    route.data["rate_limit"] = _with(route.data.get("rate_limit"), limit)
    draft.only(config, "nodelay", True, "what is over a rate is refused at once", "use `rate_limit_queue`")
    draft.only(config, "policy", "local", "such limits are counted where the others are")
    _refusal(config, draft)


def _with(before: object, limit: Data) -> object:
    """Return a limit beside those that a route has."""
    return limit if before is None else [*(before if isinstance(before, list) else [before]), limit]


def _scope(config: Part, route: Plugged, draft: Draft) -> str:
    key = config.text("key") or "remote_addr"
    draft.only(config, "key_type", "var", "keys are single variables", "use a list of scopes")
    draft.only(config, "group", (), "routes do not share a count", "use `rate_limits` at top level")
    known = {"remote_addr": "ip", "server_addr": "route", "route_id": "route", "service_id": "route"}
    if key in known:
        return known[key]
    if key == "consumer_name":
        return "user" if route.said.refuses_strangers else "ip"
    if key.startswith("http_") and key != "http_x_forwarded_for":
        return f"header:{key.removeprefix('http_').replace('_', '-')}"
    where = config.get("key")
    draft.leave(where or config, f"limits are not counted by {key}", "choose another `scope`; it is by address now")
    return "ip"


def _refusal(config: Part, draft: Draft) -> None:
    code = config.whole("rejected_code")
    draft.only(config, "rejected_code", TOO_MANY, "what is over a limit is 429")
    if code is None:
        draft.remark("What is over a limit is 429 here; in APISIX it is 503 unless `rejected_code` says otherwise.")
    if (message := config.get("rejected_msg")) is not None:
        draft.leave(message, "answers have texts of their own", "use `error_pages`")


def _redis(config: Part, draft: Draft) -> None:
    host = config.text("redis_host")
    if host is None:
        draft.remark("Instances share limits by Redis here: write `redis.url`.")
        return
    password = config.get("redis_password")
    shown = ""
    if password is not None:
        shown = f":{secret(password, 'redis password', draft)}@"
    scheme = "rediss" if config.flag("redis_ssl") else "redis"
    port, database = config.whole("redis_port") or 6379, config.whole("redis_database") or 0
    draft.section("redis")["url"] = Template(f"{scheme}://{shown}{host}:{port}/{database}")
    draft.pass_over(config, "redis_timeout")


def _addresses(config: Part, route: Plugged, draft: Draft) -> None:
    lists: dict[str, list[str]] = {}
    for ours, theirs in (("ip_allow", "whitelist"), ("ip_deny", "blacklist")):
        for part in config.one_or_each(theirs):
            block = network(part.text() or "")
            if block is None and ours == "ip_deny":
                draft.leave(part, "it is neither an address nor a network", OPEN_AGAIN)
                close(route.data, route.said)
            elif block is None:
                draft.leave(part, "it is neither an address nor a network")
            else:
                lists.setdefault(ours, []).append(block)
    draft.only(
        config, "message", "Your IP address is not allowed", "answers have texts of their own", "use `error_pages`"
    )
    draft.only(config, "response_code", 403, "who is turned away gets 403")
    if not lists:
        close(route.data, route.said)
        return
    if "ip_allow" in route.data and "ip_allow" in lists:
        lists["ip_allow"] = common(route.data["ip_allow"], lists["ip_allow"])
        if not lists["ip_allow"]:
            draft.leave(config, "no address is in all lists that hold for the route", OPEN_AGAIN)
            close(route.data, route.said)
            return
    lists["ip_deny"] = list(dict.fromkeys([*route.data.get("ip_deny", []), *lists.get("ip_deny", [])]))
    route.data |= {key: blocks for key, blocks in lists.items() if blocks}
    allowed, denied = route.data.get("ip_allow"), route.data.get("ip_deny")
    if allowed:
        inside = [samples.inside(block) for block in allowed]
        route.said.client = next((one for one in inside if not common([one], denied or [])), inside[0])
        route.said.refused = samples.inside(denied[0]) if denied else samples.outside(allowed)
    elif denied:
        route.said.client, route.said.refused = samples.outside(denied), samples.inside(denied[0])


def _cors(config: Part, route: Plugged, draft: Draft) -> None:
    lists = {}
    for theirs in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
        written = config.text(theirs)
        words = [one.strip() for one in (written or "").split(",") if one.strip()]
        if "**" in words:
            where = config.get(theirs)
            assert where is not None  # it has words
            draft.leave(where, "`**` lets any page call in the name of its visitor", "name them; it is `*` now")
            words = ["*"]
        lists[theirs] = words
    origins = lists["allow_origins"] or ["*"]
    cors: Data = {
        "allowed_origins": origins,
        "allowed_methods": lists["allow_methods"] or ["*"],
        "allowed_headers": lists["allow_headers"] or ["*"],
    }
    if lists["expose_headers"]:
        cors["exposed_headers"] = lists["expose_headers"]
    if config.flag("allow_credential"):
        if "*" in origins:
            draft.leave(
                config, "any page could call in the name of its visitor", "name the origins", what="allow_credential"
            )
        else:
            cors["allow_credentials"] = True
    age = config.number("max_age")
    cors["max_age"] = seconds(5 if age is None else max(age, 0))
    route.data["cors"] = cors
    if "*" in cors["allowed_methods"] or route.said.method in cors["allowed_methods"]:
        route.said.origin = "https://app.example" if origins == ["*"] else next(one for one in origins if one != "*")


def _body(config: Part, route: Plugged, draft: Draft) -> None:
    size = config.whole("max_body_size")
    if size is not None:
        route.data["request_body"] = size


def _id(config: Part, route: Plugged, draft: Draft) -> None:
    name = config.text("header_name") or "X-Request-Id"
    config.text("algorithm")
    shown = config.flag("include_in_response") is not False
    draft.remark("Ids of requests have the gateway's form; a client's own is taken from trusted proxies only.")
    if name.lower() == "x-request-id":
        return  # the gateway's own, which every answer and every backend gets
    changes = route.data.setdefault("transformations", {})
    changes.setdefault("request", {}).setdefault("set_headers", {})[name] = Template("${request_id}")
    if route.said.upstream is not None:
        route.said.sent_headers[name] = "*"
    if shown:
        changes.setdefault("response", {}).setdefault("set_headers", {})[name] = Template("${request_id}")
        route.said.returned[name] = "*"


def _compress(algorithm: str) -> Callable[[Part, Plugged, Draft], None]:
    def compress(config: Part, route: Plugged, draft: Draft) -> None:
        made = route.data.setdefault("compression", {"algorithms": []})
        made["algorithms"].append(algorithm)
        types = [one for one in config.texts("types") if one != "*"]
        if types:
            made["types"] = types
        if (least := config.whole("min_length")) is not None:
            made["min_size"] = least
        draft.pass_over(config, "buffers", "comp_level", "http_version", "lgblock", "lgwin", "mode", "vary")

    return compress


def _cache(config: Part, route: Plugged, draft: Draft) -> None:
    ttl = config.number("cache_ttl")
    cache: Data = {"ttl": seconds(300 if ttl is None else ttl)}
    methods = config.texts("cache_method")
    if wanted := [one for one in methods if one in ("GET", "HEAD")]:
        cache["methods"] = wanted
    draft.only(config, "cache_method", (["GET", "HEAD"], ["GET"], ["HEAD"]), "GET and HEAD are kept")
    draft.only(config, "cache_http_status", [200, 301, 404], "statuses are kept that HTTP lets a cache keep")
    draft.only(
        config, "cache_key", (["$host", "$request_uri"],), "answers are kept by host, path and query", "see `vary`"
    )
    draft.only(config, "hide_cache_headers", (True, False), "")
    draft.pass_over(config, "cache_zone", "cache_strategy")
    route.data["cache"] = cache


def _mirror(config: Part, route: Plugged, draft: Draft) -> None:
    host = config.get("host")
    url = config.text("host")
    if url is None or not url.startswith(("http://", "https://")):
        draft.leave(host or config, "copies go to http:// and https://")
        return
    name = draft.name(f"{route.said.route} mirror", "upstreams")
    draft.upstreams.append(route.nodes.single(name, url, config))
    ratio = config.number("sample_ratio")
    route.data["mirror"] = {"upstream": name, **({} if ratio in (None, 1) else {"ratio": ratio})}


def _split(config: Part, route: Plugged, draft: Draft) -> None:
    rules = config.each("rules")
    if len(rules) != 1 or rules[0].get("match") is not None or route.said.upstream is None:
        draft.leave(
            config, "traffic is split by shares here, and by conditions as routes", "write a route for each rule"
        )
        return
    shares: list[Data] = []
    for member in rules[0].each("weighted_upstreams"):
        own = member.get("upstream") is None and member.get("upstream_id") is None
        found = None if own else route.nodes.referred(member, f"{route.said.route} share")
        name = route.said.upstream if own else None if found is None else found.name
        weight = member.whole("weight")
        if name is None:
            draft.leave(config, "an upstream of it cannot be asked", "write `upstream` with its shares")
            return
        shares.append({"name": name, "weight": 1 if weight is None else weight})
    route.data["upstream"] = shares
    route.said.upstream = f"~^({'|'.join(literal(one['name']) for one in shares)})$"
    route.said.sent_headers.pop("Host", None)


PLUGINS: Final[dict[str, Callable[[Part, Plugged, Draft], None]]] = {
    "limit-count": _count,
    "limit-req": _rate,
    "ip-restriction": _addresses,
    "cors": _cors,
    "client-control": _body,
    "request-id": _id,
    "gzip": _compress("gzip"),
    "brotli": _compress("br"),
    "proxy-cache": _cache,
    "proxy-mirror": _mirror,
    "traffic-split": _split,
    "proxy-rewrite": lambda config, route, draft: rewrite_request(config, route.data, route.said, draft),
    "response-rewrite": lambda config, route, draft: rewrite_response(config, route.data, route.said, draft),
    "redirect": lambda config, route, draft: redirect(config, route.data, route.said, draft),
}
"""Of each route."""
