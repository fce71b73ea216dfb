"""The page of the admin API is up to date, and says all that the document says."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.admin.openapi import document
from gateway.admin.reference import markdown

PAGE = Path(__file__).parents[2] / "docs/reference/admin-api.md"


def test_the_page_is_that_of_the_document() -> None:
    """`make docs` has been run since the document changed."""
    assert PAGE.read_text() == markdown()


def test_each_operation_has_a_section_with_its_answers() -> None:
    """In the order of the document, which is that of the overview."""
    sections = re.findall(r"^### `([A-Z]+ /\S*)`\n(.*?)(?=^##)", markdown(), re.MULTILINE | re.DOTALL)
    wanted = [
        (f"{method.upper()} {path}", set(operation["responses"]))
        for path, item in document()["paths"].items()
        for method, operation in sorted(item.items(), key=lambda one: ["get", "put", "post", "delete"].index(one[0]))
    ]

    assert [(name, set(re.findall(r"^\| (\d{3}) \|", text, re.MULTILINE))) for name, text in sections] == wanted


def test_shapes_that_are_named_are_there() -> None:
    """A reader who follows a link finds the shape."""
    page = markdown()
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", page, re.MULTILINE)}

    assert set(re.findall(r"\]\(#(\w+)\)", page)) <= headings
