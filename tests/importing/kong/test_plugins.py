"""Kong's plugins as keys of a route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, plain, routes


def plugged(plugin: str, directory: Path, more: str = "") -> Draft:
    """Import a route with a plugin."""
    text = '_format_version: "3.0"\nservices:\n- name: a\n  url: http://a\n  routes: [{name: r, paths: [/o]}]\n'
    return imported("kong", f"{text}  plugins:\n  - {plugin}\n{more}", directory)


def key(plugin: str, name: str, directory: Path) -> Any:
    """Return a key of the route with a plugin."""
    return routes(plugged(plugin, directory))["r"][name]


@pytest.mark.parametrize(
    ("plugin", "name", "value"),
    [
        (
            "{name: rate-limiting, config: {second: 5, hour: 100, limit_by: ip}}",
            "rate_limit",
            [
                {"limit": 5, "window": "1s", "scope": "ip", "algorithm": "sliding_window"},
                {"limit": 100, "window": "1h", "scope": "ip", "algorithm": "sliding_window"},
            ],
        ),
        (
            "{name: rate-limiting, config: {minute: 5, limit_by: header, header_name: X-T}}",
            "rate_limit",
            {"limit": 5, "window": "1m", "scope": "header:X-T", "algorithm": "sliding_window"},
        ),
        (
            "{name: cors, config: {credentials: true, origins: ['*']}}",
            "cors",
            {"allowed_origins": ["*"], "allowed_methods": ["*"], "allowed_headers": ["*"]},
        ),
        ("{name: ip-restriction, config: {deny: [10.1.2.3/8, 192.0.2.7]}}", "ip_deny", ["10.0.0.0/8", "192.0.2.7"]),
        ("{name: request-size-limiting, config: {allowed_payload_size: 4, size_unit: bytes}}", "request_body", 4),
        ("{name: request-size-limiting}", "request_body", "128MiB"),
        ("{name: proxy-cache, config: {strategy: memory, cache_control: true}}", "cache", {"ttl": "5m"}),
        (
            "{name: request-termination, config: {status_code: 403, message: no}}",
            "respond",
            {"status": 403, "body": '{"message": "no"}', "content_type": "application/json; charset=utf-8"},
        ),
    ],
)  # fmt: skip
def test_what_a_plugin_becomes(tmp_path: Path, plugin: str, name: str, value: object) -> None:
    """With Kong's defaults where the plugin says nothing."""
    assert key(plugin, name, tmp_path) == value


def test_what_is_answered_by_the_gateway_goes_nowhere(tmp_path: Path) -> None:
    """And its test expects what is answered."""
    draft = plugged("{name: request-termination, config: {status_code: 410, body: gone}}", tmp_path)

    assert set(routes(draft)["r"]) == {"name", "path", "respond"}
    assert draft.tests[0].data["expect"] == {"status": 410, "route": "r", "body": "gone"}


@pytest.mark.parametrize(
    ("plugin", "what"),
    [
        ("{name: bot-detection, config: {deny: [x]}}", "plugins[0]"),
        ("{name: own-plugin}", "plugins[0]"),
        (
            "{name: request-size-limiting, config: {allowed_payload_size: 0}}",
            "plugins[0].config.allowed_payload_size",
        ),
        ("{name: cors, config: {credentials: true}}", "plugins[0].config.credentials"),
        ("{name: cors, config: {origins: ['^https://.*[.]a$']}}", "plugins[0].config.origins[0]"),
        ("{name: rate-limiting, config: {minute: 1, limit_by: path}}", "plugins[0].config.limit_by"),
        ("{name: http-log, config: {http_endpoint: 'http://l'}}", "plugins[0]"),
    ],
)
def test_what_a_plugin_cannot_become_is_listed(tmp_path: Path, plugin: str, what: str) -> None:
    """With its line."""
    assert (7, f"services[0].{what}") in left(plugged(plugin, tmp_path))


@pytest.mark.parametrize(
    "plugin", ["hmac-auth", "ldap-auth", "openid-connect", "oauth2", "key-auth-enc", "our-own-auth"]
)
def test_protection_that_cannot_be_carried_over_closes_the_route(tmp_path: Path, plugin: str) -> None:
    """Nobody gets in until somebody has written it, and the test says so."""
    draft = plugged(f"{{name: {plugin}, config: {{}}}}", tmp_path)

    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert (7, "services[0].plugins[0]") in left(draft)
    assert draft.tests[0].data["expect"] == {"status": 403}


def test_logs_are_the_gateways(tmp_path: Path) -> None:
    """Where the plugin is for all; what a log's server is shown is a secret."""
    logs = "plugins:\n- {name: file-log, config: {path: /l}}\n"
    logs += "- {name: http-log, config: {http_endpoint: 'https://logs.example/in', headers: {authorization: t}}}\n"
    draft = plugged("{name: cors}", tmp_path, logs)

    assert draft.top["access_log"] == {"path": "/l"}
    assert plain(draft.top["log_shipping"]) == {
        "url": "https://logs.example/in", "headers": {"authorization": "${LOG_AUTHORIZATION}"},
    }  # fmt: skip


def test_limits_that_instances_share(tmp_path: Path) -> None:
    """By Redis, whose password is a secret."""
    redis = "redis: {host: cache, port: 6380, password: p, database: 2}"
    draft = plugged(
        f"{{name: rate-limiting, config: {{minute: 5, policy: redis, fault_tolerant: false, {redis}}}}}", tmp_path
    )

    assert draft.top == {
        "rate_limit_store": "redis",
        "redis": {"url": "redis://:${REDIS_PASSWORD}@cache:6380/2"},
        "on_store_failure": "closed",
    }


@pytest.mark.parametrize("plugin", ["bot-detection", "zipkin", "response-transformer-advanced"])
def test_a_plugin_that_protects_nothing_leaves_the_route_open(tmp_path: Path, plugin: str) -> None:
    """It is listed, and callers get in as before."""
    draft = plugged(f"{{name: {plugin}, config: {{a: b}}}}", tmp_path)

    assert "ip_deny" not in routes(draft)["r"]
    assert left(draft) == [(7, "services[0].plugins[0]")]


@pytest.mark.parametrize("closing", ["basic-auth", "hmac-auth", "zzz-auth"])
@pytest.mark.parametrize("addresses", ["deny: [192.0.2.9]", "allow: [192.0.2.0/24]"])
def test_addresses_open_no_route_that_is_closed(tmp_path: Path, closing: str, addresses: str) -> None:
    """Whatever order the plugins are read in."""
    plugins = f"{{name: {closing}}}\n  - {{name: ip-restriction, config: {{{addresses}}}}}"
    route = routes(plugged(plugins, tmp_path))["r"]

    assert route["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert "ip_allow" not in route


def test_an_address_that_is_kept_out_and_cannot_be_read_closes_the_route(tmp_path: Path) -> None:
    """Without it, it would be let in."""
    draft = plugged("{name: ip-restriction, config: {deny: ['10.0.0.0-10.0.0.9', 192.0.2.9]}}", tmp_path)

    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert (7, "services[0].plugins[0].config.deny[0]") in left(draft)
