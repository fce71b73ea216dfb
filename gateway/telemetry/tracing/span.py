"""`Span`: what took its time in a trace, in no particular format.

Tests: `tests/telemetry/tracing/test_otlp.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

Value = str | int
"""Of an attribute. No flags and no fractions: these equal integers, and would be taken for them where attributes are
remembered (`gateway.telemetry.tracing.otlp`)."""

Attribute = tuple[str, Value]


class Kind(IntEnum):
    """What a span is to others, with the numbers of OTLP."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3


INTERNAL: Final = Kind.INTERNAL
SERVER: Final = Kind.SERVER
CLIENT: Final = Kind.CLIENT


class Span:
    """One span, complete.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16; likewise `parent`, which is empty for the first of a trace.
        name: A few words, of which there are not many in all.
        kind: What it is to others.
        started: Nanoseconds since 1970.
        ended: The same.
        attributes: What is known of it.
        error: What went wrong, empty for nothing.
        flags: Of the trace context, 1 where the trace is sampled.
        remote: Whether the parent is somebody else's.
        state: `tracestate` as it was passed on.
    """

    __slots__ = (
        "attributes",
        "ended",
        "error",
        "flags",
        "kind",
        "name",
        "parent",
        "remote",
        "span_id",
        "started",
        "state",
        "trace_id",
    )

    def __init__(
        self,
        trace_id: bytes,
        span_id: bytes,
        parent: bytes,
        name: str,
        kind: Kind,
        started: int,
        ended: int,
        attributes: Sequence[Attribute],
        error: str = "",
        flags: int = 1,
        remote: bool = False,
        state: bytes = b"",
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent = parent
        self.name = name
        self.kind = kind
        self.started = started
        self.ended = max(ended, started)
        self.attributes = attributes
        self.error = error
        self.flags = flags
        self.remote = remote
        self.state = state
