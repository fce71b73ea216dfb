"""Figures that pages promise are those that were measured: within a tenth, by which runs of the benchmarks differ."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PERFORMANCE, TUNING = "performance.md", "operations/tuning.md"
GATEWAY = "gateway-compiled"
DEPLOYMENT, KUBERNETES = "operations/deployment.md", "guides/kubernetes.md"

QUOTED = [
    (DEPLOYMENT, r"(\d+) MiB for one process", PERFORMANCE, "Start", GATEWAY, "RSS MiB", 1),
    (DEPLOYMENT, r"(\d+) MiB for two workers", PERFORMANCE, "Processes", f"{GATEWAY}+two", "RSS MiB", 1),
    (DEPLOYMENT, r"idle connection \| ([\d.]+) KiB", PERFORMANCE, "Idle", GATEWAY, "KiB/connection", 1),
    (DEPLOYMENT, r"KiB, with TLS (\d+);", PERFORMANCE, "Idle-tls", GATEWAY, "KiB/connection", 1),
    (DEPLOYMENT, r"of HTTP/2 (\d+),", PERFORMANCE, "Idle-h2", GATEWAY, "KiB/connection", 1),
    (DEPLOYMENT, r"of HTTP/2 \d+, with TLS (\d+) ", PERFORMANCE, "Idle-h2-tls", GATEWAY, "KiB/connection", 1),
    (DEPLOYMENT, r"(\d+) % of a core", PERFORMANCE, "Paced", f"{GATEWAY}+chain", "of a core", 1),
    (DEPLOYMENT, r"(\d+) ms after the file", PERFORMANCE, "Change", f"{GATEWAY} 5,000", "ms after reading", 1),
    (
        DEPLOYMENT,
        r"([\d.]+) s after it was saved",
        PERFORMANCE,
        "Change",
        f"{GATEWAY} 5,000",
        "in force after ms",
        1000,
    ),
    (DEPLOYMENT, r"(\d+) ms after the admin", PERFORMANCE, "Change", f"{GATEWAY}+api 5,000", "in force after ms", 1),
    (DEPLOYMENT, r"costs ([\d.]+) of the CPU", TUNING, "Knobs-ratios", "gateway", "CPU/request", 1),
    (TUNING, r"interpreted, a request costs ([\d.]+)", TUNING, "Knobs-ratios", "gateway", "CPU/request", 1),
    (KUBERNETES, r"first answer \| ([\d.]+) s", PERFORMANCE, "Start", GATEWAY, "seconds", 1),
    (KUBERNETES, r"first answer \| [\d.]+ s, (\d+) MiB", PERFORMANCE, "Start", GATEWAY, "RSS MiB", 1),
    (KUBERNETES, r"64 connections \| (\d+) MiB", PERFORMANCE, "Chain", f"{GATEWAY}+chain", "RSS MiB", 1),
    (KUBERNETES, r"MiB, (\d+) µs of CPU", PERFORMANCE, "Chain", f"{GATEWAY}+chain", "CPU µs/request", 1),
    (KUBERNETES, r"10,000 routes \| (\d+) MiB", PERFORMANCE, "Routes", f"{GATEWAY} 10,000", "RSS MiB", 1),
    (KUBERNETES, r"HTTP/2 with TLS \| (\d+),", PERFORMANCE, "Idle", GATEWAY, "RSS MiB", 1),
    (KUBERNETES, r"HTTP/2 with TLS \| \d+, (\d+),", PERFORMANCE, "Idle-tls", GATEWAY, "RSS MiB", 1),
    (KUBERNETES, r"HTTP/2 with TLS \| \d+, \d+, (\d+) ", PERFORMANCE, "Idle-h2-tls", GATEWAY, "RSS MiB", 1),
    ("comparison.md", r"\((\d+) MiB here against", PERFORMANCE, "Idle", "nginx", "RSS MiB before", 1),
    ("comparison.md", r"MiB here against (\d+)\)", PERFORMANCE, "Idle", GATEWAY, "RSS MiB before", 1),
]
"""A page and its words around a figure; page, table, row and column that were measured, and what that is divided by."""


def measured(page: str, table: str, row: str, column: str) -> list[float]:
    """What the tables of that name have: more than one run may have written one."""
    found = []
    for block in re.findall(rf"^### {table}\n(.*?)(?=^##|\Z)", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE):
        cells = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines() if line[:1] == "|"
        ]
        rows = [line for line in cells if column in cells[0] and " ".join(line).startswith(f"{row} ")]
        found += [float(line[cells[0].index(column)].strip("%").replace(",", "")) for line in rows]
    return found


@pytest.mark.parametrize(("page", "words", "source", "table", "row", "column", "divided"), QUOTED)
def test_a_figure_is_what_was_measured(
    page: str, words: str, source: str, table: str, row: str, column: str, divided: float
) -> None:
    """Who reads two pages finds one truth; a new run of the benchmarks that says otherwise changes both."""
    quoted = re.findall(words, (DOCS / page).read_text())
    figures = [figure / divided for figure in measured(source, table, row, column)]

    assert len(quoted) == 1
    assert figures
    assert any(abs(float(quoted[0]) - figure) <= max(0.1 * figure, 0.05) for figure in figures), figures
