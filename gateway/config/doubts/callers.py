"""Doubts about who is let in: passwords in clear text, roles that nobody has.

Tests: `tests/config/doubts/test_callers.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.callers import reads_authorization
from gateway.config.doubts.common import Doubt, Finding, Step, asks_who, coded, written
from gateway.config.endpoint_strings import on_this_machine, parse
from gateway.config.problems import suggestion
from gateway.config.schema import Settings
from gateway.config.schema.auth import Auth
from gateway.config.schema.limiting import RateLimit
from gateway.config.schema.routes import Route

WITHOUT_ROLES = frozenset(["basic"])
"""Ways of showing who is calling that bring neither roles nor scopes."""

_OWN_CLAIMS = frozenset(["iss", "sub", "client_id", "aud", "iat", "exp", "jti", "scope", "roles"])
"""What tokens of `auth.oauth` say."""

_TLS = frozenset(["ssl", "tls", "sni", "unix"])
_CLEAR = frozenset(["tcp", "tcp6", "systemd"])


def callers(settings: Settings) -> Iterator[Finding]:
    """Doubt passwords that anybody on the way may read, and what is said for nobody."""
    yield from coded("client-address", _believed(settings))
    yield from coded("no-effect", _certificates(settings))
    yield from coded("nobody-admitted", _without_certificates(settings))
    yield from coded("no-effect", _origins(settings.auth or Auth.unwritten()))
    yield from coded("nobody-admitted", _own_tokens(settings.auth or Auth.unwritten()))
    yield from coded("limit-tier", _tiers_of_keys(settings))
    basic = None if settings.auth is None else settings.auth.basic
    if basic is None:
        return
    asking = [route for route in settings.routes if asks_who(route, "basic")]
    if not asking:
        words = "no route asks for a name and a password: none has `auth: {type: basic}`"
        yield Finding(("auth", "basic"), words, "no-effect")
        return
    if settings.trusted_proxies:
        return  # a proxy before the gateway may end TLS
    for index, listener in enumerate(settings.listeners):
        if parse(listener.endpoint).kind in _CLEAR and not on_this_machine(listener.endpoint):
            words = "passwords (`auth.basic`) come over it in clear text: use `sni:` or `ssl:`"
            words += ", or name in `trusted_proxies` the proxy that ends TLS"
            yield Finding(("listeners", index, "endpoint"), words, "clear-text")


def _believed(settings: Settings) -> Iterator[Doubt]:
    for index, one in enumerate(settings.trusted_proxies):
        if not isinstance(one, str) and not one.prefixlen:
            words = "everybody is believed about where they come from: limits and rules by address are what clients say"
            yield ("trusted_proxies", index), words


def _without_certificates(settings: Settings) -> Iterator[Doubt]:
    if _asks_for_certificates(settings):
        return
    for index, route in enumerate(settings.routes):
        ways = () if route.auth is None else route.auth.ways
        if ways and all(way.type == "mtls" for way in ways):
            words = "nobody gets in: no listener asks for a client's certificate (`sni:` with `clientCA=`)"
            yield ("routes", index, "auth"), words


def _asks_for_certificates(settings: Settings) -> bool:
    """Whether a listener asks for certificates, or may: a plugin's endpoint in a way of its own."""
    kinds = [parse(listener.endpoint) for listener in settings.listeners]
    return any(kind not in _TLS | _CLEAR or "clientCA" in named for kind, named in kinds)


def _certificates(settings: Settings) -> Iterator[Doubt]:
    mtls = None if settings.auth is None else settings.auth.mtls
    if mtls is None:
        return
    if written(mtls, "revoked") and not mtls.crl:
        yield ("auth", "mtls", "revoked"), "nothing is revoked: there is no `crl`"
    if mtls.client_cert_header is not None and not _asks_for_certificates(settings):
        words = "backends are told of no certificate: no listener asks for one (`sni:` with `clientCA=`)"
        yield ("auth", "mtls", "client_cert_header"), words


def _tiers_of_keys(settings: Settings) -> Iterator[Doubt]:
    """Doubt tiers for API keys that there are not: who has paid for more would have the plain limit."""
    keys = None if settings.auth is None else settings.auth.api_keys
    if keys is None or keys.store != "memory" or not any(asks_who(route, "api_key") for route in settings.routes):
        return  # keys of the other stores come and go
    known = [key.id for key in keys.keys]
    limits: list[tuple[tuple[Step, ...], RateLimit]] = [
        (("rate_limits", index), limit) for index, limit in enumerate(settings.rate_limits)
    ]
    for index, route in enumerate(settings.routes):
        if asks_who(route, "api_key"):
            limits += [(("routes", index, "rate_limit", place), limit) for place, limit in enumerate(route.rate_limit)]
    for steps, limit in limits:
        for condition in limit.tiers:
            subject, _, name = condition.partition("=")
            if subject in ("key", "api_key") and name not in known:
                words = f"nobody is on it: no key of `auth.api_keys.keys` has this `id`{suggestion(name, known)}"
                yield (*steps, "tiers", condition), words


def _own_tokens(auth: Auth) -> Iterator[Doubt]:
    """Doubt claims that the verifier whose secret signs the gateway's own tokens asks for, and they have not."""
    default, oauth = auth.jwt.get("default"), auth.oauth
    if default is None or oauth is None or default.secret is None or "HS256" not in default.algorithms:
        return
    if oauth.signing_key_file is None and oauth.secret is None:
        for name in default.require:
            if name not in _OWN_CLAIMS:
                words = "no token of `auth.oauth` is good for it: the secret of this verifier signs them, and they have"
                yield ("auth", "jwt", "default", "require", name), f"{words} no such claim"


def _origins(auth: Auth) -> Iterator[Doubt]:
    for kind, sections in (("jwt", auth.jwt), ("introspection", auth.introspection)):
        for name, section in sections.items():
            if written(section, "origins") and not any(place.startswith("cookie:") for place in section.places):
                yield ("auth", kind, name, "origins"), "nobody asks for them: no token is taken from a cookie (`from`)"


def route_callers(route: Route, settings: Settings) -> Iterator[Doubt]:
    """Doubt what a route asks of callers that none of them has."""
    auth = route.auth
    if auth is None:
        return
    deciding = auth.ways[:1] if auth.all_of else auth.ways  # of several ways that are needed the first says who it is
    if deciding and all(way.type in WITHOUT_ROLES for way in deciding):
        for key in ("roles", "scopes"):
            if getattr(auth, key):
                yield ("auth", key), f"nobody gets in: who shows a name and a password has no {key}"
    kinds = [way.type for way in auth.all_of]
    if "basic" in kinds and {"introspection", "jwt"} & set(kinds) and _in_authorization(route, settings):
        words = "nobody gets in: a name and a password are shown in `Authorization`, which is a token's place too"
        yield ("auth", "all_of"), words


def _in_authorization(route: Route, settings: Settings) -> bool:
    """Whether a token of the route can be shown in `Authorization` only."""
    auth = settings.auth or Auth.unwritten()
    ways = () if route.auth is None else route.auth.ways
    return all(reads_authorization(way, auth, all) for way in ways if way.type in ("jwt", "introspection"))
