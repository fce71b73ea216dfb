"""`GET /exchanges/ID`: one exchange that failed, with everything known of it; the list is at `/exchanges`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from gateway.admin.resources import Leaf
from gateway.errors import RouteNotFound

Found = dict[str, Any] | None

PREFIX = b"/exchanges/"


class OneExchange(Leaf):
    """One that failed.

    Args:
        find: Returns what is known of the one of a request id or trace id, now or later; None where it is not kept.
    """

    words = "one of them, with everything known of it: attempts, steps, times"

    def __init__(self, find: Callable[[str], Found | Deferred[Found]]) -> None:
        super().__init__()
        self._find = find

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        """Return it.

        Raises:
            RouteNotFound: It is not kept.
        """
        found = self._find(unquote(request.path.removeprefix(PREFIX).decode("latin-1"), "utf-8", "replace"))
        if isinstance(found, Deferred):
            return found.addCallback(partial(_say, request))
        return _say(request, found)


def _say(request: Request, found: Found) -> bytes:
    if found is None:
        raise RouteNotFound("No exchange of this id is kept: it did not fail, or others have taken its place.")
    request.setHeader(b"Content-Type", b"application/json")
    return json.dumps(found, indent=2, default=str).encode() + b"\n"
