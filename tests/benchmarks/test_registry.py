"""Which scenarios there are, and whom they measure."""

from __future__ import annotations

import pytest

from benchmarks.proxies import registry as proxies
from benchmarks.scenarios.registry import asked, choose, known
from benchmarks.targets import TARGETS


class Everything(dict[str, float]):
    """Figures of everything, of which it is kept what was asked for."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> float:
        self.read.add(name)
        return 1.0


def test_every_target_is_about_a_scenario_that_there_is() -> None:
    """And about a proxy that takes part in it: else no run could judge it."""
    for target in TARGETS:
        figures = Everything()
        target.said(figures, "gateway-compiled")
        for name in figures.read:
            scenario, proxy = name.split(".")[:2]
            scenario = "fresh-tokens" if scenario.startswith("fresh-tokens") else scenario
            measured = [one.name for one in asked(scenario, proxies.choose([], []))]
            assert scenario in known()
            assert proxy.partition("+")[0] in measured


def test_stock_twisted_is_asked_for_what_is_worth_knowing() -> None:
    """The plain load, the start; and all that it is named for."""
    every = proxies.choose([], [])

    assert "twisted-agent" in [one.name for one in asked("plain", every)]
    assert "twisted-agent" not in [one.name for one in asked("upload", every)]


def test_the_gateway_is_beside_itself_once() -> None:
    """The compiled one, where there is one."""
    every = proxies.choose([], [])

    assert [one.name for one in asked("routes", every)][:2] == ["gateway-compiled", "nginx"]
    assert "gateway" in [one.name for one in asked("routes", every[1:])]
    assert [one.name for one in asked("change", every)] == ["gateway-compiled", "envoy", "caddy"]
    assert "gateway" in [one.name for one in asked("chain", every)]


def test_an_unknown_scenario_is_said() -> None:
    """With those that are known."""
    with pytest.raises(ValueError, match="unknown scenario plane; known: plain, tls"):
        choose(["plane"])
