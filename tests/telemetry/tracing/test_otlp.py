"""Spans in OTLP, read by the messages that OpenTelemetry publishes."""

from __future__ import annotations

import gzip

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from gateway.headers import Headers
from gateway.telemetry.shipping.contract import OK, Receipt, Verdict
from gateway.telemetry.tracing.otlp import OtlpSpans, SpanWriter, partial_success
from gateway.telemetry.tracing.span import CLIENT, INTERNAL, Attribute, Span
from tests.collector import Collector

URL = b"http://collector:4318/v1/traces"
RESOURCE: list[Attribute] = [("service.name", "edge"), ("process.pid", 7)]


def span(**changes: object) -> Span:
    """A client's span."""
    said: dict[str, object] = {
        "trace_id": b"4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": b"00f067aa0ba902b7",
        "parent": b"b7ad6b7169203331",
        "name": "GET",
        "kind": CLIENT,
        "started": 1_700_000_000_000_000_001,
        "ended": 1_700_000_000_250_000_000,
        "attributes": [
            ("http.request.method", "GET"),
            ("server.address", "127.0.0.1"),
            ("server.port", 9001),
            ("url.full", "http://127.0.0.1:9001/ö"),
        ],
    }
    return Span(**(said | changes))  # type: ignore[arg-type]


def receipt(status: int, body: bytes = b"") -> Receipt:
    """An answer."""
    return Receipt(status, Headers(), body)


@pytest.mark.parametrize("compress", [True, False])
def test_a_batch_is_what_a_collector_reads(compress: bool) -> None:
    """Every field, and the fields of the request."""
    sink = OtlpSpans(URL, "shown", RESOURCE, "1.2.3", [(b"Authorization", b"Bearer x")], compress)
    writer = SpanWriter()
    spans = [
        span(state=b"a=1", remote=True),
        span(error="it broke", attributes=[*span().attributes, ("error.type", "upstream.reset")], flags=0),
        span(parent=b"", kind=INTERNAL, name="cache", attributes=[]),
    ]

    parcel = sink.pack([writer.write(one) for one in spans])
    collector = Collector()
    fields = {name.lower(): value for name, value in parcel.fields}
    assert collector.take(b"POST", b"/v1/traces", fields, parcel.body) == b""

    first, second, third = collector.spans
    assert (parcel.url, fields[b"authorization"]) == (URL, b"Bearer x")
    assert (fields.get(b"content-encoding") == b"gzip") is compress
    assert (first.trace_id, first.span_id, first.parent) == (
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
        "b7ad6b7169203331",
    )
    assert (first.started, first.ended) == (1_700_000_000_000_000_001, 1_700_000_000_250_000_000)
    assert first.attributes == dict(span().attributes)
    assert (first.state, first.flags, first.failed) == ("a=1", 0x301, False)
    assert (second.failed, second.message, second.flags) == (True, "it broke", 0x100)
    assert (third.parent, third.name, third.attributes) == ("", "cache", {})
    assert first.resource == {"service.name": "edge", "process.pid": 7}
    message = trace_service_pb2.ExportTraceServiceRequest()
    message.ParseFromString(gzip.decompress(parcel.body) if compress else parcel.body)
    scope = message.resource_spans[0].scope_spans[0].scope
    assert (scope.name, scope.version) == ("gateway", "1.2.3")


def test_what_many_have_alike_is_written_once_within_a_bound() -> None:
    """However many ports there are."""
    writer = SpanWriter()
    for number in range(10_000):
        writer.write(span(attributes=[("http.request.method", "GET"), ("port", number), ("long", "x" * 300)]))
    assert len(writer.remembered) <= 4096


def test_a_span_does_not_end_before_it_begins() -> None:
    """Whatever became of the clocks."""
    assert span(ended=5).ended == span().started


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (receipt(200), OK),
        (receipt(202, b"x"), OK),
        (receipt(400, b""), Verdict(refused=2, said="it answered 400")),
        (receipt(503, b""), Verdict(again=[b"a", b"b"], said="it answered 503")),
        (receipt(200, b"\x0a\x08\x08\x01\x12\x04full"), Verdict(refused=1, said="full")),
        (receipt(200, b"\x0a\x02\x08\x09"), Verdict(refused=2)),
        (receipt(200, b"<html>"), OK),
    ],
)
def test_answers(answer: Receipt, verdict: Verdict) -> None:
    """A success may be one in part."""
    assert OtlpSpans(URL, "shown", RESOURCE, "1").judge([b"a", b"b"], answer) == verdict


def test_a_partial_success_is_what_the_library_writes() -> None:
    """With its number and its words."""
    said = trace_service_pb2.ExportTraceServiceResponse(
        partial_success=trace_service_pb2.ExportTracePartialSuccess(rejected_spans=300, error_message="too old")
    )

    assert partial_success(said.SerializeToString()) == (300, "too old")
