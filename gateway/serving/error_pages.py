"""Pages for people in place of problem documents: the errors of `gateway.serving.respond`, and those of backends.

A page goes to who would rather have HTML (`gateway.http.accept`); status, fields and reason are the error's. Everybody
else gets what there was before, with `Vary: Accept` where a page could have stood there.

Tests: `tests/flow/test_error_pages.py::test_a_page_for_people_and_a_problem_for_programs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Final

from gateway.body import Body
from gateway.errors import AuthorityRefused, GatewayError
from gateway.exchange import Exchange
from gateway.filters import BodyFilter, filter_response
from gateway.headers import Headers
from gateway.http.accept import prefers_html
from gateway.message import Response
from gateway.serving.respond import render_error

HTML: Final = b"text/html; charset=utf-8"
NAMES: Final = ("request_id", "status", "reason")
"""What a page can hold, each as `${NAME}`."""

_NAME: Final = re.compile(rf"\$\$\{{|\$\{{({'|'.join(NAMES)})\}}")


class Page:
    """The text of a page, ready to be filled in.

    Other `${…}` are a script's, and stay; `$${` is a literal `${`.

    Args:
        text: HTML, in which `${request_id}`, `${status}` and `${reason}` stand for those of the error.
    """

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        # Literals and names in turns: literals stand at even places; a `$${` has no name.
        self._parts = _NAME.split(text)

    def fill(self, request_id: str, status: int, reason: str) -> bytes:
        """Return the page of an error; what is filled in is escaped.

        Args:
            request_id: Its exchange's.
            status: Of the answer.
            reason: The token of `Gateway-Reason`; empty for a backend's error, which has none.
        """
        values = {"request_id": escape(request_id), "status": str(status), "reason": escape(reason)}
        made: list[str] = list(self._parts)
        for place in range(1, len(made), 2):
            made[place] = "${" if self._parts[place] is None else values[self._parts[place]]
        return "".join(made).encode()


class ErrorPages:
    """The pages of a route, or of requests that no route takes.

    Args:
        pages: By status, `404`, or by class, `4xx`.
    """

    __slots__ = ("_pages",)

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages

    def find(self, status: int) -> Page | None:
        """Return the page of a status, None where there is none: its own, else that of its class."""
        return self._pages.get(str(status)) or self._pages.get(f"{status // 100}xx")

    def render(self, exchange: Exchange, error: GatewayError) -> Response:
        """Make the response for an error of the gateway's own."""
        response = render_error(exchange, error)
        page = self.find(response.status)
        if page is None or isinstance(
            error, AuthorityRefused
        ):  # an authority's answer is its own, e.g. a page to log in
            return response
        response.headers.add(b"Vary", b"Accept")
        if wants_page(exchange):
            response.headers.set(b"Content-Type", HTML)
            response.body = page.fill(exchange.request_id, response.status, error.reason)
            response.length = len(response.body)
        return response


class Intercept:
    """Puts pages in the place of what backends say with an error: `error_pages.intercept`.

    Args:
        find: Finds the page of a status.
    """

    name = "error_pages"
    __slots__ = ("_find",)

    def __init__(self, find: Callable[[int], Page | None]) -> None:
        self._find = find

    def on_response(self, exchange: Exchange) -> None:
        """Replace the content of a backend's error; what a step has answered is not a backend's."""
        response = exchange.response
        assert response is not None
        if response.status < 400 or exchange.error is not None or not exchange.attempts:
            return
        page = self._find(response.status)
        if page is None:
            return
        response.headers.add(b"Vary", b"Accept")
        if wants_page(exchange):
            _describe(response.headers)
            _replace(exchange, response, page.fill(exchange.request_id, response.status, ""))


def wants_page(exchange: Exchange) -> bool:
    """Whether the client of an exchange would rather have a page."""
    return prefers_html(exchange.request.headers.joined(b"accept"))


_OF_CONTENT: Final = (
    b"accept-ranges",
    b"digest",
    b"etag",
    b"last-modified",
    b"repr-digest",
    b"trailer",
    b"cache-control",
)
"""Fields that say something of the content that goes, beside those that begin with `content-`."""


def _describe(headers: Headers) -> None:
    """Let the fields of a response describe a page; the page names its exchange, so nobody may keep it."""
    gone = [lower for lower, _, _ in headers.fields if lower.startswith(b"content-") or lower in _OF_CONTENT]
    for name in gone:
        if not name.startswith(b"content-security-policy"):
            headers.remove(name)
    headers.add(b"Content-Type", HTML)
    headers.add(b"Cache-Control", b"no-store")


def _replace(exchange: Exchange, response: Response, content: bytes) -> None:
    """Put other content in the place of a backend's."""
    if exchange.request.method == b"HEAD":
        response.length = len(content)
    elif isinstance(response.body, Body) and not response.body.ended:
        filter_response(exchange, _Instead(content))
    else:
        response.body, response.length = content, len(content)


class _Instead(BodyFilter):
    """Other content: it goes out at once, and what comes of the first is dropped.

    So the backend's answer is read to its end: its connection is used again, and what it says of the backend counts.

    Args:
        content: What goes out.
    """

    __slots__ = ("_content", "_length")

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._length = len(content)

    def length(self, before: int | None) -> int | None:
        return self._length

    def chunk(self, data: bytes) -> Iterable[bytes]:
        content, self._content = self._content, b""
        return (content,)

    def end(self) -> Iterable[bytes]:
        return self.chunk(b"")

    def trailers(self, before: Headers | None) -> Headers | None:
        return None
