"""The scenarios with the whole chain."""

from __future__ import annotations

from pathlib import Path

from benchmarks.proxies.base import Proxy
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.proxies.nginx import Nginx
from benchmarks.scenarios.chain import parts, whole
from benchmarks.workload import Task
from gateway.config import from_mapping

REDIS = {"rate_limit_store": "redis", "redis": {"url": "redis://127.0.0.1:6379/0"}}


def test_every_gateway_goes_through_all_of_it(tmp_path: Path) -> None:
    """The compiled and the interpreted one in the same rounds, and Envoy once; others have no such chain."""
    proxies: list[Proxy] = [Gateway("fast", tmp_path / "built"), Gateway("slow", tmp_path), Nginx(), Envoy()]

    assert [proxy.name for proxy in parts(proxies, REDIS)] == [
        *("fast", "fast+quiet", "slow", "slow+quiet"),
        *("fast+chain", "slow+chain", "envoy+chain", "fast+redis", "slow+redis"),
    ]
    assert {proxy.checkout for proxy in parts(proxies, REDIS) if isinstance(proxy, Gateway)} == {
        tmp_path / "built",
        tmp_path,
    }
    assert [proxy.name for proxy in whole(proxies)] == ["fast+chain", "slow+chain", "envoy+chain"]


def test_its_configurations_are_taken(tmp_path: Path) -> None:
    """With a limit that asks for a user, in the store that is there."""
    for proxy in parts([Gateway("gateway", tmp_path)], REDIS):
        assert isinstance(proxy, Gateway)
        settings = from_mapping(proxy.configuration(Task(8080, 9090, 9001, tmp_path)))
        (route,) = settings.routes
        assert bool(route.rate_limit) is proxy.name.endswith(("+chain", "+redis"))
