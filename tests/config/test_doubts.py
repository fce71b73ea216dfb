from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigError, load, load_with_doubts

API = {"name": "api", "backends": [{"url": "http://127.0.0.1:9001"}]}


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
    ],
)  # fmt: skip
def test_what_a_route_says_in_vain(tmp_path: Path, route: dict[str, Any], settings: Any, said: str) -> None:
    """Two bounds of which one makes the other say nothing, and what nobody asks about."""
    (found,) = doubts(tmp_path, route, **settings)

    assert found.startswith(f"routes[0].{said}")


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        ({"health_check": {"interval": 1}}, "health_check.interval: a check may take 5s, longer than"),
        ({"health_check": {"timeout": "1m"}}, "health_check.timeout: a check may take 1m"),
        ({"hash_on": "path"}, "hash_on: nobody asks for it"),
        ({"slow_start": 5}, "slow_start: no backend ever recovers"),
        ({"slow_start": 5, "strategy": "ip_hash", "health_check": {}}, "slow_start: it has no effect"),
        ({"queue": {}}, "queue: nobody waits in it"),
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
        ({"rate_limits": [{"scope": "user", "limit": 1}]}, "rate_limits[0].scope: `user` is unknown: no route asks"),
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
    ],
)
def test_what_does_what_it_says_is_not_doubted(tmp_path: Path, route: dict[str, Any]) -> None:
    """Nor is a default that is never reached."""
    assert doubts(tmp_path, route) == []


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
