"""What a scenario hands back: tables for people, figures for the targets, raw rounds for tools."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.workload import MEBIBYTE


@dataclass(frozen=True)
class Table:
    """One table of the report; the first column is text, the others are right-aligned."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


@dataclass
class Outcome:
    """The result of one scenario.

    Attributes:
        figures: Named single values, e.g. `plain.cpu_ratio.envoy`; the targets are read from these.
        raw: Every round as measured, for `--json`.
    """

    tables: list[Table] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)


def median(values: Sequence[float]) -> float:
    """The middle value: one disturbed round does not move it."""
    return statistics.median(values) if values else float("nan")


def spread(values: Sequence[float]) -> float:
    """Half the range of the values, as a part of their median."""
    return (max(values) - min(values)) / 2 / median(values) if values and median(values) else 0.0


def micro(seconds: float) -> str:
    """Seconds as µs with three digits that count."""
    value = seconds * 1e6
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def milli(seconds: float) -> str:
    """Seconds as ms."""
    return f"{seconds * 1e3:,.1f}"


def mebi(size: float) -> str:
    """Bytes as MiB."""
    return f"{size / MEBIBYTE:,.1f}"


def ratio(value: float, base: float | None) -> str:
    """A value in parts of another, or a dash without one."""
    return f"{value / base:.2f}" if base else "-"
