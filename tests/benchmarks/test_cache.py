"""The scenario with kept answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.proxies.nginx import Nginx
from benchmarks.scenarios.cache import misfit, with_caches
from benchmarks.workload import KEPT_SIZE, Task
from gateway.config import from_mapping


def test_who_has_a_cache_stands_beside_itself(tmp_path: Path) -> None:
    """The gateway and nginx, with and without; the configuration is taken."""
    proxies = with_caches([Gateway("gateway", tmp_path), Nginx(), Envoy()])

    assert [proxy.name for proxy in proxies] == ["gateway", "gateway+cache", "nginx", "nginx+cache"]
    for proxy in proxies[:2]:
        assert isinstance(proxy, Gateway)
        (route,) = from_mapping(proxy.configuration(Task(8080, 9090, 9001, tmp_path))).routes
        assert (route.cache is not None) is proxy.name.endswith("+cache")


@pytest.mark.parametrize(
    ("name", "contents", "fits"),
    [
        ("nginx+cache", "aaa", True),
        ("nginx+cache", "aab", False),
        ("nginx", "abc", True),
        ("nginx", "aaa", False),
        ("nginx", "aab", False),
    ],
)
def test_a_proxy_that_does_something_else_is_not_measured(name: str, contents: str, fits: bool) -> None:
    """One that keeps gives the same content, one that does not gives another each time."""
    answers = [(200, content.encode() * KEPT_SIZE) for content in contents]

    assert (misfit(name, answers) == "") is fits


def test_an_error_is_no_answer() -> None:
    """Nor is half an answer."""
    assert "not of 1024 octets" in misfit("nginx+cache", [(502, b"a" * KEPT_SIZE)] * 3)
    assert "not of 1024 octets" in misfit("nginx+cache", [(200, b"a")] * 3)
