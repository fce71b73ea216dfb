"""What is made of `error_pages`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.composition.builders.error_pages import Pages
from gateway.config import ConfigError, from_mapping
from gateway.serving.respond import render_error


def test_without_pages_nothing_is_asked() -> None:
    """The answers to errors are made as if the feature were not there; `intercept` alone changes nothing."""
    routes = [{"path": "/", "upstream": "a"}]
    settings = from_mapping(
        {"error_pages": {"intercept": True}, "routes": routes, "upstreams": [{"name": "a", "backends": []}]}
    )
    pages = Pages(settings)

    assert pages.render_error is render_error
    assert pages.renderer(settings.routes[0]) is render_error
    assert pages.step(settings.routes[0]) is None


def test_routes_with_the_same_pages_share_them(tmp_path: Path) -> None:
    """One step, and each file read once; a route with pages of its own intercepts only where these say so."""
    file = tmp_path / "page.html"
    file.write_text("x")
    routes = [
        {"path": "/a", "upstream": "a"},
        {"path": "/b", "upstream": "a"},
        {"path": "/c", "upstream": "a", "error_pages": {"503": str(file)}},
        {"path": "/d", "respond": {}},
    ]
    settings = from_mapping(
        {
            "error_pages": {"404": str(file), "intercept": True},
            "routes": routes,
            "upstreams": [{"name": "a", "backends": []}],
        }
    )
    pages = Pages(settings)
    steps = [pages.step(route) for route in settings.routes]

    assert steps[0] is steps[1] is not None
    assert steps[2:] == [None, None]
    assert pages.renderer(settings.routes[0]) == pages.render_error
    assert pages.renderer(settings.routes[2]) != pages.render_error


def test_a_page_that_cannot_be_used(tmp_path: Path) -> None:
    """The key that names it, and the file."""
    file = tmp_path / "page.html"
    said = []
    for key in ("error_pages", "routes"):
        pages = {"404": str(file)}
        route = {"name": "r", "path": "/", "respond": {}, **({"error_pages": pages} if key == "routes" else {})}
        settings = from_mapping({"routes": [route], **({"error_pages": pages} if key != "routes" else {})})
        for content in (None, b"\xff"):
            file.unlink(missing_ok=True)
            if content is not None:
                file.write_bytes(content)
            with pytest.raises(ConfigError) as caught:
                Pages(settings).renderer(settings.routes[0])
            said.append(str(caught.value).replace(f"{file}: ", ""))

    missing = "expected a file that can be read, found an error: No such file or directory"
    coded = "expected a text in UTF-8, found"
    assert said == [
        f"error_pages.404: {missing}",
        f"error_pages.404: {coded} something else",
        f"routes[r].error_pages.404: {missing}",
        f"routes[r].error_pages.404: {coded} something else",
    ]
