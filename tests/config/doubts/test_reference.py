"""The page of the rules of `gateway lint`."""

from __future__ import annotations

from pathlib import Path

from gateway.config.doubts.reference import markdown

PAGE = Path(__file__).parents[3] / "docs/reference/lint.md"


def test_the_page_is_made_of_the_rules() -> None:
    """`python -m gateway.config.doubts.reference > docs/reference/lint.md` makes it so."""
    assert PAGE.read_text(encoding="utf-8") == markdown()
