"""Settings of `log_shipping` into what collects records, and the shipper that sends them.

Loaded with the first configuration that has it.

Tests: `tests/flow/test_log_shipping.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial

from hyperlink import URL
from twisted.logger import globalLogPublisher

from gateway.composition.builders.sender import Resource, sender
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.problems import below
from gateway.config.records import record
from gateway.config.schema.shipping import LogShipping
from gateway.config.schema.upstreams import BackendTLS
from gateway.config.texts import without_credentials
from gateway.dialling.fetching import Fetcher
from gateway.dialling.tls import client_tls_options, files_digest
from gateway.telemetry.log_sinks import NDJSON, Elasticsearch, LogSink, Loki, Manner, OTLPLogs, Places
from gateway.telemetry.logging import levels
from gateway.telemetry.series import Counts
from gateway.telemetry.shipped_lines import ApplicationRecords, ShippedLines
from gateway.telemetry.shipping.posting import MOST, Poster
from gateway.telemetry.shipping.shipper import Shipper
from gateway.telemetry.tracing.resource import read

TIMEOUT = 30.0
"""Seconds that a receiver may take for a batch."""

DROPPED = "gateway_log_records_dropped_total"
SENT = "gateway_log_records_sent_total"


def shipped(
    settings: Settings,
    foundation: Foundation,
    write: Callable[[bytes], None],
    environ: Mapping[str, str] = os.environ,
) -> Callable[[bytes], None]:
    """Return what writes records of the access log and has them sent too, where they are to be.

    Args:
        settings: The configuration, with `log_shipping`.
        foundation: What it is built on.
        write: Writes a record.
        environ: OpenTelemetry's variables.

    Raises:
        gateway.config.ConfigError: The file with whom to trust cannot be used.
    """
    said = settings.log_shipping
    assert said is not None
    carried, metrics = foundation.carried, foundation.metrics
    lost = partial(_count, metrics.counter(DROPPED))
    # Asked for before the shipper, and so stopped before it: what is collected is handed over first.
    lines = carried.get(("shipped lines",), lambda: ShippedLines(foundation.reactor, foundation.wall_clock, lost))
    if "application" in said.what:

        def on_reactor(call: Callable[[bytes], None], record: bytes) -> None:
            foundation.reactor.callFromThread(call, record)

        carried.get(
            ("shipped application log",), lambda: ApplicationRecords(lines, globalLogPublisher, levels, on_reactor)
        )
    places = _places(settings)
    who = sender(settings, foundation, read(environ)) if said.format == "otlp" else ()
    trusts = BackendTLS(ca=said.ca) if said.url.startswith("https:") else None
    fields = tuple((name.encode(), value.get_secret_value().encode()) for name, value in said.headers.items())
    shown = said.model_copy(update={"headers": {}}).model_dump_json()
    with below("log_shipping."):
        digest = b"" if trusts is None else files_digest(trusts)
    key = ("log shipper", said.url, fields, shown, places, who, digest)

    def make() -> Shipper:
        server = URL.from_text(said.url)
        with below("log_shipping."):
            tls = None if trusts is None else client_tls_options(server.host.lower(), trusts)
        url = server.to_uri().to_text().encode("ascii")
        manner = Manner(url, without_credentials(said.url), fields, places, said.compression == "gzip")
        poster = Poster(Fetcher(foundation.reactor, foundation.dialer, tls, TIMEOUT, MOST))
        return Shipper(
            _sink(said, manner, who),
            poster.post,
            foundation.reactor,
            foundation.wall_clock,
            foundation.random,
            limit=said.queue,
            batch=said.batch,
            interval=said.interval,
            oldest=said.drop == "oldest",
            patience=foundation.ending.left,
            stop_posting=poster.stop,
            lost=partial(lost, said.format),
            delivered=partial(_count, metrics.counter(SENT), said.format),
        )

    shipper = carried.get(key, make)
    carried.then(lambda: lines.follow(shipper, said.format))
    metrics.gauge("gateway_log_queue_bytes", lines.queued)
    return lines.beside(write) if "access" in said.what else write


def _places(settings: Settings) -> Places:
    """Return what the members of access records are called."""
    log = settings.access_log
    names = {field: name for name, field in reversed(record(log.record, log.fields))} if log.format == "json" else {}
    return Places(*(names.get(field, "") for field in Places()))


def _sink(said: LogShipping, manner: Manner, who: Resource) -> LogSink:
    if said.format == "loki":
        return Loki(manner, said.labels)
    if said.format == "elasticsearch":
        return Elasticsearch(manner, said.index)
    if said.format == "otlp":
        return OTLPLogs(manner, who)
    return NDJSON(manner)


def _count(counts: Counts, sink: str, count: int) -> None:
    counts.cells[(sink,)] = counts.cells.get((sink,), 0) + count
