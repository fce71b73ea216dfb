"""Where the time of an exchange went: its attempts, and from them the phases of which a waterfall is drawn.

Decides only. All that goes in is monotonic seconds, all that comes out milliseconds from the exchange's beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

QUEUE: Final = "pool.exhausted"
"""The reason of an attempt that no connection was free for."""

ANSWERED: Final = "answered"

LONGEST: Final = 2048
"""Characters of a text that somebody outside has chosen."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt, as far as something is known of it.

    Attributes:
        number: Which of its exchange it is, from 1.
        upstream: By name.
        backend: Its URL.
        started: Monotonic seconds, and so are the other times.
        ended: When it was over.
        connected: When it got a connection that it had waited for; 0.0 where it did not wait, or got none.
        head: When the head of the answer came; 0.0 where it came with all of the answer, or not at all.
        outcome: `answered`, `failed`, `cancelled`; `unknown` where nothing was noted.
        status: Of the answer; 0 for none, or where it is not known.
        reason: Of the error; empty for none.
        detail: What more is known of it.
        why: What it repeats an attempt for; empty for the first.
        reused: Whether its connection had been used before; None where it had none, or that is not known.
        protocol: `1.1` or `2`; None where it had no connection, or that is not known.
    """

    number: int
    upstream: str
    backend: str
    started: float
    ended: float
    connected: float = 0.0
    head: float = 0.0
    outcome: str = ANSWERED
    status: int = 0
    reason: str = ""
    detail: str = ""
    why: str = ""
    reused: bool | None = None
    protocol: str | None = None

    @staticmethod
    def of(noted: Any) -> Tried:
        """Take over what was noted (`gateway.forwarding.noted`, which this layer may not import)."""
        outcome = "cancelled" if noted.cancelled else "failed" if noted.reason else ANSWERED
        protocol = None if noted.reused is None else "2" if noted.http2 else "1.1"
        return Tried(
            noted.number,
            noted.upstream,
            noted.backend,
            noted.started,
            noted.ended,
            noted.connected,
            noted.head,
            outcome,
            noted.status,
            noted.reason,
            printed(noted.detail),
            noted.why,
            noted.reused,
            protocol,
        )

    def shown(self, zero: float) -> dict[str, Any]:
        """Return it as JSON can say it.

        Args:
            zero: When its exchange began.
        """
        return {
            "number": self.number,
            "upstream": self.upstream,
            "backend": self.backend,
            "outcome": self.outcome,
            "status": self.status or None,
            "reason": self.reason or None,
            "detail": self.detail,
            "why": self.why,
            "reused": self.reused,
            "protocol": self.protocol,
            "start_ms": milliseconds(self.started - zero),
            "ms": milliseconds(self.ended - self.started),
        }


def phases(started: float, finished: float, attempts: Sequence[Tried]) -> list[dict[str, Any]]:
    """Divide the time of an exchange up.

    Args:
        started: Monotonic seconds.
        finished: Likewise.
        attempts: In order of their beginning.
    """
    found: list[dict[str, Any]] = []

    def add(name: str, begin: float, end: float, attempt: int | None = None) -> None:
        if end > begin:
            begins = milliseconds(begin - started)
            found.append({"name": name, "start_ms": begins, "ms": milliseconds(end - begin), "attempt": attempt})

    if not attempts:
        add("gateway", started, finished)
        return found
    last = attempts[0].started
    add("gateway", started, last)
    for number, one in enumerate(attempts):
        if number:
            add("backoff", last, one.started)
        sent = one.connected or one.started
        if one.outcome != "unknown" and one.reused is None and not one.status and one.outcome != ANSWERED:
            add("queue" if one.reason == QUEUE else "connect", one.started, one.ended, one.number)
        else:
            add("queue" if one.reused else "connect", one.started, sent, one.number)
            add("wait", sent, one.head or one.ended, one.number)
            if one.head:
                add("answer", one.head, one.ended, one.number)
        last = max(last, one.ended)
    add("client", last, finished)
    return sorted(found, key=lambda phase: float(phase["start_ms"]))


def milliseconds(seconds: float) -> float:
    """Return milliseconds, to the microsecond."""
    return round(seconds * 1e3, 3)


def printed(text: str) -> str:
    """Return a text as it is kept: bounded, and something that JSON can say.

    A plugin or a claim may bring half of a surrogate pair, which neither the feed of the live page nor the other
    processes could be told of.
    """
    return text[:LONGEST].encode("utf-8", "backslashreplace").decode()
