"""Tables of the long runs: on the terminal, and in docs/hardening.md where the run is asked to publish them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.figures import Table

__all__ = ["PAGE", "Table", "publish"]

PAGE = Path(__file__).parents[1] / "docs" / "hardening.md"


def publish(section: str, tables: Sequence[Table], write: bool, page: Path = PAGE, picture: str = "") -> None:
    """Show tables; write them into their part of the page.

    Args:
        section: Between whose markers they go.
        tables: With a title of the form "name: what it says".
        write: Into the page, too.
        page: That has the markers.
        picture: A line of Markdown that stands in front of them.

    Raises:
        ValueError: The page has no such part.
    """
    for table in tables:
        sys.stdout.write(report.text(table, sys.stdout) + "\n")
    sys.stdout.flush()
    if write:
        report.expect_section(page, section)
        figures = report.markdown(tables, report.machine())
        report.write_markdown(page, f"{picture}\n\n{figures}" if picture else figures, section)
