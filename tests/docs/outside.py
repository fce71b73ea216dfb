"""Tell what pages of a built site would have a browser fetch from other hosts.

`python -m tests.docs.outside DIRECTORY`. A link that a reader may follow is no such thing; a font, a script, a picture
or a style sheet is. Whoever reads the site offline, or in a network of its own, must see the same. Needs nothing but
Python: `make site` runs it where no tests run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

_ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_FETCHED = {
    "audio": ["src"],
    "embed": ["src"],
    "form": ["action"],
    "iframe": ["src"],
    "image": ["href", "xlink:href"],
    "img": ["src", "srcset"],
    "input": ["src"],
    "link": ["href"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "track": ["src"],
    "use": ["href", "xlink:href"],
    "video": ["src", "poster"],
}
"""By tag, the attributes whose addresses a browser asks for by itself, or sends what was typed to."""

_FOLLOWED = {"canonical", "alternate", "author", "license", "next", "prev", "search", "index", "help"}
"""What a `link` may be that is for readers and robots to follow."""

_OF_STYLES = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""", re.IGNORECASE)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        self.found += of_styles(values.get("style", ""))
        if tag == "link" and set(values.get("rel", "").lower().split()) <= _FOLLOWED:
            return
        for name in _FETCHED.get(tag, ()):
            # A `srcset` has several, each with a width behind it.
            named = values.get(name, "").split(",") if name == "srcset" else [values.get(name, "")]
            self.found += [one for one in named if _ELSEWHERE.match(one)]

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += of_styles(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"


def of_page(text: str) -> list[str]:
    """Return the addresses on other hosts that a browser which shows a page asks."""
    page = _Page()
    page.feed(text)
    page.close()
    return [found.strip() for found in page.found]


def of_styles(text: str) -> list[str]:
    """Return those that a style sheet names."""
    named = (url or sheet for url, sheet in _OF_STYLES.findall(text))
    return [one for one in named if _ELSEWHERE.match(one)]


def outside(directory: Path) -> Iterator[tuple[Path, str]]:
    """Walk what is asked elsewhere, with the file that asks.

    Raises:
        FileNotFoundError: There are no pages: nothing was looked at.
    """
    pages = sorted(directory.rglob("*.html"))
    if not pages:
        raise FileNotFoundError(f"{directory} has no pages")
    for page in [*pages, *sorted(directory.rglob("*.svg"))]:
        yield from ((page, found) for found in of_page(page.read_text()))
    for sheet in sorted(directory.rglob("*.css")):
        yield from ((sheet, found) for found in of_styles(sheet.read_text()))


def main(directory: str) -> int:
    """Print what is asked elsewhere; returns the exit code, 1 where anything is."""
    count = 0
    for page, found in outside(Path(directory)):
        sys.stderr.write(f"{page}: a browser would ask {found}\n")
        count += 1
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
