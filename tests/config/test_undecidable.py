"""What no backend gets from a client decides nothing: conditions, scopes and hashes that name it are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import ConfigError, Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]

AUTH = """
upstreams: [{name: a, strategy: consistent_hash, hash_on: "%s", backends: [{url: "http://127.0.0.1:9"}]}]
auth:
  api_keys: {keys: [{id: acme, key: the-key-of-acme}]}
  identity_fields: {roles: X-Groups-Of}
  forward: {default: {url: "http://127.0.0.1:1/", response_headers: [X-Auth-Tenant, Authorization]}}
"""
CALLER = "it says who is calling, and is dropped from what clients send"
KEY = "it is where API keys are shown: no backend gets it, and here it need not hold a key and nothing else"
NEVER = "it is dropped from what clients send"
URL = "it is dropped from what clients send unless `forwarded.original_url` lets it in"
NO_PROXY = "it is believed of `trusted_proxies` only, and there are none"

WHY = {
    "X-User-ID": CALLER,
    "x_user_id": CALLER,
    "X.User.ID": CALLER,
    "X-User-Anything": CALLER,
    "X-Groups-Of": CALLER,
    "Remote-User": CALLER,
    "Remote-Groups": CALLER,
    "X-Auth-Tenant": CALLER,
    "X-API-Key": KEY,
    "X_API_Key": KEY,
    "Proxy": NEVER,
    "Proxy-Authorization": NEVER,
    "HTTP2-Settings": NEVER,
    "X_Forwarded_For": NEVER,
    "X-Original-URL": URL,
    "X_Rewrite_URL": URL,
    "X-Forwarded-Proto": NO_PROXY,
    "X-Forwarded-Host": NO_PROXY,
    "X-Real-IP": NO_PROXY,
    "Forwarded": NO_PROXY,
}
GOOD = ["X-Tenant", "Authorization", "Cookie", "Host", "Upgrade", "X-Forwarded-For", "X-Request-ID", "X-User"]


def text(routes: str, hash_on: str = "ip", more: str = "") -> str:
    """A configuration with an open store of keys, an authority, and these routes."""
    return AUTH % hash_on + routes + "\n" + more


@pytest.mark.parametrize(("name", "why"), WHY.items())
def test_what_clients_cannot_send_is_no_condition(complaints: Complaints, name: str, why: str) -> None:
    """The client chose its route by it, and the backend saw nothing of that."""
    (line,) = complaints(text(f'routes: [{{path: /x, upstream: a, headers: {{{name}: "*"}}}}]'))

    expected = f'expected a field that backends get as clients send it, found "{name}": {why}'
    key = f"['{name}']" if "." in name else f".{name}"
    assert line == f"gateway.yaml:7:44: routes[0].headers{key}: {expected}"


@pytest.mark.parametrize(("name", "why"), WHY.items())
def test_nor_what_is_counted_or_hashed_by(complaints: Complaints, name: str, why: str) -> None:
    """In limits of a route, of all, in a list, under its other name; in the hash of an upstream."""
    limited = f'{{path: /x, upstream: a, rate_limit: {{limit: 2, scope: [ip, "header:{name}"]}}}}'
    lines = complaints(
        text(f"routes: [{limited}]", f"header:{name}", f'rate_limits: [{{path: /x, limit: 2, key: "header:{name}"}}]')
    )

    keys = [line.split(": ")[1] for line in lines]
    assert keys == ["upstreams[0].hash_on", "routes[0].rate_limit.scope[1]", "rate_limits[0].key"]
    assert all(line.endswith(f'"header:{name}": {why}') for line in lines)


@pytest.mark.parametrize(("name", "why"), WHY.items())
def test_nor_which_tier_somebody_is_on(complaints: Complaints, name: str, why: str) -> None:
    """Whoever sends it would have the tier's limit, and no backend would see by what."""
    limited = f'{{limit: 2, tiers: {{"header.{name}=pro": 9}}}}'
    lines = complaints(text(f"routes: [{{path: /x, upstream: a, rate_limit: {limited}}}]"))

    (line,) = lines
    assert line.startswith(f"gateway.yaml:7:65: routes[0].rate_limit.tiers['header.{name}=pro']: expected")
    assert line.endswith(f'"header.{name}=pro": {why}')


def test_the_scope_that_was_meant_is_named(complaints: Complaints) -> None:
    """Who is calling is `user`, a key `api_key`: both are what the gateway has verified."""
    limits = '[{limit: 1, scope: "header:X-User-ID"}, {limit: 1, scope: "header:X-API-Key"}]'
    caller, key = complaints(text(f"routes: [{{path: /x, upstream: a, rate_limit: {limits}}}]"))

    assert "as clients send it (or `user`), found" in caller
    assert "as clients send it (or `api_key`), found" in key


@pytest.mark.parametrize("name", GOOD)
def test_what_backends_get_decides(load_text: Load, name: str) -> None:
    """Credentials that backends judge too, what the gateway heeds itself, and what it continues."""
    limited = f'rate_limit: {{limit: 2, scope: "header:{name}"}}'
    load_text(text(f'routes: [{{path: /x, upstream: a, headers: {{{name}: "*"}}, {limited}}}]', f"header:{name}"))


def test_the_place_of_a_key_decides_where_all_have_to_show_one(load_text: Load, complaints: Complaints) -> None:
    """The gateway checks that it is a key; where another way is enough, it looks at nothing there."""
    route = '{path: /x, upstream: a, headers: {X-API-Key: "*"}, rate_limit: {limit: 2, scope: "header:X-API-Key"}, %s}'
    load_text(text(f"routes: [{route % 'auth: {type: api_key}'}]", "header:X-API-Key"))

    assert len(complaints(text(f"routes: [{route % 'auth: {any_of: [api_key, forward]}'}]", "header:X-API-Key"))) == 3


def test_a_key_behind_a_scheme_has_several_spellings(complaints: Complaints) -> None:
    """`Bearer k` and `bearer k` are one key and would be two counts."""
    route = '{path: /x, upstream: a, rate_limit: {limit: 2, scope: "header:X-API-Key"}, auth: {type: api_key}}'
    (line,) = complaints(text(f"routes: [{route}]").replace("api_keys: {", "api_keys: {scheme: Bearer, "))

    assert line.startswith("gateway.yaml:7:64: routes[0].rate_limit.scope: expected")


TOKEN = "it is where tokens are shown, which go no further here, and one token has many spellings"


@pytest.mark.parametrize(
    ("auth", "condition", "counts"),
    [
        ("{type: none}", True, True),
        ("{type: api_key}", True, True),
        ("{type: jwt}", True, False),
        ("{type: forward}", True, False),
        ("{any_of: [api_key, jwt]}", False, False),
        ("{all_of: [api_key, jwt]}", True, False),
        ("{any_of: [api_key, jwt], forward_credentials: true}", True, True),
    ],
)
def test_a_token_decides_where_it_goes_on_and_chooses_routes_where_all_show_it(
    load_text: Load, complaints: Complaints, auth: str, condition: bool, counts: bool
) -> None:
    """`bearer t` and `Bearer t` are one token and would be two counts; beside a key that is enough it is not read."""
    route = "routes: [{path: /x, upstream: a, auth: %s, %s}]"

    def refused(what: str, hash_on: str = "ip", more: str = "") -> list[str]:
        said = text(route % (auth, what), hash_on, more)
        said = said.replace(
            "auth:\n", "auth:\n  jwt: {default: {algorithms: [HS256], secret: a-secret-of-thirty-two-octets-or-more}}\n"
        )
        try:
            load_text(said)
        except ConfigError:
            return complaints(said)
        return []

    assert bool(refused('headers: {Authorization: "*"}')) is not condition
    for lines in (
        refused('rate_limit: {limit: 2, scope: "header:Authorization"}'),
        refused("timeout: 1s", "header:Authorization"),
        refused("timeout: 1s", more='rate_limits: [{limit: 2, key: "header:Authorization"}]'),
    ):
        assert len(lines) == (0 if counts else 1)
        assert all(line.endswith(TOKEN) for line in lines)


def test_an_upstream_that_others_fall_back_to_has_requests_without_keys(complaints: Complaints) -> None:
    """Its own routes ask for keys, those that fall back to it need not."""
    (line,) = complaints(
        text(
            "routes: [{path: /x, upstream: a, auth: {type: api_key}}]",
            "header:X-API-Key",
            "circuit_breaker: {fallback: {upstream: a}}",
        )
    )
    assert "upstreams[0].hash_on" in line


def test_a_parameter_that_shows_keys_is_no_condition_either(load_text: Load, complaints: Complaints) -> None:
    """It goes to no backend."""
    route = '{path: /x, upstream: a, query: {api_key: "*", page: "1"}, %s}'
    (line,) = complaints(text(f"routes: [{route % 'timeout: 1s'}]"))

    why = f'expected a parameter that backends get as clients send it, found "api_key": {KEY}'
    assert line == f"gateway.yaml:7:42: routes[0].query.api_key: {why}"
    load_text(text(f"routes: [{route % 'auth: {type: api_key}'}]"))


def test_what_the_configuration_lets_in_decides(load_text: Load) -> None:
    """Other URLs where they are allowed, forwarding fields where there is a proxy to believe."""
    routes = 'routes: [{path: /x, upstream: a, headers: {X-Original-URL: "*", X-Forwarded-Proto: https}}]'
    load_text(text(routes, more="forwarded: {original_url: true}\ntrusted_proxies: [10.0.0.0/8]"))


def test_the_cookie_that_keeps_a_client_holds_no_token(complaints: Complaints) -> None:
    """Setting it would take the token from the browser."""
    jwt = "auth: {jwt: {default: {algorithms: [HS256], secret: a-secret-of-forty-octets-for-the-tests-only, %s}}}"
    upstreams = "upstreams: [{name: a, sticky: {cookie: at}, backends: [{url: 'http://127.0.0.1:9'}]}]\n"
    (line,) = complaints(upstreams + jwt % "from: 'cookie:at'")
    assert "upstreams[0].sticky.cookie: expected a cookie that holds no token" in line


def test_the_cookie_that_keeps_a_client_places_nobody(complaints: Complaints) -> None:
    """It is the gateway's own, and no backend gets it."""
    backends = "backends: [{url: 'http://127.0.0.1:9'}]"
    (line,) = complaints(
        f"upstreams: [{{name: a, strategy: consistent_hash, hash_on: 'cookie:gw', {backends}}}, "
        f"{{name: b, sticky: {{cookie: gw}}, {backends}}}]"
    )
    assert "upstreams[0].hash_on: expected a cookie that backends get as clients send it" in line


PLACED = """
upstreams: [{name: a, strategy: consistent_hash, hash_on: "%s", backends: [{url: "http://127.0.0.1:9"}]}]
auth: {introspection: {default: {url: "http://127.0.0.1:1/", from: ["header:X-Token", "cookie:t_k", "query:t_k"]}}}
routes: [{path: /x, upstream: a, %s}]
"""


@pytest.mark.parametrize(
    ("route", "hash_on", "found"),
    [
        ('headers: {X-Token: "*"}', "ip", "routes[0].headers.X-Token: expected a field"),
        ('headers: {x_token: "*"}', "ip", "routes[0].headers.x_token: expected a field"),
        ('query: {t_k: "*"}', "ip", "routes[0].query.t_k: expected a parameter"),
        ('query: {T.K: "*"}', "ip", "routes[0].query['T.K']: expected a parameter"),
        ("rate_limit: {limit: 1, scope: 'header:X-Token'}", "ip", "routes[0].rate_limit.scope: expected a field"),
        ("methods: [GET]", "header:X-Token", "upstreams[0].hash_on: expected a field"),
        ("methods: [GET]", "cookie:t_k", "upstreams[0].hash_on: expected a cookie"),
        ("auth: {type: introspection}", "cookie:t-k", "upstreams[0].hash_on: expected a cookie"),
    ],
)
def test_places_of_tokens_decide_nothing(complaints: Complaints, route: str, hash_on: str, found: str) -> None:
    """In the spellings that a backend may read as theirs; also where all have to show a token."""
    (line,) = complaints(PLACED % (hash_on, route))

    assert found in line
    assert line.endswith("it is where tokens are shown, which go no further here, and one token has many spellings")
