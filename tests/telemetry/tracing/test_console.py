"""Spans as lines."""

from __future__ import annotations

import json

from gateway.telemetry.tracing.console import SpanLines
from tests.telemetry.tracing.test_otlp import span


def test_a_span_is_a_line_of_json() -> None:
    """With what people look for."""
    lines: list[bytes] = []
    console = SpanLines(lines.append)

    console.put(console.write(span(error="it broke")))

    [line] = lines
    said = json.loads(line)
    assert line.endswith(b"\n")
    assert (said["span"], said["kind"], said["error"]) == ("GET", "client", "it broke")
    assert said["duration_ms"] == 249.999999
    assert said["attributes"]["server.port"] == 9001


def test_text_that_is_no_unicode_is_told() -> None:
    """Half of a surrogate pair, which a plugin may bring, is a JSON escape."""
    line = SpanLines(lambda _: None).write(span(error="\udcff"))

    assert json.loads(line)["error"] == "\udcff"
