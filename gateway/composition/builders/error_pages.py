"""Settings of `error_pages` into what makes the answers to errors, and the step that intercepts those of backends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from gateway.composition.builders.content_files import read_content
from gateway.config import Settings
from gateway.config.problems import unusable
from gateway.config.schema.answers import INTERCEPT
from gateway.config.schema.routes import Route
from gateway.interfaces import ErrorRenderer
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable
from gateway.serving.error_pages import ErrorPages, Intercept, Page
from gateway.serving.explaining import Explanations, explained
from gateway.serving.respond import render_error

MOST = 2**20
"""Octets of a page."""


class Pages:
    """The pages of one configuration; each file is read once.

    Args:
        settings: The configuration.
        explanations: Tells of errors in the log; None where nobody reads it.

    Attributes:
        explains: Whether errors are told of in the log.
        render_error: Makes the answers to errors of exchanges that no route takes.

    Raises:
        ConfigError: A page cannot be used.
    """

    def __init__(self, settings: Settings, explanations: Explanations | None = None) -> None:
        self._explanations = explanations
        self.explains = explanations is not None
        self._everywhere = settings.error_pages or {}
        self._read = cache(_read)
        self._made: dict[tuple[tuple[str, str | bool], ...], ErrorPages] = {}
        self._step = cache(_step)
        self.render_error = self._renderer("", self._everywhere, explanations)

    def renderer(self, route: Route) -> ErrorRenderer:
        """Return what makes the answers to the errors of a route.

        Raises:
            ConfigError: A page of the route's own cannot be used.
        """
        own = route.error_pages
        return self.render_error if own is None else self._renderer(f"routes[{route.name}].", own, self._explanations)

    def unrouted(self, rules: Iterable[RouteRule], routes: RouteTable[Any], elsewhere: frozenset[str]) -> ErrorRenderer:
        """Return what makes the answers to errors of exchanges that no route of a listener takes.

        Args:
            rules: Those of all routes, in order.
            routes: Those that are there.
            elsewhere: The names of those that are not.
        """
        explanations = None if self._explanations is None else self._explanations.among(rules, routes, elsewhere)
        return self._renderer("", self._everywhere, explanations)

    def step(self, route: Route | None) -> Intercept | None:
        """Return the step that puts pages in the place of the errors of a route's backends; None where nobody asks."""
        if route is None or not route.upstream:
            return None
        place, wanted = "", self._everywhere
        if route.error_pages is not None:
            place, wanted = f"routes[{route.name}].", route.error_pages
        return self._step(self._pages(place, wanted)) if wanted.get(INTERCEPT) and _has_pages(wanted) else None

    def _renderer(
        self, place: str, wanted: Mapping[str, str | bool], explanations: Explanations | None
    ) -> ErrorRenderer:
        # Without pages errors cost what they cost before.
        render = self._pages(place, wanted).render if _has_pages(wanted) else render_error
        return explained(render, explanations)

    def _pages(self, place: str, wanted: Mapping[str, str | bool]) -> ErrorPages:
        key = tuple(wanted.items())
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = ErrorPages(
                {
                    status: self._read(file, f"{place}error_pages.{status}")
                    for status, file in wanted.items()
                    if isinstance(file, str)
                }
            )
        return made


def _has_pages(wanted: Mapping[str, str | bool]) -> bool:
    return any(isinstance(file, str) for file in wanted.values())


def _step(pages: ErrorPages) -> Intercept:
    return Intercept(pages.find)


def _read(file: str, key: str) -> Page:
    try:
        return Page(read_content(file, key, MOST).decode())
    except UnicodeDecodeError:
        raise unusable(key, f"{file}: expected a text in UTF-8, found something else") from None
