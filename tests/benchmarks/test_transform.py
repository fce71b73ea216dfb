"""The scenario with rules for requests and answers."""

from __future__ import annotations

from pathlib import Path

from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.scenarios.transform import beside_itself
from benchmarks.workload import Task
from gateway.config import from_mapping


def test_the_gateway_stands_beside_itself(tmp_path: Path) -> None:
    """With rules that are taken, and without; nobody else does the same."""
    proxies = beside_itself([Gateway("gateway", tmp_path), Envoy()])
    assert [proxy.name for proxy in proxies] == ["gateway", "gateway+rules"]
    for proxy in proxies:
        assert isinstance(proxy, Gateway)
        (route,) = from_mapping(proxy.configuration(Task(8080, 9090, 9001, tmp_path))).routes
        assert (route.transformations is not None) is proxy.name.endswith("+rules")
