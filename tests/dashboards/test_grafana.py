"""The files for Grafana: made from the code, with all that the requirements ask of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as Known

from dashboards.__main__ import PLACE
from dashboards.grafana import text
from dashboards.pages import PAGES
from dashboards.panel import Dashboard, Panel, Shown
from gateway.telemetry.catalog import METRICS

NAMES = {page.name: page for page in PAGES}
PANELS = [(page.name, panel) for page in PAGES for panel in page.panels()]
UNITS = {"short", "reqps", "ops", "s", "percentunit", "bytes"}
"""Of those that Grafana knows."""


@pytest.fixture(params=PAGES, ids=list(NAMES))
def page(request: pytest.FixtureRequest) -> Dashboard:
    """Each of them."""
    found: Dashboard = request.param
    return found


@pytest.fixture
def made(page: Dashboard) -> dict[str, Any]:
    """Its file."""
    found: dict[str, Any] = json.loads((PLACE / f"{page.name}.json").read_text())
    return found


def test_the_files_are_what_the_code_makes(page: Dashboard) -> None:
    """`make docs` makes them again."""
    assert (PLACE / f"{page.name}.json").read_text() == text(page)


def test_there_are_no_others() -> None:
    """One that the code does not make any more would grow old."""
    assert {path.stem for path in PLACE.glob("*.json")} == set(NAMES)


def test_grafana_knows_every_word(made: dict[str, Any]) -> None:
    """Read by the types that are made from Grafana's own schema, nothing is lost, and nothing is of another type."""
    assert json.loads(JSONEncoder().encode(Known.from_json(made))) == made


def test_it_is_refreshed_every_five_seconds(made: dict[str, Any]) -> None:
    """R-DASH-03."""
    assert made["refresh"] == "5s"


def test_instance_and_route_can_be_chosen(made: dict[str, Any]) -> None:
    """And which Prometheus is asked; whatever is not chosen is all."""
    variables = {each["name"]: each for each in made["templating"]["list"]}

    assert set(variables) == {"datasource", "instance", "route"}
    assert {variables[name]["allValue"] for name in ("instance", "route")} == {".*"}


def test_panels_lie_beside_each_other(made: dict[str, Any]) -> None:
    """None over another, none beyond the edge; each has a number of its own."""
    places = [each["gridPos"] for each in made["panels"]]
    squares = [
        (place["x"] + right, place["y"] + down)
        for place in places
        for right in range(place["w"])
        for down in range(place["h"])
    ]

    assert len(set(squares)) == len(squares)
    assert max(right for right, _ in squares) < 24
    assert len({each["id"] for each in made["panels"]}) == len(made["panels"])


@pytest.mark.parametrize(
    "panel", [panel for _, panel in PANELS], ids=[f"{name}: {each.title}" for name, each in PANELS]
)
def test_a_panel_says_what_it_shows(panel: Panel) -> None:
    """Queries, legends, units; each query is of the instances that are chosen, and of metrics that there are."""
    known = {spec.name for spec in METRICS} | {"up"}

    assert panel.queries
    assert panel.unit in UNITS
    assert (panel.shown is Shown.STATES) == bool(panel.states)
    for query in panel.queries:
        assert query.legend
        asked = set(re.findall(r"\b(\w+)\{", re.sub("_(bucket|sum|count)\\{", "{", query.expr)))
        assert asked
        assert {name for name in asked if not name.startswith(("process_", "python_"))} <= known
        assert query.expr.count("{job=") == query.expr.count('instance=~"$instance"') == query.expr.count("{")


def test_the_panels_that_are_asked_for_are_there() -> None:
    """R-DASH-02: requests a second, percentiles, error rate by endpoint, violations, the top ten."""
    panels = {panel.title: panel for panel in NAMES["traffic"].panels()}

    assert panels["Requests per second by route"].shown is Shown.LINES
    assert [query.legend for query in panels["Duration"].queries] == ["p50", "p95", "p99"]
    assert panels["Error rate by endpoint"].shown is Shown.BARS
    assert 'gateway_requests_total{job="gateway",' in panels["Error rate by endpoint"].queries[0].expr
    assert panels["Rate limit violations"].shown is Shown.FIGURE
    assert panels["Top 10 endpoints by traffic"].queries[0].expr.startswith("topk(10, ")
