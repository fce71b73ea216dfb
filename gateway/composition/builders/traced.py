"""Settings of `tracing` into what makes spans and sends them away.

What the configuration says comes before what OpenTelemetry's environment variables say, and those before the defaults.

Tests: `tests/flow/test_traces.py::test_an_exchange_and_its_attempt`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from hyperlink import URL

import gateway
from gateway.composition.builders.access_log import redactor
from gateway.composition.builders.sender import Resource, sender
from gateway.composition.builders.tracing import Tracing
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.problems import below
from gateway.config.schema.telemetry import Tracing as Said
from gateway.config.schema.upstreams import BackendTLS
from gateway.config.texts import without_credentials
from gateway.dialling.fetching import Fetcher
from gateway.dialling.tls import client_tls_options
from gateway.forwarding.traced import TracedAttempts
from gateway.interfaces import ErrorRenderer, Middleware
from gateway.middleware.chain import Chain, Handler
from gateway.middleware.traced_chain import TracedChain
from gateway.middleware.tracing import Beside
from gateway.middleware.tracing import Tracing as Step
from gateway.telemetry.shipping.contract import Sink
from gateway.telemetry.shipping.posting import MOST, Poster
from gateway.telemetry.shipping.shipper import Shipper
from gateway.telemetry.tracing import otlp, zipkin
from gateway.telemetry.tracing.console import SpanLines
from gateway.telemetry.tracing.recording import Recorder
from gateway.telemetry.tracing.resource import Environment, read, traces_url
from gateway.telemetry.tracing.span import INTERNAL, SERVER, Kind, Span

TIMEOUT = 10.0
"""Seconds for one request, where `OTEL_EXPORTER_OTLP_TIMEOUT` says nothing."""

USUAL = {
    "otlp": "http://localhost:4318/v1/traces",
    "jaeger": "http://localhost:4318/v1/traces",
    "zipkin": "http://localhost:9411/api/v2/spans",
}


class Traced(Tracing):
    """Notes what spans are made of, and makes them.

    Args:
        foundation: What the configuration is built on.
        said: What it says.
        ratio: Share of the traces that are sampled.
        write: Writes a span.
        put: Takes what was written.
        redacted: Makes text of queries.
    """

    def __init__(
        self,
        foundation: Foundation,
        said: Said,
        ratio: float,
        write: Callable[[Span], bytes],
        put: Callable[[bytes], object],
        redacted: Callable[[bytes], str],
    ) -> None:
        super().__init__(foundation)

        def recorder(kind: Kind) -> Recorder:
            clocks = foundation.now, foundation.wall_clock
            return Recorder(write, put, *clocks, foundation.random_bytes, redacted, foundation.metrics.exemplify, kind)

        clients = recorder(SERVER)
        self.step = Step(foundation.random_bytes, ratio, said.slow, clients.keep)
        self.application = Step(foundation.random_bytes, ratio, said.slow, recorder(INTERNAL).keep)
        self.beside = Beside(clients.keep_beside)
        self.attempts = TracedAttempts(foundation.attempts, foundation.random_bytes)
        self._now = foundation.now

    def chain(self, steps: Sequence[Middleware], handler: Handler, render_error: ErrorRenderer) -> Chain:
        return TracedChain(steps, handler, render_error, self._now)


def traced(settings: Settings, foundation: Foundation, environ: Mapping[str, str] = os.environ) -> Tracing:
    """Make what exports the traces of a configuration.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        environ: OpenTelemetry's variables.
    """
    said, found = settings.tracing, read(environ)
    if found.disabled:
        return Tracing(foundation)
    ratio = found.ratio if found.ratio is not None and not _written(said, "sample_ratio") else said.sample_ratio
    redacted = redactor(settings)()
    # What decides about exchanges may change without another exporter.
    sent = said.model_dump_json(exclude={"sample_ratio", "slow", "headers"})
    written = frozenset(said.model_fields_set)
    who = sender(settings, foundation, found)
    key = ("tracing", sent, _secrets(said), written, found, who)
    exporter = foundation.carried.get(key, lambda: _exporter(said, found, who, foundation))
    foundation.carried.then(partial(foundation.metrics.gauge, "gateway_span_queue_bytes", partial(_queued, exporter)))
    return Traced(foundation, said, ratio, exporter.write, exporter.put, redacted)


class Exporter(Shipper):
    """Sends spans away, as its writer writes them.

    Attributes:
        write: Writes a span.
    """

    write: Callable[[Span], bytes]


def _exporter(said: Said, found: Environment, who: Resource, foundation: Foundation) -> Any:
    if said.exporter == "console":
        return SpanLines(_print)
    url = _url(said, found)
    fields = [(name.encode("ascii"), value.get_secret_value().encode()) for name, value in said.headers.items()]
    compress = found.compress if found.compress is not None and not _written(said, "compression") else None
    compress = said.compression == "gzip" if compress is None else compress
    shown = without_credentials(url)
    sink: Sink
    write: Callable[[Span], bytes]
    if said.exporter == "zipkin":
        sink = zipkin.ZipkinSpans(url.encode(), shown, fields, compress)
        write = zipkin.SpanWriter(who).write
    else:
        named = {name.lower() for name, _ in fields}
        fields += [field for field in found.fields if field[0].lower() not in named]
        sink = otlp.OtlpSpans(url.encode(), shown, who, gateway.__version__, fields, compress, said.exporter)
        write = otlp.SpanWriter().write
    server = URL.from_text(url)
    with below("tracing.endpoint"):
        tls = client_tls_options(server.host.lower(), BackendTLS()) if server.scheme == "https" else None
    poster = Poster(Fetcher(foundation.reactor, foundation.dialer, tls, found.timeout or TIMEOUT, MOST))
    metrics = foundation.metrics
    made = Exporter(
        sink,
        poster.post,
        foundation.reactor,
        foundation.wall_clock,
        foundation.random,
        limit=said.queue,
        batch=said.batch,
        interval=said.interval,
        patience=foundation.ending.left,
        stop_posting=poster.stop,
        lost=metrics.counter("gateway_spans_dropped_total").add_many,
        delivered=metrics.counter("gateway_spans_exported_total").add_many,
    )
    made.write = write
    return made


def _queued(exporter: Any) -> list[tuple[tuple[str, ...], int]]:
    return [((), exporter.octets)] if isinstance(exporter, Exporter) else []


def _url(said: Said, found: Environment) -> str:
    if said.endpoint is not None:
        return said.endpoint if said.exporter == "zipkin" else traces_url(said.endpoint)
    return (found.zipkin if said.exporter == "zipkin" else found.endpoint) or USUAL[said.exporter]


def _secrets(said: Said) -> tuple[tuple[str, str], ...]:
    return tuple((name, value.get_secret_value()) for name, value in said.headers.items())


def _written(said: Said, key: str) -> bool:
    return key in said.model_fields_set


def _print(line: bytes) -> None:
    # Not `sys.stdout`: twistd puts its log in that place. Who has closed the other end of a pipe wants no lines.
    with suppress(OSError):
        os.write(1, line)
