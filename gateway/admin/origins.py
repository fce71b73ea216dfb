"""`GET /live/config`: the values in force, each with the place where it was written; searched, and given in parts."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.web.server import Request

from gateway.admin.changing import Configuration, Ours, as_json
from gateway.admin.guard import Guard
from gateway.admin.live import asked

WRITTEN: Final = b"written=1"
"""In the query: leave out what is as it is by default."""


class Origins(Ours):
    """The leaf; with several processes the one that keeps the configuration answers."""

    methods = ("GET", "HEAD")
    words = "the values in force with the file and line of each, by ?search=&from=&most=&written=1"

    def __init__(self, guard: Guard, configuration: Configuration) -> None:
        super().__init__(guard, configuration)

    def text(self, request: Request) -> bytes | Deferred[bytes]:
        """Return a part of them."""
        search, start, most = asked(request)
        written = WRITTEN in request.uri.partition(b"?")[2].split(b"&")
        return ensureDeferred(self._part(search, start, start + most, written))

    async def _part(self, search: str, start: int, end: int, written: bool) -> bytes:
        found: Any = await self.configuration.origins(search, start, end, written)
        return as_json(found)
