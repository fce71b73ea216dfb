"""APISIX's plugins as keys of a route."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes, upstreams


def plugged(plugins: str, directory: Path) -> Draft:
    """Import a route with plugins."""
    text = f"routes:\n- id: r\n  uri: /a\n  upstream: {{nodes: {{'10.0.0.1:80': 1}}}}\n  plugins: {{{plugins}}}\n"
    return imported("apisix", text, directory)


@pytest.mark.parametrize(
    ("plugins", "key", "value"),
    [
        (
            "limit-count: {count: 5, time_window: 60, rejected_code: 429}",
            "rate_limit",
            {"limit": 5, "window": "1m", "scope": "ip", "algorithm": "sliding_window"},
        ),
        (
            "limit-req: {rate: 10, burst: 5, key: http_x_t, nodelay: true, rejected_code: 429}",
            "rate_limit",
            {"limit": 10, "window": "1s", "burst": 15, "scope": "header:x-t"},
        ),
        ("ip-restriction: {blacklist: [10.1.2.3/8]}", "ip_deny", ["10.0.0.0/8"]),
        (
            "cors: {allow_origins: 'https://a.example, https://b.example', allow_credential: true}",
            "cors",
            {
                "allowed_origins": ["https://a.example", "https://b.example"],
                "allowed_methods": ["*"],
                "allowed_headers": ["*"],
                "allow_credentials": True,
                "max_age": "5s",
            },
        ),
        ("client-control: {max_body_size: 1024}", "request_body", 1024),
        ("gzip: {min_length: 20}, brotli: {types: ['text/html']}", "compression",
         {"algorithms": ["gzip", "br"], "min_size": 20, "types": ["text/html"]}),
        ("proxy-cache: {cache_ttl: 10, cache_zone: z}", "cache", {"ttl": "10s"}),
    ],
)  # fmt: skip
def test_what_a_plugin_becomes(tmp_path: Path, plugins: str, key: str, value: object) -> None:
    """And nothing is left out."""
    draft = plugged(plugins, tmp_path)

    assert routes(draft)["r"][key] == value
    assert left(draft) == []


def test_both_limits_hold(tmp_path: Path) -> None:
    """A route may have several."""
    draft = plugged("limit-count: {count: 5, time_window: 60}, limit-req: {rate: 1, burst: 0, nodelay: true}", tmp_path)

    assert [one["limit"] for one in routes(draft)["r"]["rate_limit"]] == [5, 1]


def test_shares(tmp_path: Path) -> None:
    """A member without an upstream is the route's own."""
    shares = "{upstream: {nodes: {'10.0.0.2:80': 1}}, weight: 1}, {weight: 9}"
    draft = plugged(f"traffic-split: {{rules: [{{weighted_upstreams: [{shares}]}}]}}", tmp_path)

    assert routes(draft)["r"]["upstream"] == [{"name": "r share", "weight": 1}, {"name": "r", "weight": 9}]
    assert draft.tests[0].data["expect"]["upstream"] == "~^(r share|r)$"


def test_copies(tmp_path: Path) -> None:
    """They go to an upstream of their own, which sees its own name."""
    draft = plugged("proxy-mirror: {host: 'http://10.0.0.9:9009', sample_ratio: 0.5}", tmp_path)

    assert routes(draft)["r"]["mirror"] == {"upstream": "r mirror", "ratio": 0.5}
    assert upstreams(draft)["r mirror"]["host_header"] == "backend"


@pytest.mark.parametrize(
    ("plugins", "what"),
    [
        ("uri-blocker: {block_rules: [x]}", "uri-blocker"),
        ("serverless-pre-function: {functions: [x]}", "serverless-pre-function"),
        ("limit-count: {count: 5, time_window: 60, rejected_code: 503}", "limit-count.rejected_code"),
        ("limit-count: {count: 5, time_window: 60, key: geoip}", "limit-count.key"),
        ("limit-req: {rate: 0.5, burst: 1}", "limit-req"),
        ("limit-req: {rate: 5, burst: 1, nodelay: false}", "limit-req.nodelay"),
        ("cors: {allow_origins: '**'}", "cors.allow_origins"),
        ("traffic-split: {rules: [{match: [{vars: []}], weighted_upstreams: [{weight: 1}]}]}", "traffic-split"),
        ("zipkin: {endpoint: 'http://z'}", "zipkin"),
    ],
)
def test_what_a_plugin_cannot_become_is_listed(tmp_path: Path, plugins: str, what: str) -> None:
    """With its line."""
    assert (5, f"routes[0].plugins.{what}") in left(plugged(plugins, tmp_path))


@pytest.mark.parametrize(
    "plugin", ["basic-auth", "hmac-auth", "consumer-restriction", "opa", "authz-casbin", "uri-blocker", "our-own-auth"]
)
def test_protection_that_cannot_be_carried_over_closes_the_route(tmp_path: Path, plugin: str) -> None:
    """Nobody gets in, and the list says so."""
    draft = plugged(f"{plugin}: {{}}", tmp_path)

    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert (5, f"routes[0].plugins.{plugin}") in left(draft)


def test_a_plugin_that_is_switched_off_does_nothing(tmp_path: Path) -> None:
    """By its `_meta`."""
    draft = plugged("cors: {_meta: {disable: true}}", tmp_path)

    assert "cors" not in routes(draft)["r"]
    assert left(draft) == [(5, "routes[0].plugins.cors")]


@pytest.mark.parametrize("plugin", ["http-logger", "ua-restriction", "limit-conn"])
def test_a_plugin_that_protects_nothing_leaves_the_route_open(tmp_path: Path, plugin: str) -> None:
    """It is listed, and callers get in as before."""
    draft = plugged(f"{plugin}: {{a: b}}", tmp_path)

    assert "ip_deny" not in routes(draft)["r"]
    assert left(draft) == [(5, f"routes[0].plugins.{plugin}")]


@pytest.mark.parametrize(
    "addresses",
    ["{blacklist: [192.0.2.9]}", "{whitelist: [192.0.2.0/24]}", "{blacklist: ['10.0.0.0-10.0.0.9', 192.0.2.9]}"],
)
def test_addresses_open_no_route_that_is_closed(tmp_path: Path, addresses: str) -> None:
    """Whatever order the plugins are read in, and also where an address that is kept out cannot be read."""
    closing = "" if "-" in addresses else "basic-auth: {}, "
    draft = plugged(f"{closing}ip-restriction: {addresses}", tmp_path)

    assert routes(draft)["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
    assert "ip_allow" not in routes(draft)["r"]


def test_lists_of_addresses_that_have_none_in_common_close_the_route(tmp_path: Path) -> None:
    """The addresses of a route and of its plugin both hold, so that nobody gets in."""
    text = "routes:\n- {id: r, uri: /a, remote_addrs: [10.0.0.0/8], upstream: {nodes: {'10.0.0.1:80': 1}},\n"
    text += "   plugins: {ip-restriction: {whitelist: [192.0.2.0/24]}}}\n"

    assert routes(imported("apisix", text, tmp_path))["r"]["ip_deny"] == ["0.0.0.0/0", "::/0"]
