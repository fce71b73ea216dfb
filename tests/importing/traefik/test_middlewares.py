"""Middlewares as keys of routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, plain

SOURCE = """
http:
  routers: {{app: {{rule: "PathPrefix(`/api`)", service: app, middlewares: {names}}}}}
  services: {{app: {{loadBalancer: {{servers: [{{url: "http://127.0.0.1:1"}}]}}}}}}
  middlewares: {{{middlewares}}}
"""


def made(middlewares: str, directory: Path, names: str = "[m]") -> tuple[dict[str, Any], Draft]:
    """Return the keys of the route beside those that it has anyway."""
    draft = imported("traefik", SOURCE.format(middlewares=middlewares, names=names), directory)
    route = plain(draft.routes)[0]
    return {key: value for key, value in route.items() if key not in ("name", "path", "upstream")}, draft


def changed(path: dict[str, Any]) -> dict[str, Any]:
    """Return a change of the path as keys of a route."""
    return {"transformations": {"request": {"path": path}}}


SHOWN = {"X-Frame-Options": "DENY", "Strict-Transport-Security": "max-age=60"}
LIMIT = {"limit": 5, "window": "1m", "burst": 1, "scope": "header:X-A"}
CORS = {"allowed_origins": ["https://a.example"], "allowed_methods": ["POST"], "allowed_headers": ["*"]}
REDIRECTED = {"redirect": {"scheme": "https", "port": 8443, "status": 308}}
FORWARD = "m: {forwardAuth: {address: 'http://10.0.0.9/verify', authResponseHeaders: [Remote-User]}}"


@pytest.mark.parametrize(
    ("middleware", "keys"),
    [
        ("addPrefix: {prefix: /v2}", changed({"add_prefix": "/v2"})),
        ("replacePath: {path: /x}", changed({"replace": {"pattern": "^.*$", "with": "/x"}})),
        ("stripPrefixRegex: {regex: ['/[a-z]+']}", changed({"replace": {"pattern": "^(?:/[a-z]+)", "with": ""}})),
        ("redirectScheme: {scheme: https}", {"redirect": {"scheme": "https", "status": 307}}),
        ("redirectScheme: {scheme: https, port: '8443', permanent: true}", REDIRECTED),
        ("rateLimit: {average: 5, period: 1m, sourceCriterion: {requestHeaderName: X-A}}", {"rate_limit": LIMIT}),
        ("inFlightReq: {amount: 7}", {"in_flight": 7}),
        ("ipWhiteList: {sourceRange: [10.0.0.1/8]}", {"ip_allow": ["10.0.0.0/8"]}),
        ("retry: {attempts: 1}", {}),
        ("compress: {minResponseBodyBytes: 500}", {"compression": {"min_size": 500}}),
        ("buffering: {maxRequestBodyBytes: 9}", {"request_body": 9}),
        ("grpcWeb: {allowOrigins: ['https://a.example']}", {"grpc_web": True, "cors": CORS}),
        ("headers: {stsSeconds: 60, frameDeny: true}", {"transformations": {"response": {"set_headers": SHOWN}}}),
        ("headers: {accessControlAllowOriginList: ['*']}", {"cors": {"allowed_origins": ["*"]}}),
    ],
)  # fmt: skip
def test_one(middleware: str, keys: dict[str, Any], tmp_path: Path) -> None:
    """Each that has a counterpart."""
    found, draft = made(f"m: {{{middleware}}}", tmp_path)

    assert found == keys
    assert [what for _, what in left(draft) if what != "http.services.app"] == []


def test_a_chain_in_its_order(tmp_path: Path) -> None:
    """Changes of the path that stand in another order than ours are told."""
    chained = "m: {chain: {middlewares: [b, a]}}, a: {stripPrefix: {prefixes: [/api]}}, b: {addPrefix: {prefix: /v2}}"
    found, draft = made(chained, tmp_path)

    assert found["transformations"]["request"]["path"] == {"add_prefix": "/v2"}
    assert [what for _, what in left(draft)] == ["http.middlewares.a.stripPrefix"]


def test_a_prefix_that_is_taken_away(tmp_path: Path) -> None:
    """The backend is told it, as Traefik does; of several, the one that the path begins with."""
    found, _ = made("m: {stripPrefix: {prefixes: [/api, /other]}}", tmp_path)

    assert found["transformations"]["request"] == {
        "path": {"strip_prefix": "/api"},
        "set_headers": {"X-Forwarded-Prefix": "/api"},
    }


def test_another_authority(tmp_path: Path) -> None:
    """Who is asked is named at top level."""
    found, draft = made(FORWARD, tmp_path)

    assert found == {"auth": {"type": "forward"}}
    assert draft.top["auth"]["forward"] == {
        "default": {"url": "http://10.0.0.9/verify", "response_headers": ["Remote-User"]}
    }


@pytest.mark.parametrize(
    "middleware",
    ["digestAuth: {users: ['a:b:c']}", "basicAuth: {users: ['a:b']}", "ipAllowList: {sourceRange: [x]}"],
)
def test_what_protects_and_cannot_be_carried_over(middleware: str, tmp_path: Path) -> None:
    """The route lets nobody in, rather than everybody."""
    found, draft = made(f"m: {{{middleware}}}", tmp_path)

    assert found == {"ip_deny": ["0.0.0.0/0", "::/0"]}
    assert len(left(draft)) == 1


def test_a_breaker_is_of_the_upstream(tmp_path: Path) -> None:
    """By the share of failures; other expressions are told."""
    _, draft = made("m: {circuitBreaker: {expression: 'NetworkErrorRatio() > 0.5', fallbackDuration: 3s}}", tmp_path)
    _, other = made("m: {circuitBreaker: {expression: 'LatencyAtQuantileMS(50.0) > 100'}}", tmp_path)

    assert plain(draft.upstreams)[0]["circuit_breaker"] == {
        "error_rate": {"ratio": 0.5, "window": "10s"},
        "timeout": "3s",
    }
    assert [what for _, what in left(other)] == ["http.middlewares.m.circuitBreaker"]


def test_one_that_is_not_there(tmp_path: Path) -> None:
    """It is told at the router."""
    _, draft = made("m: {}", tmp_path, "[elsewhere@docker]")

    assert ("http.routers.app.middlewares") in [what for _, what in left(draft)]


@pytest.mark.parametrize(
    ("middlewares", "names"),
    [
        ("m: {plugin: {our-auth: {a: b}}}", "[m]"),
        ("m: {fancyAuth: {a: b}}", "[m]"),
        ("m: {basicauth: {users: ['a:b']}}", "[m]"),
        ("m: {chain: {middlewares: [auth@docker]}}", "[m]"),
        ("m: {addPrefix: {prefix: /v2}}", "[m, auth@docker]"),
        ("m: {ipAllowList: {sourceRange: [10.0.0.0/8]}}, n: {ipAllowList: {sourceRange: [192.0.2.0/24]}}", "[m, n]"),
        ("m: {ipAllowList: {sourceRange: [10.0.0.0/8, true]}}", "[m]"),
    ],
)
def test_what_may_protect_and_is_not_known_closes_the_route(middlewares: str, names: str, tmp_path: Path) -> None:
    """Also a middleware that is in no file, and lists of addresses that have none in common."""
    keys, draft = made(middlewares, tmp_path, names)

    assert keys["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert left(draft)


def test_a_middleware_that_protects_nothing_leaves_the_route_open(tmp_path: Path) -> None:
    """It is listed."""
    keys, draft = made("m: {errors: {status: ['500-599'], service: app, query: /e}}", tmp_path)

    assert keys == {}
    assert left(draft)


def test_each_way_of_showing_who_calls_is_asked_for(tmp_path: Path) -> None:
    """And each list of addresses holds, as in Traefik."""
    basic = "n: {basicAuth: {usersFile: users}}, o: {ipAllowList: {sourceRange: [10.0.0.0/8]}}"
    addresses = "p: {ipAllowList: {sourceRange: [10.1.0.0/16, 192.0.2.1]}}"
    keys, _ = made(f"{FORWARD}, {basic}, {addresses}", tmp_path, "[m, n, o, p]")

    assert keys == {"auth": {"all_of": [{"type": "forward"}, {"type": "basic"}]}, "ip_allow": ["10.1.0.0/16"]}
