"""Who gets a page for people, and who a document for programs."""

from __future__ import annotations

import pytest

from gateway.http.accept import LONGEST, prefers_html


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "TEXT/HTML",
        "text/*",
        "text/html;charset=utf-8",
        "text/html, */*;q=0.01",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",  # Firefox
        "text/html,application/xml;q=0.9,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",  # Chrome
        "text/html, application/json",
        "text/html;q=0.5, application/json;q=0.4, application/problem+json;q=0.3",
        "application/json;q=0.9, text/html",
        'text/html;a="x, application/json"',
        "text/html;q=0.5;ext=1, application/json;q=0.2",
        "text/html;q=1.000",
        "text/html;q=0.1, text/html",
        "text/html;Q=0.001",
    ],
)
def test_people(accept: str) -> None:
    """They name a kind of text, and like it at least as well as JSON."""
    assert prefers_html(accept.encode())


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",  # curl, fetch
        "application/json, text/plain, */*",  # axios
        "application/json, text/javascript, */*; q=0.01",  # jQuery
        "application/problem+json, text/html;q=0.9",
        "application/json, text/html;q=0.5",
        "application/*, text/html;q=0.9",
        "text/html;q=0.5, */*",
        "text/html;q=0",
        "text/html;q=0.000, */*;q=0.1",
        "text/html;q=0, text/*",
        "text/html;q=2",
        "text/html;q=0.1234",
        "text/html;q=-1",
        "text/html;q=",
        "text/html;q=nan",
        "text/plain",
        "text/htmlx",
        "x-text/html",
        "text /html",
        "text/html" + "," * LONGEST,
    ],
)
def test_programs(accept: str | None) -> None:
    """Who says nothing, anything, or nothing that can be read."""
    assert not prefers_html(None if accept is None else accept.encode())


def test_a_weight_in_quotes_is_none() -> None:
    """What stands in a quoted text is that text."""
    assert prefers_html(b'text/html;a="\\";q=0"')


def test_quotes_that_are_never_closed_take_no_time() -> None:
    """As many beginnings as there is room for."""
    for _ in range(2000):
        assert prefers_html(b'text/html;a="' + b'\\"' * 500)
        assert prefers_html(b'text/html;a="' + b"\\" * 1000)


def test_an_octet_beyond_ascii_does_no_harm() -> None:
    """Nobody sends it but to see what happens."""
    assert not prefers_html(b"text/\xff\xfe, \x80")
