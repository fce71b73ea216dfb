"""The list of metrics: names as Prometheus wants them, and a query for each that Prometheus takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.telemetry.catalog import METRICS
from gateway.telemetry.spec import Spec
from tests.alerts.test_rules import promtool

KINDS = {"counter", "gauge", "histogram"}
OF_ALL = {"job", "instance", "le"}
NAMES = [spec.name for spec in METRICS]


def test_no_name_is_there_twice() -> None:
    """Under its own name or another."""
    names = NAMES + [spec.alias for spec in METRICS if spec.alias]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("spec", METRICS, ids=NAMES)
def test_names_are_as_prometheus_wants_them(spec: Spec) -> None:
    """https://prometheus.io/docs/practices/naming/: a counter ends in `_total`, and nothing else does."""
    assert spec.kind in KINDS
    assert (spec.kind == "counter") == spec.name.endswith("_total")
    assert re.fullmatch("gateway(_[a-z0-9]+)+", spec.name)
    assert spec.help.endswith(".")


@pytest.mark.parametrize("spec", METRICS, ids=NAMES)
def test_a_query_asks_for_its_metric_by_its_labels(spec: Spec) -> None:
    """A counter by how fast it grows; labels of this metric, and of the others in the query."""
    names = set(re.findall(r"\b(gateway_\w+){job=\"gateway\"", spec.query))
    asked = {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    labels = {label for other in METRICS if other.name in asked for label in other.labels} | OF_ALL
    by = [label.strip() for found in re.findall(r"(?:by|on) \(([^)]*)\)", spec.query) for label in found.split(",")]

    assert spec.name in asked
    assert asked <= set(NAMES)
    assert set(by) <= labels
    assert spec.kind == "gauge" or re.search(rf"(rate|increase)\({spec.name}", spec.query)


@pytest.mark.parametrize(
    ("kind", "whole", "adds_up"), [("counter", "sum", True), ("counter", "max", False), ("gauge", "sum", False)]
)
def test_what_workers_tell_each_for_itself_adds_up_where_it_is_counted(kind: str, whole: str, adds_up: bool) -> None:
    """Not where every worker counts the same events, nor where one figure takes the place of another."""
    assert Spec("gateway_x", kind, (), "X.", whole=whole).adds_up is adds_up


def test_prometheus_takes_all_queries(tmp_path: Path) -> None:
    """Read by its own tool, as rules."""
    rules = [{"record": f"query:{spec.name}", "expr": spec.query} for spec in METRICS]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    assert f"{len(METRICS)} rules found" in promtool("check", "rules", str(file))


def test_a_gateway_that_nobody_asks_loads_no_texts() -> None:
    """The list comes with the first scrape."""
    code = (
        "import sys, gateway.composition.lifecycle, gateway.telemetry.metrics as m\n"
        "assert 'gateway.telemetry.catalog' not in sys.modules\n"
        "m.Metrics().exposition(b'', 0.0)\n"
        "assert 'gateway.telemetry.catalog' in sys.modules\n"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
