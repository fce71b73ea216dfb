"""What is noted of an exchange so that spans can be made of it when it is over.

Layer 0. Where traces are exported, `gateway.middleware.tracing` gives each exchange a `Spans`, and whoever sees
something that an exchange does not tell by itself notes it there: each attempt, and each step that waited, answered or
refused. Spans are made at the end only, by `gateway.telemetry.tracing`, and of few exchanges
(Note [Spans are made when it is over]). Subrequests note in the `Spans` of the exchange that they are made for.

# Note [Spans are made when it is over]
Whether a trace is kept is decided twice: at its start, by the client's decision or by chance, and at its end, where it
failed or was slow. So nothing is made at the start but ids, since a backend is told its parent then.

Tests: `tests/middleware/test_tracing.py`.
"""

from __future__ import annotations

from typing import Any


class Note:
    """A step of the chain that waited, answered or refused.

    Attributes:
        name: Of the step.
        hook: `on_request` or `on_response`.
        started: Monotonic seconds.
        ended: The same, 0.0 while it has not ended.
        outcome: Empty where the exchange went on, the reason where it was refused, the status where it was answered.
        failed: Whether the outcome is an error's.
    """

    __slots__ = ("ended", "failed", "hook", "name", "outcome", "started")

    def __init__(self, name: str, hook: str, started: float) -> None:
        self.name = name
        self.hook = hook
        self.started = started
        self.ended = 0.0
        self.outcome = ""
        self.failed = False

    def end(self, now: float, outcome: str = "", failed: bool = False) -> None:
        """Say how it ended."""
        self.ended = now
        self.outcome = outcome
        self.failed = failed


class Spans:
    """The ids of an exchange's trace, and what was noted.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16, of the exchange's own span; likewise the next two.
        first: Of its first attempt's; empty once that is made.
        parent: Of the client's; empty where it sent none.
        sampled: Whether the trace is kept whatever becomes of it, as the client or chance has it.
        attempts: The attempts so far (`gateway.forwarding.attempt`), those of subrequests included; no order is kept
            where they are asked at once.
        ids: Of the spans of these attempts, in the same order.
        notes: What steps have noted; None for nothing.
        over: Whether the exchange is over; subrequests may go on.
        kept: Whether its spans were made.
        wall: Unix seconds at the zero of the monotonic clock, once they were.
    """

    __slots__ = (
        "attempts",
        "first",
        "ids",
        "kept",
        "notes",
        "over",
        "parent",
        "sampled",
        "span_id",
        "trace_id",
        "wall",
    )

    def __init__(self, trace_id: bytes, span_id: bytes, first: bytes, parent: bytes, sampled: bool) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.first = first
        self.parent = parent
        self.sampled = sampled
        self.attempts: list[Any] = []
        self.ids: list[bytes] = []
        self.notes: list[Note] | None = None
        self.over = False
        self.kept = False
        self.wall = 0.0

    def note(self, name: str, hook: str, now: float) -> Note:
        """Note a step that does not just go on."""
        made = Note(name, hook, now)
        if self.notes is None:
            self.notes = []
        self.notes.append(made)
        return made

    @property
    def failed(self) -> bool:
        """Whether an attempt has failed: an exchange that a retry has saved tells of a fault, too."""
        return any(attempt.failure is not None or attempt.status >= 500 for attempt in self.attempts)
