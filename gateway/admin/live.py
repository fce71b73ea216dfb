"""What the live page asks for beside its feed: parts of long lists, and which route a request would take.

All are reads and need no token: `POST /live/route` has a body, and changes nothing.

Tests: `tests/admin/test_live_routes.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from gateway.admin.guard import is_foreign
from gateway.admin.resources import Leaf
from gateway.errors import Forbidden, MalformedRequest

MOST: Final = 200
"""Rows of a list that are given at once."""


CLIENT: Final = "127.0.0.1"
"""Where a client is that does not say."""


class Described(NamedTuple):
    """A request that is described and not made.

    Attributes:
        method: Its method.
        url: Its URL, or its path.
        fields: Its fields.
        listener: Name of the listener that it comes in by; empty for the first.
        client: Address of the client.
        claims: Who calls; empty for nobody who is known.
    """

    method: str
    url: str
    fields: list[tuple[str, str]]
    listener: str
    client: str
    claims: dict[str, Any]


class Part(Leaf):
    """A part of a long list: `?search=&from=&most=`.

    Args:
        words: What it is.
        find: Returns it, now or later: what is searched for, and where the part begins and ends.
    """

    def __init__(self, words: str, find: Callable[[str, int, int], Any]) -> None:
        super().__init__()
        self.words = words
        self._find = find

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        """Return it as JSON."""
        search, start, most = asked(request)
        request.setHeader(b"Content-Type", b"application/json")
        found = self._find(search, start, start + most)
        return found.addCallback(_as_json) if isinstance(found, Deferred) else _as_json(found)


class Shown(Leaf):
    """What is looked at when it is asked for.

    Args:
        words: What it is.
        look: Returns it.
    """

    def __init__(self, words: str, look: Callable[[], Any]) -> None:
        super().__init__()
        self.words = words
        self._look = look

    def answer(self, request: Request) -> bytes:
        """Return it as JSON."""
        own(request)
        request.setHeader(b"Content-Type", b"application/json")
        return _as_json(self._look())


class Tester(Leaf):
    """`POST /live/route`: try a request.

    Args:
        attempt: Tries it: method, URL, fields, and the listener's name (empty for the first).
    """

    methods = ("POST",)
    words = "tell which route takes a request, and why; nothing is sent"

    def __init__(self, attempt: Callable[[str, str, list[tuple[str, str]], str], dict[str, Any]]) -> None:
        super().__init__()
        self._attempt = attempt

    def answer(self, request: Request) -> bytes:
        """Read what is to be tried, and try it."""
        own(request)
        asked = _described(b"" if request.content is None else request.content.read())
        request.setHeader(b"Content-Type", b"application/json")
        try:
            return _as_json(self._attempt(asked.method, asked.url, asked.fields, asked.listener))
        except ValueError as error:
            raise MalformedRequest(f"{error}.") from None


class Explainer(Leaf):
    """`POST /live/explain`: what a request would meet now.

    Args:
        foresee: Tells that.
    """

    methods = ("POST",)
    words = "tell what a request would meet now: limits, cache, backends; nothing is sent, nothing is counted"

    def __init__(self, foresee: Callable[[Described], dict[str, Any]]) -> None:
        super().__init__()
        self._foresee = foresee

    def answer(self, request: Request) -> bytes:
        """Read what would be asked, and tell."""
        own(request)
        asked = _described(b"" if request.content is None else request.content.read())
        request.setHeader(b"Content-Type", b"application/json")
        try:
            return _as_json(self._foresee(asked))
        except ValueError as error:
            raise MalformedRequest(f"{error}.") from None


def _described(content: bytes) -> Described:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        raise MalformedRequest("Expected an object in JSON.") from None
    if not isinstance(said, dict) or not isinstance(said.get("url"), str):
        raise MalformedRequest("Expected an object in JSON with a `url`.")
    fields = said.get("headers", {})
    texts = [said.get("method", "GET"), said.get("listener", ""), said.get("client", CLIENT)]
    claims = said.get("claims", {})
    if not isinstance(fields, dict) or not all(isinstance(one, str) for one in (*texts, *fields.values())):
        words = "Expected texts for `method`, `listener` and `client`, and an object of texts for `headers`."
        raise MalformedRequest(words)
    if not isinstance(claims, dict):
        raise MalformedRequest("Expected an object for `claims`.")
    return Described(texts[0], said["url"], list(fields.items()), texts[1], texts[2], claims)


def own(request: Request) -> None:
    """Refuse pages of other origins: they could read nothing, but each look at thousands of routes takes its time.

    Raises:
        Forbidden: It is one.
    """
    if is_foreign(request):
        raise Forbidden("A page of another origin may ask nothing.")


def asked(request: Request) -> tuple[str, int, int]:
    """Return what is searched for, which is the first, and how many of a part are asked for.

    Raises:
        Forbidden: A page of another origin asks.
        MalformedRequest: The query does not say that.
    """
    own(request)
    try:
        said = parse_qs(request.uri.partition(b"?")[2].decode("ascii"), errors="strict", max_num_fields=10)
        start, most = (int(said.get(name, [default])[0]) for name, default in (("from", "0"), ("most", "50")))
    except ValueError:
        raise MalformedRequest("Expected `?search=TEXT&from=NUMBER&most=NUMBER`.") from None
    if start < 0 or not 1 <= most <= MOST:
        raise MalformedRequest(f"Expected `from` from 0, and `most` from 1 to {MOST}.")
    return said.get("search", [""])[0], start, most


def _as_json(document: Any) -> bytes:
    return json.dumps(document, default=str).encode() + b"\n"
