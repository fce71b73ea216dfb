"""What of a configuration leads outside, and what stands in its place in memory."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.config.schema.cases import TIME, CaseRequest
from gateway.rehearsal.enclosing import enclosed
from gateway.rehearsal.stage import Stage

ROUTES = [{"name": "a", "path": "/a", "upstream": "a", "rate_limit": {"requests": 1, "window": "60s"}, "cache": {}}]
DISCOVERED: dict[str, Any] = {"name": "a", "discovery": {"type": "consul", "service": "a"}}


@pytest.mark.parametrize(
    "upstream",
    [
        DISCOVERED,
        {"name": "a", "backends": [{"url": "h2c://127.0.0.1:9001"}]},
        {"name": "a", "backends": [{"url": "https://10.0.0.1"}]},
        {"name": "a", "backends": [{"url": "http://a.internal/base"}], "protocol": "http2"},
        {"name": "a", "backends": [{"url": "unix:/run/app.sock"}]},
        {
            "name": "a",
            "backends": [{"url": "http://a.internal"}],
            "health_check": {"type": "script", "command": ["/bin/false"]},
        },
    ],
    ids=["discovered", "h2c", "https", "http2", "unix", "script"],
)
def test_every_kind_of_upstream_is_asked_in_memory(upstream: dict[str, Any]) -> None:
    """With what it needs of stores, logs, spans and figures: none is opened."""
    settings = from_mapping(
        {
            "processes": "auto",
            "redis": {"url": "redis://127.0.0.1:1/0"},
            "rate_limit_store": "redis",
            "cache_store": "redis",
            "log_shipping": {"url": "http://127.0.0.1:1/"},
            "metrics": {"statsd": {"address": "127.0.0.1:1"}},
            "tracing": {"exporter": "otlp", "endpoint": "http://127.0.0.1:1"},
            "access_log": {"format": "combined", "sample": 0.0},
            "upstreams": [upstream],
            "routes": ROUTES,
        }
    )
    stage = Stage(settings)
    stage.begin(TIME, {})

    outcomes = [stage.ask(CaseRequest(url="http://x/a")) for _ in range(2)]

    assert [one.answer.status for one in outcomes] == [200, 429]
    assert [one.upstream for one in outcomes[0].sent] == ["a"]


def test_what_decides_about_requests_stays() -> None:
    """Settings in which nothing leads outside say the same."""
    settings = from_mapping(
        {
            "upstreams": [{"name": "a", "backends": [{"url": "http://a.internal"}], "protocol": "http1"}],
            "routes": ROUTES,
        }
    )

    assert enclosed(settings) == settings


@pytest.mark.parametrize(("kind", "kept"), [("http", True), ("tcp", True), ("grpc", False), ("script", False)])
def test_checks_that_a_backend_in_memory_can_answer_are_kept_where_they_are_asked_for(kind: str, kept: bool) -> None:
    """A program would be run for real."""
    check = {"type": kind, **({"command": ["/bin/true"]} if kind == "script" else {})}
    upstream = {"name": "a", "backends": [{"url": "http://a.internal"}], "health_check": check}
    settings = from_mapping({"upstreams": [upstream], "routes": ROUTES})

    assert (enclosed(settings, checks=True).upstreams[0].health_check is not None) is kept
    assert enclosed(settings).upstreams[0].health_check is None
