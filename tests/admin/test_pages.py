from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.web.test.requesthelper import DummyRequest

from gateway.admin.pages import HTML, JSON, TEXT, Link, Page, form

PAGE = Page(
    "A <title>",
    "Words & more.",
    (("Type this", "a <b>\nc\n"),),
    (Link("/x", "what <it> is"), Link("/auth/cache", "forgets", "DELETE")),
    "The end.",
)


def asked(*accept: str) -> Any:
    """A request with these `Accept` fields."""
    request = DummyRequest([b""])
    request.requestHeaders.setRawHeaders(b"accept", list(accept))
    return request


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ((), TEXT),
        (("*/*",), TEXT),
        (("text/plain",), TEXT),
        (("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",), HTML),
        (("image/png", "Text/HTML;q=0.5"), HTML),
        (("application/json, text/html",), JSON),
    ],
)
def test_who_asks_gets_its_form(accept: tuple[str, ...], media_type: bytes) -> None:
    """Browsers say `text/html`; curl says nothing of the kind."""
    assert form(asked(*accept)) == media_type


def test_html_is_escaped_and_loads_nothing() -> None:
    """No script, no form, nothing from elsewhere."""
    request = asked("text/html")
    page = PAGE.answer(request).decode()

    assert "<title>A &lt;title&gt;</title>" in page
    assert "<pre>a &lt;b&gt;\nc</pre>" in page
    assert '<a href="/x">/x</a><td>what &lt;it&gt; is' in page
    assert "<code>DELETE /auth/cache</code>" in page
    assert "default-src 'none'" in str(request.responseHeaders.getRawHeaders(b"content-security-policy"))
    assert request.responseHeaders.getRawHeaders(b"vary") == [b"Accept"]


def test_text_is_for_a_terminal() -> None:
    """What is to be typed is set in; paths stand below each other."""
    assert PAGE.answer(asked("*/*")).decode() == (
        "A <title>\n\nWords & more.\n\nType this:\n\n    a <b>\n    c\n\n"
        "GET /x              what <it> is\nDELETE /auth/cache  forgets\n\nThe end.\n"
    )


def test_json_is_for_a_program() -> None:
    """The same, as one object."""
    document = json.loads(PAGE.answer(asked("application/json")))

    assert document["links"][1] == {"path": "/auth/cache", "words": "forgets", "method": "DELETE"}
    assert document["blocks"] == [["Type this", "a <b>\nc\n"]]
