from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigError, load, load_with_doubts

BEARER_KEYS = {
    "jwt": {"default": {"algorithms": ["HS256"], "secret": "a-secret-of-forty-octets-for-the-tests-only"}},
    "api_keys": {"header": "Authorization", "scheme": "Bearer", "query": None},
}
CORS: dict[str, Any] = {"allowed_origins": ["*"]}
API: dict[str, Any] = {"name": "api", "backends": [{"url": "http://127.0.0.1:9001"}]}


def doubts(directory: Path, route: dict[str, Any] | None = None, upstream: Any = None, **settings: Any) -> list[str]:
    """What is doubtful of a configuration with one route to one upstream; keys and words."""
    file = directory / "g.json"
    routes = [{"path": "/", "upstream": "api", **(route or {})}]
    file.write_text(json.dumps({"upstreams": [{**API, **(upstream or {})}], "routes": routes, **settings}, indent=1))
    return [f"{doubt.path}: {doubt.message}" for doubt in load_with_doubts(file, {})[1]]


@pytest.mark.parametrize(
    ("route", "settings", "said"),
    [
        ({"timeout": 60, "request_timeout": 30}, {}, "timeout: it is never reached: `request_timeout` ends"),
        ({"request_timeout": 60}, {}, "request_timeout: the backend's answer is given up after 30s"),
        ({"timeout": 2}, {"timeouts": {"connect": 3}}, "timeout: a connection may take longer"),
        ({"timeout": 2, "retry": {"per_try_timeout": 2}}, {}, "retry.per_try_timeout: it leaves no time"),
        ({"retry": {"backoff": "1s"}}, {}, "retry.backoff: no wait is so long: `max_backoff` is 250ms"),
        ({"timeout": 1, "retry": {"backoff": 1, "max_backoff": 1}}, {}, "retry.backoff: there is no second try"),
        ({"timeout": 1, "hedge": {"min_delay": 1}}, {}, "hedge.min_delay: there is no second attempt"),
        ({"in_flight": 1, "queue": {"timeout": "1m"}}, {}, "queue.timeout: nobody waits so long"),
        ({"queue": {}}, {}, "queue: nobody waits in it: the route's `in_flight` is 0"),
        ({"rate_limit_queue": {}}, {}, "rate_limit_queue: nobody waits in it: there is no `rate_limit`"),
        ({"rate_limit": {"rate": "1/s", "scope": "user"}}, {}, "rate_limit[0].scope: `user` is unknown"),
        ({"rate_limit": [{"rate": "1/s", "scope": ["ip", "claim:t"]}]}, {}, "rate_limit[0].scope: `claim:t` is"),
        ({"rate_limit": {"rate": "1/s", "tiers": {"claim.t=a": 2}}}, {}, "rate_limit[0].tiers['claim.t=a']: nobody is"),
        ({"rate_limit": {"rate": "1/s", "tiers": {"key=a": 2}}}, {}, "rate_limit[0].tiers['key=a']: nobody is on it"),
        ({"rate_limit": {"rate": "1/s", "tiers": {"role=a": 2}}}, {}, "rate_limit[0].tiers['role=a']: nobody is on it"),
        ({"rate_limit": {"rate": "1/s", "tiers": {"header.T=a": 0}}}, {}, "rate_limit[0].tiers['header.T=a']: whoever"),
        ({"rate_limit": {"rate": "1/s", "tiers": {"header.T=a": 2}}}, {}, "rate_limit[0].tiers['header.T=a']: whoever"),
        ({"rate_limit": {"rate": "1/s", "except": ["10.0.0.0/8", "::/0"]}}, {}, "rate_limit[0].except: it has all"),
        ({"auth": {"all_of": ["jwt", "api_key"]}}, {"auth": BEARER_KEYS}, "auth.all_of: nobody gets in"),
        ({"split_on": "ip"}, {}, "split_on: nobody is split: there is one `upstream` only"),
        ({"mirror": {"upstream": "api"}}, {}, "mirror.upstream: its backends get these requests twice"),
        ({"grpc_web": True}, {}, "grpc_web: no call goes through: gRPC needs a backend of HTTP/2"),
        ({"cors": {}}, {}, "cors: no page of another origin may call: `allowed_origins` is empty"),
        ({"methods": ["PUT"], "cors": CORS}, {}, "cors: no page may call: the route takes PUT only"),
        ({"methods": ["GET"], "cors": CORS | {"allowed_methods": ["GET", "PUT"]}}, {}, "cors.allowed_methods: the ro"),
        ({"cache": {"max_entry": "2MiB"}}, {"cache": {"size": "1MiB"}}, "cache.max_entry: no content so long is kept:"),
        ({"cache": {}}, {"cache": {"size": 0}}, "cache: no content so long is kept: `cache.size` is 0"),
        ({"cache": {}, "methods": ["PUT"]}, {}, "cache: nothing is kept: the route takes PUT only"),
        ({"cache": {"vary": ["*"]}}, {}, "cache.vary: no request has a field `*`"),
        ({"cache": {"tags": "Content-Type"}}, {}, "cache.tags: answers lose the field `Content-Type`"),
    ],
)  # fmt: skip
def test_what_a_route_says_in_vain(tmp_path: Path, route: dict[str, Any], settings: Any, said: str) -> None:
    """Two bounds of which one makes the other say nothing, and what nobody asks about."""
    (found,) = doubts(tmp_path, route, **settings)

    assert found.startswith(f"routes[0].{said}")


def test_a_split_by_who_is_calling(tmp_path: Path) -> None:
    """Where nobody is asked."""
    file = tmp_path / "g.json"
    route = {"path": "/", "upstream": ["api", "new"], "split_on": "user"}
    file.write_text(json.dumps({"upstreams": [API, API | {"name": "new"}], "routes": [route]}))
    (found,) = load_with_doubts(file, {})[1]
    assert (found.path, found.message[:27]) == ("routes[0].split_on", "nobody keeps to one: the ro")


def test_calls_of_pages_that_do_not_come_through(tmp_path: Path) -> None:
    """They are made with POST."""
    backends = {"backends": [{"url": "h2c://127.0.0.1:9001"}]}
    (found,) = doubts(tmp_path, {"grpc_web": True, "methods": ["GET"]}, backends)

    assert found.startswith("routes[0].grpc_web: no call comes through")
    assert doubts(tmp_path, {"grpc_web": True, "methods": ["POST"]}, backends) == []


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        ({"health_check": {"interval": 1}}, "health_check.interval: a check may take 5s, longer than"),
        ({"health_check": {"timeout": "1m"}}, "health_check.timeout: a check may take 1m"),
        ({"hash_on": "path"}, "hash_on: nobody asks for it"),
        ({"slow_start": 5}, "slow_start: no backend ever recovers"),
        ({"slow_start": 5, "strategy": "ip_hash", "health_check": {}}, "slow_start: it has no effect"),
        ({"queue": {}}, "queue: nobody waits in it"),
        ({"backends": [{"url": "http://a.example"}], "tls": {"verify": False}}, "tls: no backend is asked for TLS"),
        ({"backends": [{"url": "unix:/run/a"}], "tls": {"server_name": "a"}}, "tls: no backend is asked for TLS"),
        (
            {"backends": [{"url": "https://a.example"}], "host_header": "backend", "tls": {"server_name": "b.example"}},
            "tls.server_name: `Host` is `a.example`",
        ),
        (
            {"backends": [{"url": "http://a.example/b"}], "health_check": {"path": "/b/health"}},
            "health_check.path: it goes below the base path: /b/b/health is",
        ),
        ({"pool": {"queue_timeout": "30s"}}, "pool.queue_timeout: nobody waits so long: no route to it waits"),
        ({"pool": {"queue_timeout": 1, "max_pending": 0}}, "pool.queue_timeout: nobody waits: `max_pending` is 0"),
        ({"strategy": "consistent_hash", "hash_on": "claim:tenant"}, "hash_on: there are no claims"),
        ({"circuit_breaker": {"close_on": "health_check"}}, "circuit_breaker.close_on: nothing checks health"),
        ({"circuit_breaker": {"timeout": 5}, "passive_health": {}}, "circuit_breaker.timeout: no probe is made"),
        (
            {"circuit_breaker": {"timeout": "1m", "fallback": {"cached": True, "max_stale": "30s"}}},
            "circuit_breaker.fallback.max_stale: what was kept may be too old before the breaker's `timeout`, 1m",
        ),
        (
            {"circuit_breaker": {"fallback": {"cached": True, "cache_size": "1KiB"}}},
            "circuit_breaker.fallback.cache_size: no content so long is kept",
        ),
        ({"strategy": "ip_hash", "backends": [{"url": "http://a", "weight": 2}]}, "backends[0].weight: ip_hash"),
    ],
)  # fmt: skip
def test_what_an_upstream_says_in_vain(tmp_path: Path, upstream: dict[str, Any], said: str) -> None:
    """Likewise."""
    (found,) = doubts(tmp_path, upstream=upstream)

    assert found.startswith(f"upstreams[0].{said}")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"limits": {"request_buffer": "1MiB", "request_body": "1KiB"}}, "limits.request_buffer: nothing is longer"),
        ({"limits": {"queue": {}}}, "limits.queue: nobody waits in it"),
        ({"access_log": {"format": "common", "fields": ["path"]}}, "access_log.fields: only `format: json` asks"),
        ({"rate_limits": [{"scope": "user", "limit": 1}]}, "rate_limits[0].scope: `user` is unknown: no route asks"),
        (
            {"rate_limits": [{"limit": 1, "tiers": {"user=a": 2}}]},
            "rate_limits[0].tiers['user=a']: nobody is on it: no",
        ),
        (
            {"access_log": False, "log_shipping": {"url": "http://a/x"}},
            "log_shipping.what: there is no access log (`access_log.enabled`), and so nothing of it to send",
        ),
        (
            {"access_log": {"format": "common"}, "log_shipping": {"url": "http://a/_bulk", "format": "elasticsearch"}},
            "log_shipping.format: elasticsearch takes JSON, and `access_log.format` is something else",
        ),
        (
            {"access_log": {"format": "common", "schema": "ecs"}},
            "access_log.schema: only `format: json` has names for its fields",
        ),
    ],
)
def test_what_is_said_for_all_in_vain(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    """Likewise."""
    (found,) = doubts(tmp_path, **settings)

    assert found.startswith(said)


@pytest.mark.parametrize(
    "route",
    [
        {},
        {"timeout": 60},
        {"timeout": 2},
        {"request_timeout": 0},
        {"timeout": 60, "request_timeout": 90},
        {"retry": {}, "hedge": {}},
        {"rate_limit": {"rate": "1/s", "scope": "ip"}},
        {"rate_limit": {"rate": "5/s", "tiers": {"header.X-Batch=1": 1}, "except": ["10.0.0.0/8"]}},
    ],
)
def test_what_does_what_it_says_is_not_doubted(tmp_path: Path, route: dict[str, Any]) -> None:
    """Nor is a default that is never reached."""
    assert doubts(tmp_path, route) == []


AUTH = {
    "jwt": {"default": {"jwks_url": "https://id.example.com/keys", "jwks_timeout": "40s"}},
    "introspection": {"default": {"url": "https://id.example.com/ask"}},
    "api_keys": {"keys": [{"id": "a", "hash": "sha256:" + "0" * 64}]},
}


@pytest.mark.parametrize(
    ("auth", "route", "said"),
    [
        (
            {"jwt": AUTH["jwt"]},
            {"auth": {"type": "jwt"}},
            "auth.jwt.default.jwks_timeout: nobody waits so long: no exchange that asks takes more than 30s",
        ),
        (
            {"introspection": AUTH["introspection"]},
            {"timeout": 1, "request_timeout": 2, "auth": {"type": "introspection"}},
            "routes[0].request_timeout: an exchange may end before its authority answers: `auth.introspection.default`",
        ),
        (
            {"api_keys": AUTH["api_keys"]},
            {"auth": {"type": "api_key"}, "rate_limit": {"rate": "1/s", "scope": "claim:tenant"}},
            "routes[0].rate_limit[0].scope: `claim:tenant` is unknown: the route does not ask for a token",
        ),
        (
            {"introspection": AUTH["introspection"]},
            {"auth": {"type": "introspection"}, "rate_limit": {"rate": "1/s", "scope": "api_key"}},
            "routes[0].rate_limit[0].scope: `api_key` is unknown: the route does not ask for one",
        ),
    ],
)
def test_who_is_calling_is_not_told_in_time_or_not_in_this_way(
    tmp_path: Path, auth: dict[str, Any], route: dict[str, Any], said: str
) -> None:
    """Authorities that have more time than the exchanges that ask, and what a credential of another kind would say."""
    (found,) = doubts(tmp_path, route, auth=auth)

    assert found.startswith(said)


@pytest.mark.parametrize(
    ("upstream", "route"),
    [
        ({"pool": {"queue_timeout": "20s"}}, {}),
        ({"pool": {"queue_timeout": "40s"}}, {"timeout": 60}),
        ({"strategy": "consistent_hash", "hash_on": "claim:tenant"}, {"auth": {"type": "introspection"}}),
        ({"circuit_breaker": {"close_on": "health_check"}, "health_check": {}}, {}),
        ({"circuit_breaker": {"timeout": 5}, "passive_health": {"failures": 9}}, {}),
        ({"circuit_breaker": {"timeout": "40s"}, "passive_health": {}}, {}),
        ({"circuit_breaker": {"fallback": {"cached": True, "max_stale": "30s"}}}, {}),
        ({"backends": [{"url": "https://a.example/v2"}]}, {"path": ["/v2/*", "/v1/*"]}),
        (
            {
                "backends": [{"url": "https://10.0.0.1"}],
                "host_header": "b.example:8443",
                "tls": {"server_name": "B.example"},
            },
            {},
        ),
        ({"backends": [{"url": "https://a.example"}], "tls": {"server_name": "b.example"}}, {}),
    ],
)
def test_an_upstream_that_does_what_it_says_is_not_doubted(
    tmp_path: Path, upstream: dict[str, Any], route: dict[str, Any]
) -> None:
    """One route that waits long enough, or asks for tokens, is enough."""
    auth = {"introspection": AUTH["introspection"]}

    assert doubts(tmp_path, route, upstream, auth=auth) == []


def test_a_base_that_the_paths_of_all_routes_have_already(tmp_path: Path) -> None:
    """It is put before whole paths; nginx takes it for what stands in the place of the route's."""
    backends = [{"url": "http://a.example"}, {"url": "http://a.example/v2"}]

    (found,) = doubts(tmp_path, {"path": ["/v2/*", "/v2"]}, {"backends": backends})

    assert found.startswith("upstreams[0].backends[1].url: requests go below it with their whole path: /v2/v2/…")


def test_a_breaker_for_all_is_doubted_once_where_it_stands(tmp_path: Path) -> None:
    """It is for the upstreams without one of their own."""
    checked = {**API, "name": "checked", "health_check": {}}

    assert doubts(tmp_path, circuit_breaker={"close_on": "health_check"}) == [
        "circuit_breaker.close_on: nothing checks health (`health_check`): it is `timeout` that ends the open state"
    ]
    assert doubts(tmp_path, circuit_breaker={"close_on": "health_check"}, upstreams=[API, checked]) == []


def test_routes_that_come_by_way_of_a_fallback_count(tmp_path: Path) -> None:
    """They wait at the other upstream too."""
    other = {**API, "name": "other", "pool": {"queue_timeout": "40s"}}
    failing = {**API, "circuit_breaker": {"fallback": {"upstream": "other"}}}
    routes = [{"path": "/a", "upstream": "api", "timeout": 60}, {"path": "/b", "upstream": "other"}]

    assert doubts(tmp_path, upstreams=[failing, other], routes=routes) == []


def test_a_scope_is_known_where_the_route_asks(tmp_path: Path) -> None:
    """Whoever it is."""
    auth = {"api_keys": {"keys": [{"id": "a", "hash": "sha256:" + "0" * 64}]}}
    route = {"auth": {"type": "api_key"}, "rate_limit": {"rate": "1/s", "scope": "user"}}

    assert doubts(tmp_path, route, auth=auth, rate_limits=[{"scope": "user", "limit": 1}]) == []


def test_a_doubt_has_its_place(tmp_path: Path) -> None:
    """That of the value; of what is not there, that of what it would stand in."""
    (tmp_path / "g.yaml").write_text(
        "upstreams: [{name: a, backends: []}]\n"
        "routes:\n- path: /\n  upstream: a\n  timeout: 60s\n  request_timeout: 3s\n"
    )
    (doubt,) = load_with_doubts(tmp_path / "g.yaml", {})[1]
    assert str(doubt).startswith(f"{tmp_path}/g.yaml:5:3: routes[0].timeout: it is never reached")

    (tmp_path / "g.yaml").write_text("timeouts: {}\n")
    (doubt,) = load_with_doubts(tmp_path / "g.yaml", {})[1]
    assert str(doubt) == f"{tmp_path}/g.yaml:1:1: routes: there are none: every request is answered with 404"


def test_where_it_is_strict_a_doubt_is_an_error(tmp_path: Path) -> None:
    """For a start as for `gateway check`."""
    (tmp_path / "g.yaml").write_text("strict: true\n")

    with pytest.raises(ConfigError, match="routes: there are none"):
        load(tmp_path / "g.yaml", {})


SECRET = {"secret": "a-secret-of-all-instances"}
SAFE: dict[str, Any] = {**SECRET, "secure": False}


@pytest.mark.parametrize(
    ("sticky", "more", "said"),
    [
        ({"secure": False}, {}, "sticky: without `secret` whoever guesses a backend's URL"),
        ({**SAFE, "secret": "short"}, {}, "sticky.secret: it has fewer than 16 octets"),
        (SECRET, {}, "sticky: no listener has TLS, and no `trusted_proxies` say that a proxy has"),
        (SAFE, {"strategy": "ip_hash"}, "sticky: what ip_hash goes by decides for new clients only"),
    ],
)
def test_what_a_cookie_does_not_do(tmp_path: Path, sticky: Any, more: Any, said: str) -> None:
    """Browsers that do not keep it, and people who read it."""
    (found,) = doubts(tmp_path, upstream={"sticky": sticky, **more})

    assert found.startswith(f"upstreams[0].{said}")


def test_a_hedge_moves_clients(tmp_path: Path) -> None:
    """The second attempt goes to another backend."""
    (found,) = doubts(tmp_path, {"name": "r", "hedge": {}}, {"sticky": SAFE})

    assert found.endswith("(`hedge` of r)")


@pytest.mark.parametrize(
    ("hosts", "cookies", "doubted"),
    [
        ((None, None), ("gw", "gw"), True),
        (("a.example", None), ("gw", "gw"), True),
        (("a.example", "*.example"), ("gw", "gw"), True),
        (("a.example", "a.example"), ("gw", "gw"), True),
        (("a.example", "b.example"), ("gw", "gw"), False),
        ((None, None), ("gw", "other"), False),
    ],
)
def test_two_cookies_of_one_name_meet_in_a_browser(tmp_path: Path, hosts: Any, cookies: Any, doubted: bool) -> None:
    """Where the same client comes to both upstreams."""
    file = tmp_path / "g.json"
    bound = [API | {"sticky": {**SAFE, "cookie": cookie}} for cookie in cookies]
    upstreams = [one | {"name": name} for name, one in zip("ab", bound, strict=True)]
    routes = [{"host": host, "path": f"/{name}/*", "upstream": name} for name, host in zip("ab", hosts, strict=True)]
    file.write_text(json.dumps({"upstreams": upstreams, "routes": routes}))
    found = load_with_doubts(file, {})[1]

    assert [doubt.path for doubt in found] == (["upstreams[1].sticky.cookie"] if doubted else [])


def test_a_cookie_behind_tls_is_kept(tmp_path: Path) -> None:
    """The proxy in front has it, and is trusted."""
    assert doubts(tmp_path, upstream={"sticky": SECRET}, trusted_proxies=["10.0.0.1"]) == []


def group(*backups: bool) -> list[dict[str, Any]]:
    """Backends, some of which are backups."""
    return [{"url": f"http://127.0.0.1:{number}", "backup": backup} for number, backup in enumerate(backups, 9001)]


@pytest.mark.parametrize(
    ("backends", "more", "said"),
    [
        (group(True, True), {}, "backends[0].backup: all backends are backups"),
        (group(False, True), {}, "backends[1].backup: it is never asked: nothing takes the others out"),
        (
            group(False, False, True),
            {"passive_health": {"max_ejected_percent": 0}},
            "backends[2].backup: it is never asked: nothing takes the others out (`passive_health.max_ejected_percent`",
        ),
    ],
)
def test_backups_that_nothing_leads_to(tmp_path: Path, backends: Any, more: dict[str, Any], said: str) -> None:
    """Since nothing says that the others are out."""
    (found,) = doubts(tmp_path, upstream={"backends": backends, **more})

    assert found.startswith(f"upstreams[0].{said}")


@pytest.mark.parametrize(
    ("upstream", "route"),
    [
        ({"backends": group(False, True), "health_check": {}}, {}),
        ({"backends": group(False, True), "circuit_breaker": {}}, {}),
        ({"backends": group(False, True), "passive_health": {}}, {}),
        ({"backends": group(False, False, True), "passive_health": {}}, {}),
        ({"backends": group(False, False, True)}, {"retry": {"attempts": 2}}),
    ],
)
def test_backups_that_something_leads_to(tmp_path: Path, upstream: dict[str, Any], route: dict[str, Any]) -> None:
    """Checks, breakers, ejections or retries."""
    assert doubts(tmp_path, route, upstream) == []


@pytest.mark.parametrize(
    ("route", "settings", "said"),
    [
        ({"rate_limit": {"limit": 1, "dry_run": True}}, {}, "routes[0].rate_limit[0].dry_run: it protects nothing"),
        ({"ip_deny": ["10.0.0.1"], "ip_dry_run": True}, {}, "routes[0].ip_dry_run: it protects nothing"),
        ({"ip_dry_run": True}, {}, "routes[0].ip_dry_run: it watches nothing"),
        ({"cors": CORS | {"dry_run": True}}, {}, "routes[0].cors.dry_run: it protects nothing"),
        ({}, {"ip_dry_run": True}, "ip_dry_run: it watches nothing"),
        ({}, {"ip_allow": ["10.0.0.1"], "ip_dry_run": True}, "ip_dry_run: it protects nothing"),
        ({}, {"circuit_breaker": {"dry_run": True}}, "circuit_breaker.dry_run: it protects nothing"),
        ({}, {"rate_limits": [{"limit": 1, "dry_run": True}]}, "rate_limits[0].dry_run: it protects nothing"),
        ({}, {"dry_run_header": True}, "dry_run_header: it tells nothing"),
        ({"dry_run_header": True}, {}, "routes[0].dry_run_header: it tells nothing"),
        (
            {"auth": {"type": "jwt", "dry_run": True}},
            {"auth": {"jwt": BEARER_KEYS["jwt"]}},
            "routes[0].auth.dry_run: it",
        ),
    ],
)
def test_a_rule_in_dry_run_protects_nothing(tmp_path: Path, route: dict[str, Any], settings: Any, said: str) -> None:
    """So that none is forgotten; `strict: true` refuses to start with one."""
    (found,) = doubts(tmp_path, route, **settings)

    assert found.startswith(said)


def test_a_breaker_of_an_upstream_in_dry_run_protects_nothing(tmp_path: Path) -> None:
    """Likewise."""
    (found,) = doubts(tmp_path, upstream={"circuit_breaker": {"dry_run": True}})

    assert found.startswith("upstreams[0].circuit_breaker.dry_run: it protects nothing")
