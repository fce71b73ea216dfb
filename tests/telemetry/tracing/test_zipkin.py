"""Spans as Zipkin's second version has them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from gateway.headers import Headers
from gateway.telemetry.shipping.contract import OK, Receipt
from gateway.telemetry.tracing.span import CLIENT, INTERNAL, SERVER, Kind
from gateway.telemetry.tracing.zipkin import SpanWriter, ZipkinSpans
from tests.telemetry.tracing.test_otlp import span

URL = b"http://zipkin:9411/api/v2/spans"


def written(**changes: object) -> dict[str, Any]:
    """A span as it is sent."""
    found: dict[str, Any] = json.loads(
        SpanWriter([("service.name", "Edge"), ("process.pid", 7)]).write(span(**changes))
    )
    return found


def test_a_span_has_what_zipkin_asks_for() -> None:
    """Ids and times in its units, endpoints, tags that are texts."""
    assert written() == {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "id": "00f067aa0ba902b7",
        "parentId": "b7ad6b7169203331",
        "name": "GET",
        "kind": "CLIENT",
        "timestamp": 1_700_000_000_000_000,
        "duration": 249_999,
        "localEndpoint": {"serviceName": "edge"},
        "remoteEndpoint": {"ipv4": "127.0.0.1", "port": 9001},
        "tags": {
            "process.pid": "7",
            "http.request.method": "GET",
            "server.address": "127.0.0.1",
            "server.port": "9001",
            "url.full": "http://127.0.0.1:9001/ö",
        },
    }


@pytest.mark.parametrize(
    ("kind", "attribute", "endpoint"),
    [
        (SERVER, ("client.address", "192.0.2.1"), {"ipv4": "192.0.2.1"}),
        (SERVER, ("client.address", "2001:db8::1"), {"ipv6": "2001:db8::1"}),
        (CLIENT, ("server.address", "Orders.internal"), {"serviceName": "orders.internal"}),
        (SERVER, ("client.address", ""), None),
        (INTERNAL, ("server.address", "127.0.0.1"), None),
    ],
)
def test_the_other_end(kind: Kind, attribute: tuple[str, str], endpoint: object) -> None:
    """An address of either kind, or a name."""
    assert written(kind=kind, attributes=[attribute]).get("remoteEndpoint") == endpoint


def test_a_failure_is_a_tag() -> None:
    """As OpenTelemetry's rules for Zipkin have it; and a span takes a microsecond at least, a root has no parent."""
    said = written(error="it broke", kind=INTERNAL, parent=b"", ended=0)

    assert (said["tags"]["error"], said["tags"]["otel.status_code"]) == ("it broke", "ERROR")
    assert said["duration"] == 1
    assert not {"kind", "parentId"} & said.keys()


def test_a_batch_is_a_list() -> None:
    """Compressed or not; what is answered says what became of all of it."""
    for compress in (True, False):
        sink = ZipkinSpans(URL, "shown", [(b"X-Key", b"x")], compress)
        parcel = sink.pack([b'{"id":"1"}', b'{"id":"2"}'])
        body = gzip.decompress(parcel.body) if compress else parcel.body
        assert json.loads(body) == [{"id": "1"}, {"id": "2"}]
        assert parcel.fields[:2] == [(b"Content-Type", b"application/json"), (b"X-Key", b"x")]
        assert sink.judge([b"1"], Receipt(202, Headers(), b"")) == OK
        assert sink.judge([b"1"], Receipt(503, Headers(), b"")).again == [b"1"]


def test_text_that_is_no_unicode_is_told() -> None:
    """Half of a surrogate pair, which a plugin may bring, is a JSON escape."""
    assert written(attributes=[("user.id", "\udcff")])["tags"]["user.id"] == "\udcff"
