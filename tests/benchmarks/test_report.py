from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.__main__ import main
from benchmarks.figures import Table

TABLE = Table(
    "plain: small answers", ["proxy", "CPU µs"], [["envoy", "55.0"], ["gateway", "50.1"]], ["envoy: one worker"]
)
ABOUT = {"date": "2026-11-21", "machine": "2 cores", "python": "CPython 3.11.7", "versions": "envoy 1.40.0"}


def test_figures_replace_what_stands_between_the_markers(tmp_path: Path) -> None:
    """The text around them is a person's and stays, however often it is done."""
    page = tmp_path / "performance.md"
    begin, end = "<!-- figures: begin -->", "<!-- figures: end -->"
    other = "<!-- change: begin -->\nof a change\n<!-- change: end -->\n"
    page.write_text(f"# Speed\n\n{other}\n{begin}\nold\n{end}\n\nHow to repeat it.\n")

    for _ in range(2):
        report.write_markdown(page, "new\n")

    assert page.read_text() == f"# Speed\n\n{other}\n{begin}\n\nnew\n\n{end}\n\nHow to repeat it.\n"

    report.write_markdown(page, "newer\n", "change")

    assert page.read_text().startswith("# Speed\n\n<!-- change: begin -->\n\nnewer\n\n<!-- change: end -->\n")
    assert "\nnew\n" in page.read_text()


def test_a_part_that_is_not_there_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    """Else the figures of some minutes would take the place of the whole document."""
    page = tmp_path / "performance.md"
    page.write_text("# Speed\n\n<!-- change: begin -->\n<!-- change: end -->\n")

    assert main(["--section", "chnage", "--markdown", str(page)]) == 2
    assert page.read_text().startswith("# Speed")


def test_a_file_without_markers_is_the_report(tmp_path: Path) -> None:
    """A new file too."""
    page = tmp_path / "figures.md"

    report.write_markdown(page, "figures\n")

    assert page.read_text() == "figures\n"


def test_a_markdown_table_aligns_figures_to_the_right() -> None:
    """The first column is a name."""
    text = report.markdown([TABLE], ABOUT)

    assert "| proxy   | CPU µs |\n| ------- | -----: |\n| envoy   |   55.0 |\n" in text
    assert "- envoy: one worker\n" in text


def test_a_note_stands_once() -> None:
    """Under the first table that has it: all have the same ones."""
    text = report.markdown([TABLE, replace(TABLE, title="tls: the same", notes=[*TABLE.notes, "gateway: ours"])], ABOUT)

    assert text.count("- envoy: one worker\n") == 1
    assert text.endswith("| gateway |   50.1 |\n\n- gateway: ours\n")


def test_a_pipe_gets_no_colours() -> None:
    """Only a terminal does."""
    assert "\x1b" not in report.text(TABLE, io.StringIO(), highlight="gateway")
