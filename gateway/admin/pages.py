"""A small page of the gateway's own: HTML for browsers, text for terminals, JSON for programs.

One file, no script, nothing loaded from elsewhere: it is shown as well where there is no network.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from twisted.web.server import Request

HTML, JSON, TEXT = b"text/html; charset=utf-8", b"application/json", b"text/plain; charset=utf-8"

_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;"
    "padding:0 1rem}pre{padding:.8rem 1rem;border:1px solid #8886;border-radius:6px;overflow-x:auto}"
    "td{padding:.2rem 1.2rem .2rem 0;vertical-align:top}footer{opacity:.7;font-size:.9rem}"
)


class Link(NamedTuple):
    """Something that the port has.

    Attributes:
        path: Where.
        words: What it is.
        method: `GET`, or what has to be said instead.
    """

    path: str
    words: str
    method: str = "GET"


class Page(NamedTuple):
    """What is on a page.

    Attributes:
        title: Its heading.
        words: A paragraph below.
        blocks: A sentence each, and what to type or to write.
        links: What else is there.
        foot: A last line.
    """

    title: str
    words: str
    blocks: Sequence[tuple[str, str]] = ()
    links: Sequence[Link] = ()
    foot: str = ""

    def answer(self, request: Request) -> bytes:
        """Return the page in the form that the client wants, having said which that is."""
        media_type = form(request)
        request.setHeader(b"Content-Type", media_type)
        request.setHeader(b"Vary", b"Accept")
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Content-Security-Policy", _POLICY)
        return {HTML: self.html, JSON: self.json, TEXT: self.text}[media_type]().encode()

    def html(self) -> str:
        """Write it for a browser."""
        parts = [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title>',
            '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">',
            f"<style>{_STYLE}</style></head><body>",
            f"<h1>{escape(self.title)}</h1><p>{escape(self.words)}</p>",
        ]
        parts += [f"<p>{escape(said)}:</p><pre>{escape(text.rstrip())}</pre>" for said, text in self.blocks]
        if self.links:
            rows = "".join(f"<tr><td>{_linked(link)}<td>{escape(link.words)}" for link in self.links)
            parts.append(f"<table>{rows}</table>")
        return "\n".join([*parts, f"<footer>{escape(self.foot)}</footer></body></html>", ""])

    def text(self) -> str:
        """Write it for a terminal."""
        parts = [self.title, "", self.words, ""]
        for said, text in self.blocks:
            parts += [f"{said}:", "", *(f"    {line}" for line in text.rstrip().split("\n")), ""]
        width = max((len(link.method) + len(link.path) for link in self.links), default=0)
        parts += [f"{f'{link.method} {link.path}':{width + 1}}  {link.words}" for link in self.links]
        return "\n".join([*parts, *(["", self.foot] if self.links else [self.foot]), ""])

    def json(self) -> str:
        """Write it for a program."""
        document = {"title": self.title, "words": self.words, "links": [link._asdict() for link in self.links]}
        return json.dumps({**document, "blocks": [list(block) for block in self.blocks]}, indent=2) + "\n"


def form(request: Request) -> bytes:
    """Return the media type that a client wants: HTML or JSON where its `Accept` names them, else text.

    curl asks for anything (`*/*`); browsers name `text/html` first.
    """
    accept = ",".join(text.decode("latin-1") for text in request.requestHeaders.getRawHeaders(b"accept") or []).lower()
    for written in accept.split(","):
        media_range = written.partition(";")[0].strip()
        if media_range == "text/html":
            return HTML
        if media_range == "application/json":
            return JSON
    return TEXT


def _linked(link: Link) -> str:
    if link.method != "GET":
        return f"<code>{escape(link.method)} {escape(link.path)}</code>"
    return f'<a href="{escape(link.path)}">{escape(link.path)}</a>'
