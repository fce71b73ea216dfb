"""A collector that others have written takes what the gateway sends, and passes it on as it was meant."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

from tests.collector import CLIENT, SERVER, Collector
from tests.system.backends import backend
from tests.system.gateway_process import GatewayProcess, one_upstream, until
from tests.system.log_server import served
from tests.system.ports import free_port

ROTEL = shutil.which("rotel-agent")

pytestmark = pytest.mark.skipif(ROTEL is None, reason="no rotel-agent on PATH: `make test` installs one")


class Behind:
    """Whom the collector tells: spans and records of logs, read by OpenTelemetry's own messages."""

    def __init__(self) -> None:
        self.traces = Collector()
        self.records: list[Any] = []
        self.events: set[str] = set()
        self.services: set[str] = set()
        self.instances: set[str] = set()

    def __call__(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Take what it passes on."""
        if path == "/v1/traces":
            known = {name.encode(): value.encode() for name, value in fields.items()}
            return 200, self.traces.take(method.encode(), path.encode(), known, body)
        body = gzip.decompress(body) if fields.get("content-encoding") == "gzip" else body
        for of_resource in logs_service_pb2.ExportLogsServiceRequest.FromString(body).resource_logs:
            said = {pair.key: pair.value.string_value for pair in of_resource.resource.attributes}
            self.services.add(said["service.name"])
            self.instances.add(said["service.instance.id"])
            for scope in of_resource.scope_logs:
                if scope.scope.name == "gateway.access":
                    self.records += scope.log_records
                else:
                    self.events |= {record.event_name for record in scope.log_records}
        return 200, b""


@contextmanager
def rotel(place: Path, tells: int) -> Iterator[int]:
    """Run the collector; gives the port at which it takes OTLP over HTTP.

    Args:
        place: Where its files are.
        tells: Port of whom it tells.
    """
    port, other = free_port(), free_port()
    command = [str(ROTEL), "start", "--otlp-http-endpoint", f"127.0.0.1:{port}"]
    command += ["--otlp-grpc-endpoint", f"127.0.0.1:{other}", "--pid-file", str(place / "rotel.pid")]
    command += ["--exporter", "otlp", "--otlp-exporter-endpoint", f"http://127.0.0.1:{tells}"]
    command += ["--otlp-exporter-protocol", "http", "--batch-timeout", "100ms"]
    with (place / "rotel.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: _listens(port), "the collector does not listen")
        yield port
    finally:
        process.kill()
        process.wait(10)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_spans_and_records_come_out_of_a_collector(tmp_path: Path, compression: str) -> None:
    """With names, ids, times and attributes; a record of the log has the trace id of its exchange."""
    behind = Behind()
    with backend() as origin, served(behind) as tells, rotel(tmp_path, tells) as port:
        gateway = GatewayProcess(
            tmp_path,
            tracing={
                "exporter": "otlp",
                "endpoint": f"http://127.0.0.1:{port}",
                "interval": "100ms",
                "service_name": "edge",
                "compression": compression,
            },
            log_shipping={
                "url": f"http://127.0.0.1:{port}/v1/logs",
                "format": "otlp",
                "what": ["access", "application"],
                "interval": "100ms",
                "compression": compression,
            },
            **one_upstream(f"http://127.0.0.1:{origin.server_address[1]}"),
        )
        gateway.start()
        for number in range(20):
            assert requests.get(f"{gateway.url}/{number}", timeout=5).status_code == 200
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() in (0, -signal.SIGTERM)
        until(lambda: len(behind.traces.of(SERVER)) == len(behind.records) == 20, "not all has come")

    servers, clients = behind.traces.of(SERVER), behind.traces.of(CLIENT)
    assert {span.resource["service.name"] for span in servers} == behind.services == {"edge"}
    assert {span.resource["service.instance.id"] for span in servers} == behind.instances
    assert "drain.began" in behind.events
    assert {span.attributes["url.path"] for span in servers} == {f"/{number}" for number in range(20)}
    assert {span.parent for span in clients} == {span.span_id for span in servers}
    assert all(span.started <= span.ended for span in [*servers, *clients])
    by_trace = {span.trace_id: span for span in servers}
    for record in behind.records:
        said = json.loads(record.body.string_value)
        assert by_trace[record.trace_id.hex()].attributes["url.path"] == said["path"]
        assert record.severity_text == "info"
        assert record.time_unix_nano > 0
