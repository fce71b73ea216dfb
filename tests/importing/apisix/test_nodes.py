"""APISIX's upstreams as upstreams of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes, upstreams

NODES = "nodes: {'10.0.0.1:80': 1}"


def upstream(written: str, directory: Path) -> Draft:
    """Import a route with an upstream."""
    return imported("apisix", f"routes:\n- {{id: r, uri: /a, upstream: {{{written}}}}}\n", directory)


@pytest.mark.parametrize(
    ("written", "backends"),
    [
        ("nodes: {'a.internal:81': 2}", [{"url": "http://a.internal:81", "weight": 2}]),
        ("nodes: {a.internal: 1}, scheme: https", [{"url": "https://a.internal:443"}]),
        ("nodes: [{host: a.internal, port: 50051, weight: 1}], scheme: grpc", [{"url": "h2c://a.internal:50051"}]),
        (
            "nodes: [{host: a, port: 1, weight: 1}, {host: b, port: 1, weight: 1, priority: -1}]",
            [{"url": "http://a:1"}, {"url": "http://b:1", "backup": True}],
        ),
    ],
)
def test_nodes(tmp_path: Path, written: str, backends: list[dict[str, Any]]) -> None:
    """By address, or as a list; those of less priority are asked when no other may be."""
    assert upstreams(upstream(written, tmp_path))["r"]["backends"] == backends


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("type: least_conn", {"strategy": "least_connections"}),
        ("type: ewma", {"strategy": "least_latency"}),
        ("type: chash, key: remote_addr", {"strategy": "consistent_hash", "hash_on": "ip"}),
        ("type: chash, hash_on: header, key: http_x_a", {"strategy": "consistent_hash", "hash_on": "header:x-a"}),
        ("type: chash, key: cookie_s", {"strategy": "consistent_hash", "hash_on": "cookie:s"}),
        ("pass_host: node", {"host_header": "backend"}),
        ("pass_host: rewrite, upstream_host: b.example", {"host_header": "b.example"}),
    ],
)
def test_how_they_are_chosen_and_what_they_see(tmp_path: Path, written: str, keys: dict[str, Any]) -> None:
    """And nothing is left out."""
    draft = upstream(f"{NODES}, {written}", tmp_path)
    found = upstreams(draft)["r"]

    assert {key: found[key] for key in keys} == keys
    assert left(draft) == []


def test_times_and_attempts(tmp_path: Path) -> None:
    """As many more as there are other nodes, where nothing is said; connecting has one time for all."""
    written = "nodes: {'a:1': 1, 'b:1': 1, 'c:1': 1}, timeout: {connect: 2, send: 5, read: 5}"
    draft = upstream(written, tmp_path)

    assert routes(draft)["r"]["retry"]["attempts"] == 2
    assert routes(draft)["r"]["timeout"] == "5s"
    assert draft.top["timeouts"] == {"connect": "2s"}


def test_what_cannot_be_asked_is_listed_and_its_route_is_not_there(tmp_path: Path) -> None:
    """Members that are found elsewhere, and none at all."""
    for written in ("discovery_type: nacos, service_name: a", "type: roundrobin"):
        draft = upstream(written, tmp_path)

        assert routes(draft) == {}
        assert (2, "routes[0].upstream") in left(draft)


def test_hashing_by_what_is_not_known_is_listed(tmp_path: Path) -> None:
    """And turns are taken."""
    draft = upstream(f"{NODES}, type: chash, key: geoip", tmp_path)

    assert left(draft) == [(2, "routes[0].upstream.key")]
    assert "strategy" not in upstreams(draft)["r"]
