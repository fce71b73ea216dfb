"""A collector of spans that reads what it gets by OpenTelemetry's own messages, and takes nothing that is not right.

Its answers are for a `gateway.memory.backend.FakeBackend` in memory; `tests.system` puts the same behind a socket.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

SERVER, CLIENT, INTERNAL = 2, 3, 1
ERROR = 2


class Wrong(AssertionError):
    """What came is not what the specification says."""


class Taken:
    """One span as it came, read."""

    def __init__(self, span: Any, resource: Mapping[str, Any], scope: str) -> None:
        self.name: str = span.name
        self.kind: int = span.kind
        self.trace_id: str = span.trace_id.hex()
        self.span_id: str = span.span_id.hex()
        self.parent: str = span.parent_span_id.hex()
        self.started: int = span.start_time_unix_nano
        self.ended: int = span.end_time_unix_nano
        self.seconds = (self.ended - self.started) / 1e9
        self.attributes = attributes(span.attributes)
        self.failed = span.status.code == ERROR
        self.message: str = span.status.message
        self.flags: int = span.flags
        self.state: str = span.trace_state
        self.resource = resource
        self.scope = scope

    def __repr__(self) -> str:
        return f"<{self.name} {self.attributes}>"


class Collector:
    """Keeps every span.

    Attributes:
        spans: In the order in which they came.
        requests: How many requests brought them.
    """

    def __init__(self) -> None:
        self.spans: list[Taken] = []
        self.requests = 0

    def take(self, method: bytes, target: bytes, fields: Mapping[bytes, bytes], body: bytes) -> bytes:
        """Take a request; returns the body of the answer, whose status is 200."""
        if (method, target) != (b"POST", b"/v1/traces"):
            raise Wrong(f"{method!r} {target!r}")
        if fields.get(b"content-type") != b"application/x-protobuf":
            raise Wrong(f"content-type: {fields.get(b'content-type')!r}")
        if fields.get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        message = trace_service_pb2.ExportTraceServiceRequest()
        try:
            message.ParseFromString(body)
        except DecodeError as error:
            raise Wrong(str(error)) from error
        if message.SerializeToString(deterministic=True) != body:
            raise Wrong("it has fields that nobody knows, or in another order than they have")
        self.requests += 1
        for one in message.resource_spans:
            for scope in one.scope_spans:
                for span in scope.spans:
                    check(span)
                    self.spans.append(Taken(span, attributes(one.resource.attributes), scope.scope.name))
        answer: bytes = trace_service_pb2.ExportTraceServiceResponse().SerializeToString()
        return answer

    def of(self, kind: int) -> list[Taken]:
        """The spans of a kind."""
        return [span for span in self.spans if span.kind == kind]

    def traces(self) -> dict[str, list[Taken]]:
        """The spans by trace."""
        found: dict[str, list[Taken]] = {}
        for span in self.spans:
            found.setdefault(span.trace_id, []).append(span)
        return found

    def below(self, parent: Taken) -> Iterator[Taken]:
        """The spans that have this one as their parent."""
        return (span for span in self.spans if (span.trace_id, span.parent) == (parent.trace_id, parent.span_id))


def attributes(pairs: Any) -> dict[str, Any]:
    """Read attributes: each is there once."""
    found = {}
    for pair in pairs:
        if not pair.key or pair.key in found:
            raise Wrong(f"attribute {pair.key!r}, twice or without a name")
        found[pair.key] = getattr(pair.value, pair.value.WhichOneof("value"))
    return found


def check(span: Any) -> None:
    """Hold a span against what the specification says of every one."""
    if len(span.trace_id) != 16 or not any(span.trace_id) or len(span.span_id) != 8 or not any(span.span_id):
        raise Wrong(f"ids {span.trace_id!r} {span.span_id!r}")
    if len(span.parent_span_id) not in (0, 8) or span.parent_span_id == span.span_id:
        raise Wrong(f"parent {span.parent_span_id!r}")
    if not span.name or span.kind not in (INTERNAL, SERVER, CLIENT):
        raise Wrong(f"name {span.name!r}, kind {span.kind}")
    if not 0 < span.start_time_unix_nano <= span.end_time_unix_nano:
        raise Wrong(f"times {span.start_time_unix_nano} {span.end_time_unix_nano}")
    said = attributes(span.attributes)
    if span.kind in (SERVER, CLIENT) and not re.fullmatch("[A-Z]+|_OTHER", str(said.get("http.request.method"))):
        raise Wrong(f"method {said.get('http.request.method')!r}")
    if span.kind == SERVER and not {"url.scheme", "url.path"} <= said.keys():
        raise Wrong(f"a server's span without URL: {said}")
    if span.kind == CLIENT and not {"server.address", "server.port", "url.full"} <= said.keys():
        raise Wrong(f"a client's span without server: {said}")
    if (span.status.code == ERROR) and "error.type" not in said:
        raise Wrong(f"an error without its type: {said}")


class Jaeger:
    """Takes spans at its port for OTLP, and shows them at the other, as Jaeger's own pages ask for them."""

    def __init__(self) -> None:
        self._collector = Collector()

    def otlp(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Take spans."""
        known = {name.encode(): value.encode() for name, value in fields.items()}
        return 200, self._collector.take(method.encode(), path.encode(), known, body)

    def query(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Answer `GET /api/traces?service=NAME`."""
        place, _, service = path.partition("?service=")
        if (method, place) != ("GET", "/api/traces"):
            return 404, b"{}"
        found = [
            {"traceID": trace, "spans": [_shown(span) for span in spans]}
            for trace, spans in self._collector.traces().items()
            if spans[0].resource["service.name"] == service
        ]
        return 200, json.dumps({"data": found}, separators=(",", ":")).encode()


def _shown(span: Taken) -> dict[str, Any]:
    tags = [{"key": key, "value": value} for key, value in span.attributes.items()]
    return {
        "spanID": span.span_id,
        "operationName": span.name,
        "references": [{"refType": "CHILD_OF", "spanID": span.parent}] if span.parent else [],
        "startTime": span.started // 1000,
        "duration": (span.ended - span.started) // 1000,
        "tags": tags,
    }
