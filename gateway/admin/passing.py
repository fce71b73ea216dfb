"""Leaves whose questions are answered elsewhere: by the parent of several workers, who keeps the configuration of all.

Tests: `tests/admin/test_configuration.py::test_a_route_is_put_and_deleted`.

A worker takes the request, as far as it can be refused without knowing more, and passes it on; what is answered there
is the answer here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.web.http import Request as HttpRequest
from twisted.web.server import NOT_DONE_YET, Request

from gateway.admin.guard import caller
from gateway.admin.resources import Leaf, Tree
from gateway.errors import InternalError

Ask = Callable[[dict[str, Any]], Deferred[dict[str, Any]]]
"""Passes a request on, as JSON can say it; fires with the answer."""

OWN = frozenset([b"content-length", b"date", b"server", b"x-request-id"])
"""Fields of an answer that are written by who writes it to the client."""


class Passing(Leaf):
    """A leaf that passes on.

    Args:
        leaf: The one that answers there; here it says what it is, and how much content it takes.
        ask: Passes on.
    """

    def __init__(self, leaf: Leaf, ask: Ask) -> None:
        super().__init__()
        self.methods = leaf.methods
        self.words = leaf.words
        self._leaf = leaf
        self._ask = ask

    def check(self, request: Request) -> None:
        """Refuse what can be refused here."""
        self._leaf.check(request)

    def most(self, request: Request) -> int:
        """Take as much content as the leaf does."""
        return self._leaf.most(request)

    def answer(self, request: Request) -> Deferred[bytes]:
        """Pass the request on."""
        return self._ask(as_question(request)).addCallback(self._answered, request)

    def _answered(self, said: Mapping[str, Any], request: Request) -> bytes:
        request.setResponseCode(said["status"])
        for name, value in said["headers"]:
            request.setHeader(name.encode("latin-1"), value.encode("latin-1"))
        body: str = said["body"]
        return body.encode()


def passed_on(leaves: Mapping[str, Leaf], ask: Ask) -> dict[str, Leaf]:
    """Return leaves that pass on, in the place of those that answer."""
    return {name: Passing(leaf, ask) for name, leaf in leaves.items()}


def as_question(request: Request) -> dict[str, Any]:
    """Return a request as JSON can say it; HEAD is asked for as GET, and its answer is cut where it is written."""
    content = b"" if request.content is None else request.content.read()
    fields = request.requestHeaders.getAllRawHeaders()
    return {
        "method": "GET" if request.method == b"HEAD" else request.method.decode("latin-1"),
        "uri": request.uri.decode("latin-1"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, values in fields for value in values],
        "content": content.decode("latin-1"),
        "from": caller(request),
        "id": (request.responseHeaders.getRawHeaders("x-request-id") or [""])[0],
    }


class _Nowhere:
    """Stands where a request has its connection."""

    transport = None

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 0)

    getPeer = getHost


class Question(HttpRequest):
    """A request that was passed on.

    Args:
        said: As `as_question` has it.

    Attributes:
        written: The answer's content.
        finished_now: Fires when it is whole.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        nowhere: Any = _Nowhere()
        super().__init__(nowhere)
        self.method = said["method"].encode("latin-1")
        self.uri = said["uri"].encode("latin-1")
        self.path = self.uri.partition(b"?")[0]
        self.content = BytesIO(said["content"].encode("latin-1"))
        self.postpath: list[bytes] = []
        self.written = b""
        self.finished_now: Deferred[None] = Deferred()
        self._from = said["from"]
        for name, value in said["headers"]:
            self.requestHeaders.addRawHeader(name, value)
        if said["id"]:
            self.setHeader(b"X-Request-ID", said["id"].encode("latin-1"))

    def getClientAddress(self) -> Any:  # noqa: N802  # Twisted's name
        """Return where the client is, who speaks to another process."""
        return IPv4Address("TCP", self._from, 0) if self._from != "unix" else None

    def write(self, data: bytes) -> None:
        """Take content."""
        self.written += data

    def finish(self) -> None:
        """It is whole."""
        self.finished_now.callback(None)

    def said(self) -> dict[str, Any]:
        """Return the answer as JSON can say it."""
        fields = self.responseHeaders.getAllRawHeaders()
        return {
            "status": self.code,
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")]
                for name, values in fields
                for value in values
                if name.lower() not in OWN
            ],
            "body": self.written.decode(),
        }


def answer(tree: Tree, said: Mapping[str, Any]) -> Deferred[dict[str, Any]]:
    """Answer a request that was passed on.

    Args:
        tree: What is there.
        said: The request.
    """
    question: Any = Question(said)
    rendered = tree.leaf(question.path).render(question)
    if rendered is NOT_DONE_YET:
        return question.finished_now.addCallback(lambda _: question.said())  # type: ignore[no-any-return]
    if not isinstance(rendered, bytes):
        raise InternalError()
    question.write(rendered)
    question.finish()
    return question.finished_now.addCallback(lambda _: question.said())  # type: ignore[no-any-return]
