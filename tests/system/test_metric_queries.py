"""Queries of the page of metrics on a real Prometheus that has every metric there is.

Traffic makes most of them (`tests/system/test_dashboards.py`); some need what those gateways do not have (a memory that
is watched, a Redis cluster, WebAssembly, HTTP/2 that is abused). Here their series are written from the catalog: a test
of the catalog holds each metric to its labels.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import pytest

from gateway.telemetry.catalog import METRICS
from gateway.telemetry.metrics import BUCKETS
from gateway.telemetry.spec import Spec
from tests.system.gateway_process import until
from tests.system.prometheus_server import PROGRAM, PrometheusServer, prometheus_server

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no prometheus on PATH: `make test` installs one")

MATCHERS = re.compile(r'(\w+)=~?"([^"]*)"')
"""Labels that a query chooses by, and what it chooses."""

_QUERIES = " ".join(spec.query for spec in METRICS)


def values(label: str) -> list[str]:
    """Return some values of a label: one of no importance, and those that queries choose by."""
    chosen = {
        each.replace(".", "0") for name, said in MATCHERS.findall(_QUERIES) if name == label for each in said.split("|")
    }
    return sorted({"some", *chosen})


def series(spec: Spec, turn: int) -> Iterator[str]:
    """Write the series of a metric; what counts goes up with each turn."""
    yield f"# TYPE {spec.name} {spec.kind}"
    for chosen in product(*(values(label) for label in spec.labels)):
        labels = ",".join(f'{label}="{value}"' for label, value in zip(spec.labels, chosen, strict=True))
        if spec.kind != "histogram":
            yield f"{spec.name}{{{labels}}} {turn if spec.kind == 'counter' else 1}"
            continue
        for bound in (*(f"{each:g}" for each in BUCKETS), "+Inf"):
            yield f'{spec.name}_bucket{{{labels},le="{bound}"}} {turn}'
        yield f"{spec.name}_count{{{labels}}} {turn}"
        yield f"{spec.name}_sum{{{labels}}} {turn / 100}"


class _Handler(BaseHTTPRequestHandler):
    turn = 0

    def do_GET(self) -> None:
        type(self).turn += 1
        content = "\n".join([*(line for spec in METRICS for line in series(spec, self.turn)), ""]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """One that has scraped an instance three times at least."""
    place: Path = tmp_path_factory.mktemp("prometheus")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        port = server.server_address[1]
        try:
            with prometheus_server(place, [f"127.0.0.1:{port}"], "groups: []") as running:
                counted = 'count_over_time(up{job="gateway"}[1m])'
                until(lambda: [each >= 3 for each in running.figures(counted)] == [True], "it does not scrape", 30)
                yield running
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("spec", METRICS, ids=[spec.name for spec in METRICS])
def test_the_query_of_a_metric_gives_figures(prometheus: PrometheusServer, spec: Spec) -> None:
    """Where there is the metric, it shows something."""
    assert prometheus.figures(spec.query) != []
