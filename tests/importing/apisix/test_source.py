"""The whole of APISIX's file: what refers to what, and what a route is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes

UPSTREAM = "upstream: {nodes: {'10.0.0.1:80': 1}}"


def route(written: str, directory: Path, more: str = "") -> Draft:
    """Import a route."""
    return imported("apisix", f"routes:\n- {{id: r, {UPSTREAM}, {written}}}\n{more}#END\n", directory)


@pytest.mark.parametrize(
    ("uri", "path", "asked"),
    [
        ("/a", "/a", "/a"),
        ("/a/*", "/a/*", "/a/7"),
        ("/*", "/*", "/7"),
        ("/a/:id/b", "/a/:id/b", "/a/7/b"),
        ("/a.b*", r"~/a\.b.*", "/a.b7"),
    ],
)
def test_paths(tmp_path: Path, uri: str, path: str, asked: str) -> None:
    """Exact, with parameters, or beginnings, which may end within a segment; backends get them as they came."""
    draft = route(f"uri: '{uri}'", tmp_path)

    assert routes(draft)["r"]["path"] == path
    assert draft.tests[0].data["request"]["url"] == f"http://gateway.example{asked}"
    assert draft.tests[0].data["expect"]["sent"]["path"] == asked


def test_each_of_several_paths_is_a_route_with_a_test(tmp_path: Path) -> None:
    """Their names are told apart."""
    assert {name: one["path"] for name, one in routes(route("uris: [/a, /b]", tmp_path)).items()} == {
        "r": "/a", "r-2": "/b",
    }  # fmt: skip


def test_conditions(tmp_path: Path) -> None:
    """On fields and parameters: equal, one of several, or an expression."""
    conditions = "[['http_x_a', '==', 'b'], ['arg_v', '~~', '^[0-9]+$'], ['http_c', 'in', ['d', 'e']]]"
    draft = route(f"uri: /a, vars: {conditions}", tmp_path)

    assert routes(draft)["r"]["headers"] == {"x-a": "b", "c": "~^(?:d|e)$"}
    assert routes(draft)["r"]["query"] == {"v": "~^[0-9]+$"}
    assert draft.tests[0].data["request"]["url"].endswith("?v=1")


@pytest.mark.parametrize(
    "written",
    [
        "uri: /a, vars: [['geoip', '==', 'x']]",
        "uri: /a, vars: [['http_a', '!', '==', 'x']]",
        "uri: /a, vars: [['OR', ['http_a', '==', 'x'], ['http_a', '==', 'y']]]",
        "uri: /a, filter_func: 'function() end'",
        "uri: /a, script: 'local x'",
        "uri: /a, status: 0",
        "uri: /a, remote_addr: x",
        "uri: /a, vars: {http_a: x}",
    ],
)
def test_a_route_whose_condition_cannot_be_said_is_not_there(tmp_path: Path, written: str) -> None:
    """Without its condition it would be for more than it was."""
    draft = route(written, tmp_path)

    assert routes(draft) == {}
    assert left(draft) == [(2, "routes[0]")]


def test_a_route_for_methods_that_cannot_be_said_is_not_for_every_method(tmp_path: Path) -> None:
    """It is not there."""
    draft = route("uri: /a, methods: ['G E T']", tmp_path)

    assert routes(draft) == {}
    assert left(draft) == [(2, "routes[0]"), (2, "routes[0].methods[0]")]


def test_addresses_that_a_route_is_for(tmp_path: Path) -> None:
    """Others are refused."""
    draft = route("uri: /a, remote_addrs: [10.0.0.0/8]", tmp_path)

    assert routes(draft)["r"]["ip_allow"] == ["10.0.0.0/8"]
    assert [made.data["name"] for made in draft.tests] == ["r goes to r", "r refuses 192.0.2.9"]


def test_what_routes_share(tmp_path: Path) -> None:
    """A route's plugin counts before its plugin_config's, that before its service's, that before that of the rules."""
    shared = "global_rules: [{id: g, plugins: {client-control: {max_body_size: 1}, request-id: {header_name: X-T}}}]\n"
    shared += "services: [{id: s, hosts: [s.example], plugins: {client-control: {max_body_size: 2}}}, {id: t}]\n"
    shared += "plugin_configs: [{id: p, plugins: {client-control: {max_body_size: 3}}}]\n"
    draft = route("uri: /a, service_id: s, plugin_config_id: p", tmp_path, shared)

    one = routes(draft)["r"]
    assert (one["host"], one["request_body"]) == ("s.example", 3)
    assert one["transformations"]["request"]["set_headers"] == {"X-T": "${request_id}"}
    assert [(one.what, one.why.partition(" ")[0]) for one in draft.in_order()] == [
        ("global_rules[0].plugins.client-control", "a"),
        ("services[0].plugins.client-control", "a"),
        ("services[1]", "no"),
    ]


@pytest.mark.parametrize("key", ["service_id", "plugin_config_id"])
def test_a_route_that_refers_to_nothing_is_not_there(tmp_path: Path, key: str) -> None:
    """What it refers to may have protected it."""
    draft = route(f"uri: /a, {key}: s", tmp_path)

    assert routes(draft) == {}
    assert left(draft) == [(2, "routes[0]")]


def test_addresses_of_a_global_rule_hold_beside_those_of_a_route(tmp_path: Path) -> None:
    """As in APISIX, where both are asked; a route that switches its own off has those of the rule."""
    rules = "global_rules: [{id: g, plugins: {ip-restriction: {whitelist: [10.0.0.0/8], blacklist: [10.9.0.0/16]}}}]\n"
    own = "uri: /a, plugins: {ip-restriction: {whitelist: [10.1.0.0/16, 192.0.2.0/24], blacklist: [10.1.1.1]}}"
    off = "uri: /a, plugins: {ip-restriction: {_meta: {disable: true}, blacklist: [10.1.1.1]}}"

    both, rule = (routes(route(one, tmp_path, rules))["r"] for one in (own, off))

    assert (both["ip_allow"], both["ip_deny"]) == (["10.1.0.0/16"], ["10.9.0.0/16", "10.1.1.1"])
    assert (rule["ip_allow"], rule["ip_deny"]) == (["10.0.0.0/8"], ["10.9.0.0/16"])


def test_a_file_that_is_not_apisixs(tmp_path: Path) -> None:
    """It is refused."""
    with pytest.raises(ConfigError, match=r"expected APISIX's `routes`, found none"):
        imported("apisix", "a: b\n", tmp_path)
