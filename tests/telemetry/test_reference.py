"""The page of metrics is the list of metrics."""

from __future__ import annotations

from pathlib import Path

from gateway.telemetry.reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def test_the_page_is_up_to_date() -> None:
    """`python -m gateway.telemetry.reference > docs/reference/metrics.md` has been run after the last change."""
    assert PAGE.read_text(encoding="utf-8") == markdown()
