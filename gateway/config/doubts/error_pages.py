"""Doubts about pages for errors: `intercept` where there is nothing to put in the place of an error, or no error.

Tests: `tests/config/test_answers.py::test_who_intercepts_nothing`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.doubts.common import Doubt
from gateway.config.schema import Settings
from gateway.config.schema.answers import INTERCEPT, ErrorPages


def error_pages(settings: Settings) -> Iterator[Doubt]:
    """Doubt the pages at top level and those of routes."""
    if _intercepts_without_pages(settings.error_pages):
        yield ("error_pages", INTERCEPT), _NO_PAGES
    for index, route in enumerate(settings.routes):
        if not route.error_pages or not route.error_pages.get(INTERCEPT):
            continue
        if not route.upstream:
            yield (
                ("routes", index, "error_pages", INTERCEPT),
                "the route has no backend whose errors it could stand for",
            )
        elif _intercepts_without_pages(route.error_pages):
            yield ("routes", index, "error_pages", INTERCEPT), _NO_PAGES


_NO_PAGES = "there is no page that could stand in the place of an error"


def _intercepts_without_pages(pages: ErrorPages) -> bool:
    return bool(pages.get(INTERCEPT)) and len(pages) == 1
