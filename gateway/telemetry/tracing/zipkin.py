"""Spans as Zipkin takes them: JSON, version 2 (https://zipkin.io/zipkin-api/, POST /spans).

What OpenTelemetry's attributes become there is after its own rules for that
(https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin/): tags are texts, a failure is the tag `error`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.http import exact_json
from gateway.telemetry.shipping.contract import Parcel, Receipt, Verdict, judge_status, squeezed
from gateway.telemetry.tracing.span import CLIENT, SERVER, Attribute, Span

_KINDS = {SERVER: "SERVER", CLIENT: "CLIENT"}


class SpanWriter:
    """Writes single spans.

    Args:
        resource: Who has made them: the service's name is the local endpoint's, the rest are tags.
    """

    def __init__(self, resource: Iterable[Attribute]) -> None:
        known = dict(resource)
        self._endpoint = {"serviceName": str(known.pop("service.name", "")).lower()}
        self._tags = {key: str(value) for key, value in known.items()}

    def write(self, span: Span) -> bytes:
        """Return a span as an object of the list that is posted."""
        tags = dict(self._tags)
        tags.update((key, str(value)) for key, value in span.attributes)
        if span.error:
            tags["error"] = span.error
            tags["otel.status_code"] = "ERROR"
        said: dict[str, Any] = {
            "traceId": span.trace_id.decode("ascii"),
            "id": span.span_id.decode("ascii"),
            "name": span.name,
            "timestamp": span.started // 1000,
            "duration": max((span.ended - span.started) // 1000, 1),
            "localEndpoint": self._endpoint,
            "tags": tags,
        }
        if span.parent:
            said["parentId"] = span.parent.decode("ascii")
        kind = _KINDS.get(span.kind)
        if kind is not None:
            said["kind"] = kind
        remote = self._remote(span)
        if remote:
            said["remoteEndpoint"] = remote
        return exact_json.write(said)

    def _remote(self, span: Span) -> dict[str, Any]:
        known = dict(span.attributes)
        if span.kind is SERVER:
            return _endpoint(known.get("client.address"), None)
        if span.kind is CLIENT:
            return _endpoint(known.get("server.address"), known.get("server.port"))
        return {}


class ZipkinSpans:
    """The receiver (a `gateway.telemetry.shipping.contract.Sink`); arguments as those of `otlp.OtlpSpans`."""

    what = "spans"
    name = "zipkin"

    def __init__(
        self, url: bytes, shown: str, fields: Sequence[tuple[bytes, bytes]] = (), compress: bool = True
    ) -> None:
        self.where = shown
        self._url = url
        self._fields = [(b"Content-Type", b"application/json"), *fields]
        self._compress = compress

    def pack(self, items: Sequence[bytes]) -> Parcel:
        body, fields = squeezed(b"[" + b",".join(items) + b"]", self._fields, self._compress)
        return Parcel(self._url, fields, body)

    def judge(self, items: Sequence[bytes], receipt: Receipt) -> Verdict:
        return judge_status(items, receipt)


def _endpoint(address: object, port: object) -> dict[str, Any]:
    if not isinstance(address, str) or not address:
        return {}
    if ":" in address:
        found: dict[str, Any] = {"ipv6": address}
    elif address.replace(".", "").isdigit():
        found = {"ipv4": address}
    else:
        found = {"serviceName": address.lower()}
    if isinstance(port, int) and port:
        found["port"] = port
    return found
