"""The scenario in which one setting is changed at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.proxies.gateway import Gateway
from benchmarks.scenarios.knobs import KNOBS, Turned, ratios
from benchmarks.workload import Task
from gateway.config import from_mapping


@pytest.mark.parametrize("name", KNOBS)
def test_a_setting_is_changed(name: str, tmp_path: Path) -> None:
    """Each is one that the gateway takes, and makes a difference to what it is run with."""
    task = Task(8080, 9090, 9001, tmp_path)
    plain = from_mapping(Gateway("gateway", tmp_path).configuration(task))
    turned = from_mapping(Turned(f"gateway+{name}", tmp_path, *KNOBS[name]).configuration(task))

    assert turned != plain


def test_each_stands_beside_the_first(tmp_path: Path) -> None:
    """As parts of its figures of the same run; what was not measured has no line."""
    first, other = Gateway("gateway", tmp_path), Turned("gateway+x", tmp_path, "x: 1", {})
    figures = {
        f"knobs.{name}.{what}": value
        for name, value in (("gateway", 2.0), ("gateway+x", 3.0))
        for what in ("cpu", "rate", "p99")
    }

    table = ratios(figures, "gateway", [first, other, Turned("gateway+y", tmp_path, "y: 1", {})])

    assert table.rows == [["x: 1", "1.50", "1.50", "1.50"]]
