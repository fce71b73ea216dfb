"""Kong's services and upstreams as upstreams of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes, upstreams


def service(written: str, directory: Path, more: str = "") -> Draft:
    """Import a service with a route."""
    text = f'_format_version: "3.0"\nservices:\n- {{name: a, {written}, routes: [{{name: r, paths: [/]}}]}}\n{more}'
    return imported("kong", text, directory)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("url: 'https://a.internal/v2/'", "https://a.internal:443/v2"),
        ("host: a.internal", "http://a.internal:80"),
        ("protocol: https, host: a.internal, port: 8443, path: /x", "https://a.internal:8443/x"),
        ("protocol: grpc, host: a.internal, port: 50051", "h2c://a.internal:50051"),
    ],
)
def test_where_a_service_is(tmp_path: Path, written: str, url: str) -> None:
    """One URL, or its parts."""
    assert upstreams(service(written, tmp_path))["a"]["backends"] == [{"url": url}]


@pytest.mark.parametrize("written", ["protocol: udp, host: a", "protocol: http", "url: 'http://a/%2e'"])
def test_a_service_that_cannot_be_asked_is_listed(tmp_path: Path, written: str) -> None:
    """And its routes are not there."""
    draft = service(written, tmp_path)

    assert left(draft) == [(3, "services[0]")]
    assert routes(draft) == {}


def test_times_and_attempts(tmp_path: Path) -> None:
    """Milliseconds, and retries where a connection was refused; connecting has one time for all."""
    draft = service("host: a, read_timeout: 1500, connect_timeout: 250, retries: 50", tmp_path)

    route = routes(draft)["r"]
    assert (route["timeout"], route["retry"]["attempts"]) == ("1500ms", 10)
    assert draft.top["timeouts"] == {"connect": "250ms"}


def test_hosts_that_backends_see(tmp_path: Path) -> None:
    """Their own, unless the route preserves the client's: then there are two upstreams of one service."""
    text = '_format_version: "3.0"\nservices:\n- name: a\n  host: a\n  routes:\n  - {name: r, paths: [/r]}\n'
    found = upstreams(imported("kong", f"{text}  - {{name: p, paths: [/p], preserve_host: true}}\n", tmp_path))

    assert {name: one.get("host_header") for name, one in found.items()} == {"a": "backend", "a-2": None}


BALANCED = "upstreams:\n- {{name: pool, targets: [{{target: '10.0.0.1:1'}}, {{target: '10.0.0.2', weight: 5}}], {}}}\n"


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("algorithm: least-connections", {"strategy": "least_connections"}),
        ("algorithm: latency", {"strategy": "least_latency"}),
        ("hash_on: ip", {"strategy": "consistent_hash", "hash_on": "ip"}),
        ("hash_on: header, hash_on_header: X-A", {"strategy": "consistent_hash", "hash_on": "header:X-A"}),
        ("host_header: b.internal", {"host_header": "b.internal"}),
    ],
)
def test_how_targets_are_chosen(tmp_path: Path, written: str, keys: dict[str, Any]) -> None:
    """Kong's port and weight where none is written."""
    found = upstreams(service("host: pool, path: /b", tmp_path, BALANCED.format(written)))["a"]

    assert found["backends"] == [
        {"url": "http://10.0.0.1:1/b", "weight": 100},
        {"url": "http://10.0.0.2:8000/b", "weight": 5},
    ]
    assert {key: found[key] for key in keys} == keys


def test_what_is_not_hashed_here_is_listed(tmp_path: Path) -> None:
    """And turns are taken."""
    draft = service("host: pool", tmp_path, BALANCED.format("hash_on: query_arg, hash_on_query_arg: a"))

    assert [what for _, what in left(draft)] == ["upstreams[0].hash_on", "upstreams[0].hash_on_query_arg"]
    assert "strategy" not in upstreams(draft)["a"]


def test_a_check_without_an_interval_is_none(tmp_path: Path) -> None:
    """Kong's way of switching checks off."""
    checks = "healthchecks: {active: {http_path: /h, healthy: {interval: 0}, unhealthy: {interval: 0}}}"
    draft = service("host: pool", tmp_path, BALANCED.format(checks))

    assert "health_check" not in upstreams(draft)["a"]
