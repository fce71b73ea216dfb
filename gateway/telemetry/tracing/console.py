"""Spans as lines for people: `tracing.exporter: console`, to see that there are any."""

from __future__ import annotations

from collections.abc import Callable

from gateway.http import exact_json
from gateway.telemetry.tracing.span import Span


class SpanLines:
    """Writes each span as one line of JSON.

    Args:
        write: Takes a line with its end.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def put(self, line: bytes) -> None:
        """Take what `write` has made."""
        self._write(line)

    def write(self, span: Span) -> bytes:
        """Return the line of a span."""
        said = {
            "span": span.name,
            "kind": span.kind.name.lower(),
            "trace_id": span.trace_id.decode("ascii"),
            "span_id": span.span_id.decode("ascii"),
            "parent_id": span.parent.decode("ascii") or None,
            "started": span.started,
            "duration_ms": (span.ended - span.started) / 1e6,
            "error": span.error or None,
            "attributes": dict(span.attributes),
        }
        return exact_json.write(said) + b"\n"
