"""Write the tables of a run: for a terminal, as Markdown, and as JSON."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from benchmarks import peers
from benchmarks.figures import Outcome, Table
from benchmarks.progress import painted

FIGURES, PROFILE = "figures", "profile"
"""Parts of documents that are written anew."""


def markers(section: str) -> tuple[str, str]:
    """Return the markers of a part of a document."""
    return f"<!-- {section}: begin -->", f"<!-- {section}: end -->"


def machine() -> dict[str, str]:
    """What the figures depend on, beside the code."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    versions = {name: peers.version(name) for name in ("nginx", "haproxy", "envoy", "caddy", "wrk", "h2load")}
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores ({model}), Linux {platform.release()}",
        "python": f"CPython {platform.python_version()}",
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items() if number),
    }


def text(table: Table, stream: TextIO, highlight: str | None = None) -> str:
    """Lay a table out for a terminal.

    Args:
        table: To be shown.
        stream: Where it will be written; decides whether colours are used.
        highlight: Value of the first column of the row that the reader looks for.
    """
    widths = _widths(table)
    lines = [painted(table.title, "bold", stream), painted(_line(table.header, widths), "dim", stream)]
    for row in table.rows:
        line = _line(row, widths)
        if row[-1] == "MISSED":
            line = painted(line, "red", stream)
        elif row[0] == highlight or row[-1] == "met":
            line = painted(line, "green", stream)
        lines.append(line)
    return "\n".join(lines) + "\n"


def markdown(tables: Iterable[Table], about: Mapping[str, str]) -> str:
    """Write tables as Markdown, with the machine in front; a note stands under the first table that has it."""
    said: set[str] = set()
    parts = [f"Measured {about['date']}: {about['machine']}, {about['python']}; {about['versions']}.\n"]
    for table in tables:
        name, _, rest = table.title.partition(": ")
        parts.append(f"### {name[:1].upper()}{name[1:]}\n")
        parts.append(f"{rest[:1].upper()}{rest[1:]}.\n")
        widths = _widths(table)
        rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
        rows = [_line(row, widths, " | ") for row in (table.header, rule, *table.rows)]
        parts.append("\n".join(f"| {row} |" for row in rows) + "\n")
        new = [note for note in table.notes if note not in said]
        if new:
            parts.append("\n".join(f"- {note}" for note in new) + "\n")
        said.update(new)
    return "\n".join(parts)


def write_markdown(path: Path, figures: str, section: str = FIGURES) -> None:
    """Put the figures between the markers of a part of a document, or into a file of their own if it has none."""
    begin, end = markers(section)
    if path.exists():
        before, began, rest = path.read_text().partition(begin)
        _, ended, after = rest.partition(end)
        if began and ended:
            path.write_text(f"{before}{begin}\n\n{figures}\n{end}{after}")
            return
    path.write_text(figures)


def expect_section(path: Path, section: str) -> None:
    """See, before anything is measured, that a document has a part; without it the figures would take its place.

    Raises:
        ValueError: It has not.
    """
    text = path.read_text() if path.exists() else ""
    if not all(marker in text for marker in markers(section)):
        raise ValueError(f"{path} has no {' and '.join(markers(section))}")


def write_json(path: Path, outcomes: Mapping[str, Outcome], about: Mapping[str, str]) -> None:
    """Keep everything that was measured."""
    content = {
        "about": dict(about),
        "scenarios": {name: {"figures": outcome.figures, "rounds": outcome.raw} for name, outcome in outcomes.items()},
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def _widths(table: Table) -> list[int]:
    return [max(len(cell) for cell in column) for column in zip(table.header, *table.rows, strict=True)]


def _line(cells: Sequence[str], widths: Sequence[int], between: str = "  ") -> str:
    first = cells[0].ljust(widths[0])
    return between.join([first, *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))])
