"""The scenario with a plugin that does nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.peers import ROOT
from benchmarks.proxies.envoy import Envoy
from benchmarks.proxies.gateway import Gateway
from benchmarks.scenarios.plugin import HOOKS, beside_itself
from benchmarks.workload import Task
from gateway.config import from_mapping, plugin_classes


def test_the_gateway_stands_beside_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the plugin, which is found, and without; nobody else has it."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT / "benchmarks/installed")])
    proxies = beside_itself([Gateway("gateway", tmp_path), Envoy()])
    assert [proxy.name for proxy in proxies] == ["gateway", "gateway+plugin"]
    for proxy in proxies:
        assert isinstance(proxy, Gateway)
        settings = from_mapping(proxy.configuration(Task(8080, 9090, 9001, tmp_path)))
        assert bool(settings.routes[0].plugins) is proxy.name.endswith("+plugin")


def test_it_has_all_hooks() -> None:
    """The figure is divided by how many there are."""
    nothing = plugin_classes.find("benchmarks.installed.nothing_plugin.Nothing")

    assert sum(hasattr(nothing, hook) for hook in ("on_request", "on_response", "on_finish")) == HOOKS
