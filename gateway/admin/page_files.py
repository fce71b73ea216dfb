"""`/ui/`: the files of the live page, as they lie in the package.

Nothing on the page is made here: what it shows, its script asks for (`gateway.admin.live`, `gateway.admin.feeds`). The
policy lets a browser load and ask only what this port has, and run no script that is written into markup: a text that a
client of the gateway has made up stays a text even where a script of the page made a mistake.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from twisted.web.http import CACHED
from twisted.web.server import Request

from gateway.admin.resources import Leaf
from gateway.errors import RouteNotFound

PREFIX: Final = b"/ui/"
FILES: Final = Path(__file__).parent / "ui"
MEDIA_TYPES: Final = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
}
"""Of the files that are served; there are others beside them, which are not."""

POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PageFiles(Leaf):
    """All files of the page; each is read once, when it is first asked for.

    Args:
        directory: Where they are.
    """

    words = "a page to look at all this, live"

    def __init__(self, directory: Path = FILES) -> None:
        super().__init__()
        self._directory = directory
        self._read: dict[str, tuple[bytes, bytes]] = {}

    def answer(self, request: Request) -> bytes:
        """Return the file, or say that the browser has it."""
        if not request.path.startswith(PREFIX):
            request.setResponseCode(308)
            request.setHeader(b"Location", b"ui/")  # relative: a port-forward may have put something before it
            return b""
        name = request.path[len(PREFIX) :].decode("latin-1") or "index.html"
        content, tag = self._file(name)
        request.setHeader(b"Content-Type", MEDIA_TYPES[Path(name).suffix])
        request.setHeader(b"Cache-Control", b"no-cache")  # asked for again each time: an upgrade brings other files
        request.setHeader(b"Content-Security-Policy", POLICY)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Referrer-Policy", b"no-referrer")
        request.setHeader(b"Cross-Origin-Opener-Policy", b"same-origin")
        return b"" if request.setETag(tag) is CACHED else content

    def _file(self, name: str) -> tuple[bytes, bytes]:
        found = self._read.get(name)
        if found is None:
            path = self._directory / name
            # Of this directory and below only, whatever the name says.
            if not path.resolve().is_relative_to(self._directory.resolve()) or path.suffix not in MEDIA_TYPES:
                raise RouteNotFound("There is nothing at this path.")
            try:
                content = path.read_bytes()
            except (OSError, ValueError):
                raise RouteNotFound("There is nothing at this path.") from None
            found = self._read[name] = content, b'"%b"' % hashlib.sha256(content).hexdigest()[:32].encode()
        return found
