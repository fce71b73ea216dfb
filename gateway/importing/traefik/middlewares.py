"""Middlewares of Traefik as keys of routes.

Of `gateway.importing.traefik`: a function for each kind of middleware that has a counterpart. What protects a route and
cannot be carried over closes the route (D-552).

Tests: `tests/importing/traefik/test_middlewares.py::test_a_chain_in_its_order`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.importing.closing import MAY_PROTECT, NOBODY, NOT_NEEDED
from gateway.importing.draft import Data, Draft
from gateway.importing.parts import Part
from gateway.importing.traefik.services import duration
from gateway.importing.values import common, network

_SECURITY: Final = {
    "frameDeny": ("X-Frame-Options", "DENY"),
    "contentTypeNosniff": ("X-Content-Type-Options", "nosniff"),
    "browserXssFilter": ("X-XSS-Protection", "1; mode=block"),
}
_PROTECTS: Final = frozenset({"basicAuth", "digestAuth", "ipAllowList", "ipWhiteList", "forwardAuth"})
_HARMLESS: Final = frozenset({"errors", "passTLSClientCert", "redirectRegex", "encodedCharacters"})
"""Kinds that are not carried over and protect nothing; any other that is not known closes the route (D-630)."""

_RATIO: Final = re.compile(
    r"\s*(?:NetworkErrorRatio\(\)|ResponseCodeRatio\(\s*500\s*,\s*600\s*,\s*0\s*,\s*600\s*\))\s*>=?\s*([0-9.]+)\s*"
)


@dataclass
class Applied:
    """What the middlewares of a route come to.

    Attributes:
        keys: Of the route, `transformations` apart.
        path: Changes of the path.
        request: Changes of the request's fields.
        response: Changes of the answer's fields.
        breaker: Of the route's upstream.
        sent: What Traefik makes of a path, in its order; for tests.
    """

    keys: Data = field(default_factory=dict)
    path: Data = field(default_factory=dict)
    request: Data = field(default_factory=dict)
    response: Data = field(default_factory=dict)
    breaker: Data | None = None
    sent: list[Callable[[str], str]] = field(default_factory=list)

    def route_keys(self) -> Data:
        """Return all of it as keys of a route."""
        request = {**({"path": self.path} if self.path else {}), **self.request}
        changes = {key: value for key, value in (("request", request), ("response", self.response)) if value}
        return {**self.keys, **({"transformations": changes} if changes else {})}


@dataclass
class Middlewares:
    """The middlewares of a file, by name."""

    draft: Draft
    parts: Mapping[str, Part]
    _used: set[str] = field(default_factory=set)

    def apply(self, names: list[str], paths: list[str], at: Part) -> Applied:
        """Return what some middlewares come to, one after the other.

        Args:
            names: With or without `@file`.
            paths: Of the route.
            at: The router, for what names none.
        """
        found = Applied()
        for name in names:
            self._apply(name.removesuffix("@file"), paths, at, found, 0)
        return found

    def list_unused(self) -> None:
        """List the middlewares that no router names."""
        for name, part in self.parts.items():
            if name not in self._used:
                self.draft.leave(part, "no router names it")

    def _apply(self, name: str, paths: list[str], at: Part, found: Applied, depth: int) -> None:
        part = self.parts.get(name)
        if part is None or depth > len(self.parts):
            why = f"there is no middleware {name} in this file, {MAY_PROTECT}"
            self.draft.leave(at.get("middlewares") or at, why, NOT_NEEDED)
            found.keys["ip_deny"] = list(NOBODY)
            return
        self._used.add(name)
        for kind, inner in part.entries():
            if kind == "chain":
                for one in inner.texts("middlewares"):
                    self._apply(one.removesuffix("@file"), paths, at, found, depth + 1)
            elif kind in _KINDS:
                if not _KINDS[kind](inner, found, paths, self.draft) and kind in _PROTECTS:
                    self._close(inner, kind, found)
            elif kind in _PROTECTS:
                self._close(inner, kind, found)
            elif kind not in _HARMLESS:
                self.draft.leave(inner, f"the gateway has nothing for {kind}, {MAY_PROTECT}", NOT_NEEDED)
                found.keys["ip_deny"] = list(NOBODY)

    def _close(self, inner: Part, kind: str, found: Applied) -> None:
        found.keys["ip_deny"] = list(NOBODY)
        self.draft.leave(
            inner, f"{kind} could not be carried over: the route lets nobody in", "protect it, and take `ip_deny` out"
        )


def _strip_prefix(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    prefixes = [one.rstrip("/") for one in part.texts("prefixes")]
    part.flag("forceSlash")
    fitting = [one for one in prefixes if all(path.startswith(one) for path in paths)] or prefixes
    if len(fitting) != 1 or "replace" in found.path or "add_prefix" in found.path:
        draft.leave(part, "one prefix is taken from the path of a route, before all other changes")
        return True
    prefix = fitting[0]
    found.path["strip_prefix"] = prefix
    found.request.setdefault("set_headers", {})["X-Forwarded-Prefix"] = prefix
    found.sent.append(lambda path: (path.removeprefix(prefix) or "/") if path.startswith(prefix) else path)
    return True


def _replace(part: Part, found: Applied, pattern: str, with_: str, draft: Draft) -> bool:
    if "replace" in found.path or "add_prefix" in found.path:
        draft.leave(part, "a route replaces once in its path, before it adds a prefix")
        return True
    found.path["replace"] = {"pattern": pattern, "with": with_}
    return True


def _strip_prefix_regex(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    (pattern, *others) = part.texts("regex") or [""]
    if others:
        draft.leave(part, "a route replaces once in its path")
    found.sent.append(lambda path: re.sub(f"^(?:{pattern})", "", path, count=1) or "/")
    return _replace(part, found, f"^(?:{pattern})", "", draft)


def _replace_path(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    path = part.text("path") or "/"
    found.sent.append(lambda _: path)
    return _replace(part, found, "^.*$", path.replace("\\", "\\\\"), draft)


def _replace_path_regex(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    pattern = part.text("regex") or ""
    replacement = re.sub(r"\$\{?([0-9])\}?", r"\\\1", (part.text("replacement") or "").replace("\\", "\\\\"))
    found.sent.append(lambda path: re.sub(pattern, replacement, path))
    return _replace(part, found, pattern, replacement, draft)


def _add_prefix(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    prefix = (part.text("prefix") or "").rstrip("/")
    found.path["add_prefix"] = prefix
    found.sent.append(lambda path: prefix + path)
    return True


def _headers(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    for key, changes in (("customRequestHeaders", found.request), ("customResponseHeaders", found.response)):
        for name, value in part.entries(key):
            text = value.text() or ""
            if name.lower() in ("host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"):
                draft.leave(value, "the gateway writes this field itself", "see `host_header` and `forwarded`")
            elif text:
                changes.setdefault("set_headers", {})[name] = text
            else:
                changes.setdefault("remove_headers", []).append(name)
    shown: dict[str, str] = {}
    for key, (header, always) in _SECURITY.items():
        if part.flag(key):
            shown[header] = always
    for key, header in (
        ("referrerPolicy", "Referrer-Policy"),
        ("contentSecurityPolicy", "Content-Security-Policy"),
        ("permissionsPolicy", "Permissions-Policy"),
        ("customFrameOptionsValue", "X-Frame-Options"),
    ):
        if said := part.text(key):
            shown[header] = said
    if seconds := part.whole("stsSeconds"):
        below = "; includeSubDomains" if part.flag("stsIncludeSubdomains") else ""
        preload = "; preload" if part.flag("stsPreload") else ""
        shown["Strict-Transport-Security"] = f"max-age={seconds}{below}{preload}"
    if shown:
        found.response.setdefault("set_headers", {}).update(shown)
    _cors(part, found)
    return True


def _cors(part: Part, found: Applied) -> None:
    origins = part.texts("accessControlAllowOriginList")
    if not origins:
        return
    cors: Data = {"allowed_origins": origins}
    for key, ours in (
        ("accessControlAllowMethods", "allowed_methods"),
        ("accessControlAllowHeaders", "allowed_headers"),
        ("accessControlExposeHeaders", "exposed_headers"),
    ):
        if values := part.texts(key):
            cors[ours] = values
    if part.flag("accessControlAllowCredentials"):
        cors["allow_credentials"] = True
    if (age := part.whole("accessControlMaxAge")) is not None:
        cors["max_age"] = f"{age}s"
    part.flag("addVaryHeader")
    found.keys["cors"] = cors


def _scope(part: Part, otherwise: str, draft: Draft) -> str:
    criterion = part.get("sourceCriterion")
    if criterion is None:
        return otherwise
    if name := criterion.text("requestHeaderName"):
        return f"header:{name}"
    if criterion.flag("requestHost"):
        return "header:Host"
    if (strategy := criterion.get("ipStrategy")) is not None:
        draft.leave(strategy, "who the client is, `trusted_proxies` says")
    return "ip"


def _rate_limit(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    average, burst = part.whole("average") or 0, part.whole("burst") or 1
    if not average:
        return True
    period = duration(part, "period", "1s")
    limit: Data = {"limit": average, "window": period, "burst": burst, "scope": _scope(part, "ip", draft)}
    known = found.keys.get("rate_limit")
    found.keys["rate_limit"] = limit if known is None else [*(known if isinstance(known, list) else [known]), limit]
    return True


def _in_flight(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    found.keys["in_flight"] = part.whole("amount") or 0
    if (criterion := part.get("sourceCriterion")) is not None:
        draft.leave(criterion, "exchanges at once are counted for a route, not for each client")
    return True


def _addresses(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    networks = [block for one in part.texts("sourceRange") if (block := network(one)) is not None]
    if not networks or len(networks) != len(part.each("sourceRange")):
        return False
    if (before := found.keys.get("ip_allow")) is not None:
        networks = common(before, networks)  # Traefik asks both lists
        if not networks:
            return False
    found.keys["ip_allow"] = networks
    if (strategy := part.get("ipStrategy")) is not None:
        draft.leave(strategy, "who the client is, `trusted_proxies` says")
    draft.only(part, "rejectStatusCode", 403, "it is 403 here")
    return True


def _basic_auth(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    file = part.text("usersFile")
    if file is None:
        return False
    basic = {"users_file": file, "realm": part.text("realm") or "traefik"}
    if draft.section("auth").setdefault("basic", basic) != basic:
        return False
    draft.only(part, "removeHeader", True, "no backend sees the password; see `auth.forward_credentials`")
    _ask(found, {"type": "basic"})
    return True


def _ask(found: Applied, way: Data) -> None:
    """Have a route ask for one more way of showing who is calling: Traefik asks for each."""
    before = found.keys.get("auth")
    if before is None:
        found.keys["auth"] = way
    elif before != way and way not in before.get("all_of", ()):
        found.keys["auth"] = {"all_of": [*before.get("all_of", [before]), way]}


def _forward_auth(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    address = part.text("address")
    if address is None:
        return False
    forward: Data = {"url": address}
    if shown := part.texts("authRequestHeaders"):
        forward["request_headers"] = shown
    if told := part.texts("authResponseHeaders"):
        forward["response_headers"] = told
    known = draft.section("auth", "forward")
    name = next((one for one, said in known.items() if said == forward), "")
    name = name or (f"forward-{len(known) + 1}" if known else "default")
    known[name] = forward
    draft.only(part, "trustForwardHeader", False, "what clients say of themselves counts from `trusted_proxies` only")
    _ask(found, {"type": "forward"} if name == "default" else {"type": "forward", "verifier": name})
    return True


def _redirect_scheme(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    redirect: Data = {"scheme": part.text("scheme") or "https"}
    if (port := part.whole("port")) is not None and port not in (80, 443):
        redirect["port"] = port
    redirect["status"] = 308 if part.flag("permanent") else 307
    found.keys["redirect"] = redirect
    return True


def _retry(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    attempts = (part.whole("attempts") or 1) - 1
    if attempts > 0:
        found.keys["retry"] = {"attempts": min(attempts, 10), "on": ["connect", "refused", "reset"]}
        if part.text("initialInterval"):
            found.keys["retry"]["backoff"] = duration(part, "initialInterval", "25ms")
    return True


def _breaker(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    expression = part.get("expression")
    match = _RATIO.fullmatch(expression.text() or "") if expression is not None else None
    if expression is None or match is None:
        draft.leave(part, "this expression has no counterpart", "see `circuit_breaker`")
        return True
    timeout = duration(part, "fallbackDuration", "10s")
    found.breaker = {"error_rate": {"ratio": float(match[1]), "window": "10s"}, "timeout": timeout}
    draft.pass_over(part, "checkPeriod", "recoveryDuration")
    draft.only(part, "responseCode", 503, "it is 503 here", "see `circuit_breaker.fallback`")
    return True


def _compress(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    compression: Data = {}
    if (least := part.whole("minResponseBodyBytes")) is not None:
        compression["min_size"] = least
    if encodings := [one for one in part.texts("encodings") if one in ("gzip", "br", "zstd")]:
        compression["algorithms"] = encodings
    if types := part.texts("includedContentTypes"):
        compression["types"] = types
    found.keys["compression"] = compression
    return True


def _buffering(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    if most := part.whole("maxRequestBodyBytes"):
        found.keys["request_body"] = most
    draft.pass_over(part, "memRequestBodyBytes", "memResponseBodyBytes")
    return True


def _content_type(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    draft.only(part, "autoDetect", False, "a type that the backend does not say is not guessed")
    return True


def _grpc_web(part: Part, found: Applied, paths: list[str], draft: Draft) -> bool:
    found.keys["grpc_web"] = True
    if origins := part.texts("allowOrigins"):
        found.keys["cors"] = {"allowed_origins": origins, "allowed_methods": ["POST"], "allowed_headers": ["*"]}
    return True


_KINDS: Final[Mapping[str, Callable[[Part, Applied, list[str], Draft], Any]]] = {
    "stripPrefix": _strip_prefix,
    "stripPrefixRegex": _strip_prefix_regex,
    "replacePath": _replace_path,
    "replacePathRegex": _replace_path_regex,
    "addPrefix": _add_prefix,
    "headers": _headers,
    "rateLimit": _rate_limit,
    "inFlightReq": _in_flight,
    "ipAllowList": _addresses,
    "ipWhiteList": _addresses,
    "basicAuth": _basic_auth,
    "forwardAuth": _forward_auth,
    "redirectScheme": _redirect_scheme,
    "retry": _retry,
    "circuitBreaker": _breaker,
    "compress": _compress,
    "buffering": _buffering,
    "contentType": _content_type,
    "grpcWeb": _grpc_web,
}
