from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.schema import Settings

Load = Callable[..., Settings]


def test_the_defaults_are_those_of_the_contract() -> None:
    """What is in force without a file."""
    settings = Settings()

    assert [listener.endpoint for listener in settings.listeners] == ["tcp:8080"]
    assert settings.admin.endpoint == "tcp:9090:interface=127.0.0.1"
    assert settings.admin.token.get_secret_value() == ""
    assert not settings.admin.metrics_public
    assert settings.health_paths
    assert settings.listeners[0].http2
    assert settings.timeouts.model_dump() == {
        "request": 30, "client_header": 10, "client_body": 30, "client_idle": 75, "client_max_age": 0, "connect": 5,
        "shutdown_delay": 0, "shutdown": 30,
    }  # fmt: skip
    assert settings.limits.model_dump() == {
        "request_header": 32768, "header_fields": 200, "request_body": 10485760, "request_buffer": 65536,
        "response_header": 65536,
        "connections": 10000, "in_flight": 0, "queue": None, "loop_lag": 0, "memory": 0,
        "http2": {"concurrent_streams": 100, "resets": 200, "window": 30},
    }  # fmt: skip
    assert settings.forwarded.model_dump() == {
        "x_forwarded": True,
        "x_real_ip": True,
        "via": True,
        "forwarded": False,
        "original_url": False,
    }
    assert settings.metrics.buckets == (0.01, 0.05, 0.1, 0.25, 0.5, 1, 5, 10)
    assert settings.redis is None
    assert settings.auth is None


def test_what_an_upstream_has_by_default(load_text: Load) -> None:
    """And where its backends are."""
    upstream = load_text(
        "upstreams: [{name: a, backends: [{url: https://X}, {url: 'http://[::1]:81'}, {url: h2c://y}]}]"
    ).upstreams[0]

    assert (upstream.strategy, upstream.hash_on, upstream.slow_start) == ("round_robin", "ip", 0)
    assert upstream.pool.model_dump() == {
        "max_idle": 100, "max_connections": 1024, "idle_timeout": 60, "max_age": 0, "max_pending": 1000,
        "queue_timeout": 5, "max_streams": 100,
    }  # fmt: skip
    assert [(one.scheme, one.host, one.port, one.weight) for one in upstream.backends] == [
        ("https", "x", 443, 1), ("http", "::1", 81, 1), ("h2c", "y", 80, 1),
    ]  # fmt: skip


def test_blocks_that_are_turned_on_have_the_defaults_of_the_contract(load_text: Load) -> None:
    """`{}` is on."""
    settings = load_text(
        """\
        upstreams: [{name: a, backends: [], health_check: {}, passive_health: {}, circuit_breaker: {}}]
        routes: [{path: /, upstream: a, retry: {}, cors: {}}]
        """
    )
    (upstream,), (route,) = settings.upstreams, settings.routes

    assert upstream.health_check is not None
    assert upstream.health_check.model_dump() == {
        "type": "http", "path": "/health", "port": None, "headers": {}, "command": (), "service": "",
        "interval": 10, "timeout": 5, "unhealthy_threshold": 3,
        "healthy_threshold": 2, "expected_status": ((200, 399),), "expected_headers": {}, "expected_body": "",
    }  # fmt: skip
    assert upstream.passive_health is not None
    assert upstream.passive_health.model_dump() == {"failures": 5, "window": 30, "eject": 30, "max_ejected_percent": 50}
    assert upstream.circuit_breaker is not None
    assert upstream.circuit_breaker.model_dump() == {
        "failure_threshold": 5, "error_rate": {"ratio": 0.5, "window": 60, "min_requests": 20}, "timeout": 30,
        "half_open_requests": 1, "success_threshold": 1, "close_on": "either",
        "fallback": {"status": 503, "body": "", "content_type": "application/json", "upstream": None,
                     "cached": False, "max_stale": 86400, "cache_entry": 2**20, "cache_size": 2**24},
        "dry_run": False,
    }  # fmt: skip
    assert route.retry is not None
    assert route.retry.model_dump() == {
        "attempts": 2, "on": ("connect", "refused", "reset", 502, 503, 504), "backoff": 0.025, "max_backoff": 0.25,
        "budget": 0.2, "min_per_second": 3, "per_try_timeout": None, "idempotency_key": False, "buffer": 64 * 1024,
    }  # fmt: skip
    assert route.cors is not None
    assert route.cors.max_age == 600


@pytest.mark.parametrize(
    ("limit", "normal"),
    [
        ("{requests: 100, window: 60s}", (100, 60, ("ip",), "token_bucket")),
        ("{rate: 10/s}", (10, 1, ("ip",), "token_bucket")),
        ("{rate: 10/minute}", (10, 60, ("ip",), "token_bucket")),
        ("{rate: 7/2hour}", (7, 7200, ("ip",), "token_bucket")),
        ("{rate: 5/10m, scope: [ip, route]}", (5, 600, ("ip", "route"), "token_bucket")),
        ("{limit: 1, key: user}", (1, 60, ("user",), "token_bucket")),
    ],
)
def test_the_ways_of_writing_a_rate_limit_mean_one_thing(load_text: Load, limit: str, normal: tuple[Any, ...]) -> None:
    """C-05: one normal form."""
    settings = load_text(
        f"upstreams: [{{name: a, backends: []}}]\nroutes: [{{path: /, upstream: a, rate_limit: {limit}}}]"
    )
    (found,) = settings.routes[0].rate_limit

    assert (found.limit, found.window, found.scope, found.algorithm) == normal


def test_limits_by_endpoint_are_sliding_windows(load_text: Load) -> None:
    """C-04: unless they say otherwise; those by dimension are buckets."""
    limits = load_text(
        """\
        rate_limits:
          - {endpoint: /a/*, limit: 1}
          - {scope: user, limit: 1}
          - {dimension: user, limit: 1}
          - {endpoint: /b, limit: 1, algorithm: token_bucket}
        """
    ).rate_limits

    assert [limit.algorithm for limit in limits] == ["sliding_window", "sliding_window", "token_bucket", "token_bucket"]
    assert [limit.path for limit in limits] == ["/a/*", None, None, "/b"]


def test_several_ways_to_authenticate_have_one_form(load_text: Load) -> None:
    """Names or mappings, under `any_of` or under `type`."""
    text = """\
        auth: {jwt: {default: {public_key_file: k, audience: api}}, api_keys: {}}
        upstreams: [{name: a, backends: []}]
        routes:
          - {path: /1, upstream: a, auth: {any_of: [jwt, api_key]}}
          - {path: /2, upstream: a, auth: {type: {any_of: [{type: jwt}, api_key]}}}
        """
    settings = load_text(text)

    assert settings.routes[0].auth == settings.routes[1].auth
    assert settings.auth is not None
    assert settings.auth.jwt["default"].audience == ("api",)


@pytest.mark.parametrize(
    ("route", "upstreams"),
    [
        ("upstream: a", (("a", 1),)),
        ("service: a", (("a", 1),)),
        ("upstreams: a", (("a", 1),)),
        ("upstream: [a, b]", (("a", 1), ("b", 1))),
        ("upstreams: [{name: a, weight: 9}, {name: b}]", (("a", 9), ("b", 1))),
    ],
)
def test_a_route_has_upstreams_and_their_shares(load_text: Load, route: str, upstreams: object) -> None:
    """C-15: under all names, one or several."""
    text = f"upstreams: [{{name: a, backends: []}}, {{name: b, backends: []}}]\nroutes: [{{path: /, {route}}}]"

    assert load_text(text).routes[0].upstreams == upstreams


def test_routes_without_a_name_get_one(load_text: Load) -> None:
    """Host and path; with a number where that is taken, by a written name too."""
    settings = load_text(
        """\
        upstreams: [{name: a, backends: []}]
        routes:
          - {host: api.example.com, path: /users/*, upstream: a}
          - {path: /b, methods: [GET], upstream: a}
          - {path: /b, methods: [PUT], upstream: a}
          - {path: /c, upstream: a}
          - {name: /c, path: /d, upstream: a}
          - {name: , path: /e, upstream: a}
        """
    )

    assert [route.name for route in settings.routes] == ["api.example.com/users/*", "/b", "/b#2", "/c#2", "/c", "/e"]


@given(st.lists(st.tuples(st.sampled_from(["/a", "/b"]), st.sampled_from([None, "/a", "/a#2", "x"])), max_size=8))
def test_names_that_are_made_are_never_names_that_are_there(routes: list[tuple[str, str | None]]) -> None:
    """Whatever names were written."""
    written = [{"path": path, "upstream": "a", "name": name} for path, name in routes]
    settings = Settings.model_validate({"routes": written})

    made = [route.name for route, (_, name) in zip(settings.routes, routes, strict=True) if name is None]
    assert len(made) == len(set(made))
    assert not set(made) & {name for _, name in routes if name is not None}


@pytest.mark.parametrize(
    ("text", "enabled"),
    [("access_log: false", False), ("access_log: {enabled: false}", False), ("access_log:", True), ("{}", True)],
)
def test_the_access_log_can_be_turned_off(load_text: Load, text: str, enabled: bool) -> None:
    """In one word, too."""
    assert load_text(text).access_log.enabled is enabled


def test_what_the_access_log_takes(load_text: Load, tmp_path: Any) -> None:
    """A file beside the configuration, and a choice of fields."""
    log = load_text("access_log: {path: logs/access.json, fields: [status, path], redact_query: [token]}").access_log

    assert (log.path, log.fields, log.redact_query) == (f"{tmp_path}/logs/access.json", ("status", "path"), ("token",))


def test_a_level_may_be_called_warning(load_text: Load) -> None:
    """As Python's own is, and in capitals."""
    log = load_text("log: {level: WARNING, levels: {gateway.upstream: Debug, twisted: warning}}").log

    assert (log.level, log.levels) == ("warn", {"gateway.upstream": "debug", "twisted": "warn"})


def test_security_headers_are_a_word_or_a_mapping(load_text: Load) -> None:
    """In which null and false leave one out."""
    text = "upstreams: [{name: a, backends: []}]\nroutes: [{path: /, upstream: a, security_headers: %s}]"

    assert load_text(text % "true").routes[0].security_headers is True
    assert load_text(text % "{X-Frame-Options: DENY, Referrer-Policy: null, X: false}").routes[0].security_headers == {
        "X-Frame-Options": "DENY", "Referrer-Policy": None, "X": None,
    }  # fmt: skip


def test_statuses_are_single_ones_and_ranges(load_text: Load) -> None:
    """Both ends included."""
    text = "upstreams: [{name: a, backends: [], health_check: {expected_status: [204, 200-299, '301']}}]"
    check = load_text(text).upstreams[0].health_check

    assert check is not None
    assert check.expected_status == ((204, 204), (200, 299), (301, 301))


def test_a_script_needs_its_command(load_text: Load) -> None:
    """And gets it as it is."""
    text = "upstreams: [{name: a, backends: [], health_check: {type: script, command: [./check, -v]}}]"
    check = load_text(text).upstreams[0].health_check

    assert check is not None
    assert check.command == ("./check", "-v")


def test_a_breaker_may_group_what_trips_it(load_text: Load) -> None:
    """C-01: `trip` is another way of writing."""
    trip = "{consecutive_failures: 7, error_rate: {ratio: 0.1}}"
    text = f"upstreams: [{{name: a, backends: [], circuit_breaker: {{trip: {trip}}}}}]"
    breaker = load_text(text).upstreams[0].circuit_breaker

    assert breaker is not None
    assert (breaker.failure_threshold, breaker.error_rate.ratio) == (7, 0.1)


@pytest.mark.parametrize(
    ("trip", "expected"), [("{consecutive_failures: 3}", (3, 0.5)), ("{error_rate: {ratio: 1}}", (5, 1))]
)
def test_a_breaker_may_group_only_one_of_them(load_text: Load, trip: str, expected: tuple[int, float]) -> None:
    """The other keeps its default."""
    breaker = load_text(f"circuit_breaker: {{trip: {trip}}}").circuit_breaker

    assert breaker is not None
    assert (breaker.failure_threshold, breaker.error_rate.ratio) == expected


@pytest.mark.parametrize(
    ("route", "seconds"),
    [("", 10), ("timeout: 5", 10), ("timeout: 60", 60), ("request_timeout: 5s", 5), ("request_timeout: 0", 0)],
)
def test_how_long_an_exchange_of_a_route_may_take(load_text: Load, route: str, seconds: float) -> None:
    """What it says, else `timeouts.request`, which a `timeout` that is written and longer raises."""
    settings = load_text(
        f"""
        timeouts: {{request: 10}}
        upstreams: [{{name: a, backends: []}}]
        routes: [{{path: /, upstream: a, {route}}}]
        """
    )

    assert settings.routes[0].request_timeout == seconds
