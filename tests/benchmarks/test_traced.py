"""The scenario with traces."""

from __future__ import annotations

from pathlib import Path

from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.proxies.nginx import Nginx
from benchmarks.scenarios.traced import traced
from benchmarks.targets import beyond
from benchmarks.workload import Task
from gateway.config import from_mapping


def test_the_gateway_and_envoy_stand_beside_themselves(tmp_path: Path) -> None:
    """Without traces, with all and with one of a hundred."""
    proxies = traced([Gateway("gateway", tmp_path), Nginx(), Envoy()])

    names = [proxy.name for proxy in proxies]
    assert names == ["gateway", "gateway+all", "gateway+few", "envoy", "envoy+all", "envoy+few"]
    ratios = {}
    for proxy in proxies:
        if isinstance(proxy, Gateway):
            said = from_mapping(proxy.configuration(Task(8080, 9090, 9001, tmp_path))).tracing
            ratios[proxy.name] = (said.exporter, said.sample_ratio)
    assert ratios == {"gateway": ("none", 1.0), "gateway+all": ("otlp", 1.0), "gateway+few": ("otlp", 0.01)}


def test_the_target_is_the_peer_s_addition_or_a_figure() -> None:
    """Whichever is more."""
    value = beyond("a.{}+all", "a.{}", "a.envoy+all", "a.envoy", 20)
    figures = {"a.gateway+all": 55e-6, "a.gateway": 30e-6, "a.envoy+all": 70e-6, "a.envoy": 40e-6}

    assert round(value(figures, "gateway"), 3) == -5
    assert round(value({**figures, "a.envoy": 60e-6}, "gateway"), 3) == 5
