"""Dashboards and alerts for real: a Prometheus scrapes gateways under load, every query gives data, every alert comes.

Times of the rules are sixty times shorter, so that what takes minutes takes seconds; nothing else is changed but the
memory that is too much (any gateway occupies more).

`DASHBOARD_PICTURES=docs/images` writes the pictures of the guide anew.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from dashboards.answers import window
from dashboards.drawing import draw, take
from dashboards.pages import PAGES
from dashboards.panel import Panel
from dashboards.picture import BROWSER
from dashboards.sheet import WIDTH, Sheet
from gateway.telemetry.catalog import METRICS
from tests.system.browser import needs_browser
from tests.system.busy_gateways import BusyGateways, busy_gateways
from tests.system.devtools import browsing
from tests.system.drawn_page import unreadable
from tests.system.prometheus_server import (
    ALERTMANAGER,
    PLACE,
    PROGRAM,
    PrometheusServer,
    alertmanager,
    prometheus_server,
    shortened,
)

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no prometheus on PATH: `make test` installs one"),
    pytest.mark.timeout(400),  # most of it is the first one's, who waits for what all look at
]

RULES = (PLACE / "gateway.rules.yml").read_text()
PANELS = [(page.name, panel) for page in PAGES for panel in page.panels()]
QUERIES = {query.expr for _, panel in PANELS for query in panel.queries}
RECORDS = {rule["record"] for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"] if "record" in rule}
ALERTS = {
    (rule["alert"], rule["labels"]["severity"])
    for group in yaml.safe_load(RULES)["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
LONGEST = 200.0
"""Seconds after which what has not come will not come."""
INTERVAL = 1.5
"""Seconds between scrapes as Grafana would be told: rates are over 6 s, where scrapes may be late."""
PICTURES = os.environ.get("DASHBOARD_PICTURES")
WELL, ALL = (45, 120) if PICTURES else (20, 0)
"""Seconds for which all is well at most, and for which it goes on at least: a picture wants some of both."""


def filled_in(query: str) -> str:
    """A query as Grafana asks it; a figure that is 0 where there is no series is asked for the series."""
    return window(0, 60, INTERVAL).filled_in(query).replace(" or vector(0)", "")


class Told(ThreadingHTTPServer):
    """Those whom the alertmanager tells: what they heard, by where."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Listener)
        self.heard: dict[str, list[dict[str, Any]]] = {"/night": [], "/office": []}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Listener(BaseHTTPRequestHandler):
    server: Told

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard[self.path] += said["alerts"]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """The test says what is wrong."""


class Found(NamedTuple):
    """What came of it.

    Attributes:
        data: Queries and names of records that gave figures, at one time or another.
        used: Of each metric that there is, whether the query of the page of metrics gives something.
        exemplars: Trace ids that Prometheus has of histograms, by their names.
        spans: What the gateways have exported.
        fired: Alerts that have fired: name and severity.
        heard: What the alertmanager has told, by whom.
        drawn: The dashboards as they were drawn of it, by their names.
        place: The directory where their pages are.
    """

    data: set[str]
    used: dict[str, bool]
    exemplars: dict[str, set[str]]
    spans: list[bytes]
    fired: set[tuple[str, str]]
    heard: dict[str, list[dict[str, Any]]]
    drawn: dict[str, Sheet]
    place: Path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """Traffic, then faults; looked at until all is there, or for so long."""
    if ALERTMANAGER is None:
        pytest.skip("no prometheus-alertmanager on PATH: `make test` installs one")
    place = tmp_path_factory.mktemp("busy")
    told = Told()
    rules = shortened(RULES.replace("vector(1e9)", "vector(1e6)"), 60, {"GatewayRestarts": 15})
    with (
        alertmanager(place, f"http://127.0.0.1:{told.server_port}") as manager,
        busy_gateways(place) as gateways,
        prometheus_server(place, gateways.targets, rules, [manager]) as prometheus,
    ):
        began = time.time()
        seen = Found(set(), {}, {}, gateways.origin.spans, set(), told.heard, {}, place / "drawn")
        observe(gateways, prometheus, seen)
        time.sleep(max(0.0, began + ALL - time.time()))
        seen.drawn.update(draw(prometheus.url, seen.place, began, time.time(), INTERVAL, "light"))
        yield seen
    told.shutdown()
    told.server_close()


def observe(gateways: BusyGateways, prometheus: PrometheusServer, seen: Found) -> None:
    """Look until everything has been seen once."""
    wanted = QUERIES | RECORDS
    end = time.monotonic() + LONGEST

    def look() -> None:
        for query in wanted - seen.data:
            if prometheus.figures(filled_in(query)):
                seen.data.add(query)
        seen.fired.update(prometheus.firing())

    # What can be seen only while all is well.
    healthy = {query for query in wanted if "store_duration" in query or "jwks_keys" in query or "discovery" in query}
    while time.monotonic() < end - LONGEST + WELL and (PICTURES or not healthy <= seen.data):
        look()
        time.sleep(0.5)
    gateways.break_everything()
    gateways.hold_up()
    restarts = threading.Thread(target=gateways.restart, args=(lambda: started(gateways, prometheus),), daemon=True)
    restarts.start()
    while time.monotonic() < end and not (wanted <= seen.data and seen.fired >= ALERTS and all(seen.heard.values())):
        look()
        time.sleep(0.5)
    restarts.join(max(0, end - time.monotonic()))
    for spec in METRICS:
        of_it = spec.name + ("_count" if spec.kind == "histogram" else "")
        if prometheus.query(f'{of_it}{{job="gateway"}}'):
            seen.used[spec.name] = bool(prometheus.query(spec.query))
    now = time.time()
    for name in ("gateway_request_duration_seconds", "gateway_upstream_duration_seconds"):
        asked = f'{name}_bucket{{job="gateway"}}'
        told_of = prometheus.ask("query_exemplars", query=asked, start=f"{now - 600:.0f}", end=f"{now + 1:.0f}")
        seen.exemplars[name] = {each["labels"]["trace_id"] for of_it in told_of for each in of_it["exemplars"]}


def started(gateways: BusyGateways, prometheus: PrometheusServer) -> float:
    """When the gateway that is started again and again was, as Prometheus has it."""
    instance = gateways.targets[2]
    return sum(prometheus.figures(f'process_start_time_seconds{{instance="{instance}"}}'))


@pytest.mark.parametrize(
    "panel", [panel for _, panel in PANELS], ids=[f"{name}: {panel.title}" for name, panel in PANELS]
)
def test_every_query_of_a_panel_gives_data(found: Found, panel: Panel) -> None:
    """Whether it shows what is well, or needs a fault to show something."""
    assert [query.expr for query in panel.queries if query.expr not in found.data] == []


@pytest.mark.parametrize("name", [page.name for page in PAGES])
def test_every_panel_is_drawn_with_data(found: Found, name: str) -> None:
    """Without Grafana, from what this Prometheus has."""
    html = (found.place / f"{name}.html").read_text()

    assert found.drawn[name].empty == []
    sections = html.split("<section")[1:]
    assert len(sections) == len([panel for page, panel in PANELS if page == name])
    for section in sections:
        marks = re.findall(r'<(?:path class="(?:line|spark)|circle class="dot|rect class="(?:bar|state)) ', section)
        assert marks, section[:200]


@needs_browser
def test_what_is_drawn_can_be_read(found: Found, tmp_path: Path) -> None:
    """And the pictures of it are what the guide shows, where these are wanted."""
    with browsing(tmp_path) as tab:
        tab.become(WIDTH)
        for name in found.drawn:
            tab.show((found.place / f"{name}.html").as_uri())
            assert (name, unreadable(tab)) == (name, [])
    if PICTURES and BROWSER is not None:
        take(BROWSER, found.place, found.drawn)
        for name in found.drawn:
            Path(PICTURES, f"dashboard-{name}.png").write_bytes((found.place / f"{name}.png").read_bytes())


def test_every_query_of_the_page_of_metrics_gives_data(found: Found) -> None:
    """Where there is the metric: all but those of what these gateways do not have."""
    assert [name for name, gives in found.used.items() if not gives] == []
    assert len(found.used) > 60


def test_latencies_lead_to_traces(found: Found) -> None:
    """Prometheus has kept exemplars of both histograms; each names a trace whose spans were exported."""
    exported = b"".join(found.spans)

    for name, traces in found.exemplars.items():
        assert len(traces) > 3, name
        assert [trace for trace in traces if bytes.fromhex(trace) in exported] != []


@pytest.mark.parametrize("record", sorted(RECORDS))
def test_every_recording_rule_records(found: Found, record: str) -> None:
    """Alerts and dashboards go by them."""
    assert record in found.data


@pytest.mark.parametrize(("alert", "severity"), sorted(ALERTS))
def test_every_alert_comes_with_its_fault(found: Found, alert: str, severity: str) -> None:
    """All of them on real faults."""
    assert (alert, severity) in found.fired


def test_whoever_is_called_hears_of_it(found: Found) -> None:
    """At night what is critical, in the office the rest, with where it is and what to read."""
    assert {each["labels"]["severity"] for each in found.heard["/night"]} == {"critical"}
    assert {each["labels"]["severity"] for each in found.heard["/office"]} == {"warning"}
    for each in found.heard["/night"]:
        assert re.fullmatch(r"docs/runbook/[a-z-]+\.md", each["annotations"]["runbook_url"])
        assert "<no value>" not in each["annotations"]["summary"]
