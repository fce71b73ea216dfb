"""Groups of servers as upstreams."""

from __future__ import annotations

import pytest

from gateway.importing.nginx.reading import Directive, parse
from gateway.importing.nginx.upstreams import group, hash_key, single


def made(text: str, scheme: str = "http") -> tuple[dict[str, object], list[str]]:
    """Return the upstream of a group, and what was left of it."""
    left: list[str] = []

    def leave(part: Directive, why: str, instead: str = "") -> None:
        left.append(part.path)

    (block,) = parse(f"upstream app {{ {text} }}", "x")
    found = group(block, scheme, leave)
    return found, left + [each.path for each in block.unread()]


def test_servers() -> None:
    """Weights count, who is down gets nothing, a reserve stays one, a socket keeps its path."""
    found, left = made("server a:1 weight=3; server b down; server unix:/run/c.sock backup;")

    assert found["backends"] == [
        {"url": "http://a:1", "weight": 3},
        {"url": "http://b", "weight": 0},
        {"url": "unix:/run/c.sock", "backup": True},
    ]
    assert found["strategy"] == "weighted_round_robin"
    assert left == []


def test_a_server_without_a_port_is_asked_at_port_80() -> None:
    """Over TLS too: the port is the group's, not the scheme's."""
    assert made("server a;", "https")[0] == {"backends": [{"url": "https://a:80"}]}


def test_who_fails_is_left_out() -> None:
    """As nginx does by itself, where there is another one; not with `max_fails=0`."""
    ejection = {"failures": 1, "window": "10s", "eject": "10s", "max_ejected_percent": 100}
    assert made("server a:1; server b:1;")[0]["passive_health"] == ejection
    assert "passive_health" not in made("server a:1;")[0]
    assert "passive_health" not in made("server a:1 max_fails=0; server b:1 max_fails=0;")[0]
    found, left = made("server a:1 max_fails=3 fail_timeout=5s; server b:1;")
    assert found["passive_health"] == {**ejection, "failures": 3, "window": "5s", "eject": "5s"}
    assert left == ["server a:1 max_fails=3 fail_timeout=5s"]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("least_conn;", {"strategy": "least_connections"}),
        ("ip_hash;", {"strategy": "ip_hash"}),
        ("random;", {"strategy": "random"}),
        ("random two least_conn;", {"strategy": "least_latency"}),
        ("hash $cookie_sid consistent;", {"strategy": "consistent_hash", "hash_on": "cookie:sid"}),
        ("keepalive 32; keepalive_timeout 1m; zone a 64k;", {"pool": {"max_idle": 32, "idle_timeout": "1m"}}),
    ],
)
def test_how_a_server_is_chosen(text: str, keys: dict[str, object]) -> None:
    """Each way that there is here too."""
    found, left = made(f"{text} server a:1;")

    assert found == {**keys, "backends": [{"url": "http://a:1"}]}
    assert left == []


def test_what_has_no_counterpart_is_left() -> None:
    """By its line."""
    assert made("hash $http_a$http_b; server a:1 route=x; sticky learn; server b:1 max_conns=3;")[1] == [
        "server a:1 route=x",
        "hash $http_a$http_b",
        "server a:1 route=x",
        "sticky learn",
    ]


@pytest.mark.parametrize(
    ("written", "key"),
    [("$binary_remote_addr", "ip"), ("${http_x_tenant}", "header:X-Tenant"), ("$uri", "path"), ("$host$uri", None)],
)
def test_hash_keys(written: str, key: str | None) -> None:
    """A single variable that `hash_on` has a word for."""
    assert hash_key(written) == key


def test_a_single_server() -> None:
    """What a `proxy_pass` names without a group."""
    assert single("unix:/run/a.sock:", "http") == {"backends": [{"url": "unix:/run/a.sock"}]}
    assert single("10.0.0.1:9001", "https") == {"backends": [{"url": "https://10.0.0.1:9001"}]}
