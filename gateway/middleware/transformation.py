"""What a route changes in requests and answers: the step that stands before the forwarder.

# Note [The changed request]
All that stands before this step, and the log, are about the request as it came; the forwarder, and what it makes of the
exchange (retries, hedges, a fallback), about the request as it was changed. So a changed copy takes the place of
`Exchange.request` from here until the answer is there, or the exchange is over. It has the same body, so limits,
deadlines and counts of the client's content go on; or one whose `origin` the client's is.

Answers of backends are changed, those that were kept (`gateway.middleware.last_good`) too. The gateway's own errors and
static fallbacks are not: their status, fields and content belong together.

Tests: `tests/flow/test_transformations.py::test_the_log_has_the_request_as_it_came`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Final

from gateway.exchange import Exchange
from gateway.message import KeptAnswer, Request, Response
from gateway.middleware.transformation_body import BodyRules
from gateway.middleware.transformation_content import change_answer, change_request, is_json
from gateway.middleware.transformation_fields import RequestFields, ResponseFields
from gateway.middleware.transformation_path import PathRules
from gateway.middleware.transformation_query import QueryRules


class ChangedRequest(Request):
    """The request that a backend gets.

    Attributes:
        original: The request as it came.
    """

    __slots__ = ("original",)

    def __init__(self, original: Request) -> None:
        # Not by `Request.__init__`, which takes the target apart: 0.3 us, interpreted.
        self.method = original.method
        self.target = original.target
        self.path = original.path
        self.query = original.query
        self.host = original.host
        self.version = original.version
        self.headers = original.headers
        self.body = original.body
        self.upgrade = original.upgrade
        self.repeat = None
        self.original = original


def first_of(request: Request) -> Request:
    """Return the request that a client sent, however often it was changed."""
    while isinstance(request, ChangedRequest):
        request = request.original
    return request


class Transformation:
    """Changes requests and answers of a route.

    Args:
        path: None for no change.
        query: Likewise.
        fields: Likewise.
        statuses: Of backends, each with that for the client.
        answer_fields: None for no change.
        body: Likewise; `RequestContent` has waited for it.
        answer_body: Likewise.
    """

    name = "transformation"
    __slots__ = ("_answer_body", "_answer_fields", "_body", "_fields", "_path", "_query", "_statuses")

    def __init__(
        self,
        path: PathRules | None,
        query: QueryRules | None,
        fields: RequestFields | None,
        statuses: Mapping[int, int],
        answer_fields: ResponseFields | None,
        body: BodyRules | None,
        answer_body: BodyRules | None,
    ) -> None:
        self._path = path
        self._query = query
        self._fields = fields
        self._statuses = dict(statuses)
        self._answer_fields = answer_fields
        self._body = body
        self._answer_body = answer_body

    def on_request(self, exchange: Exchange) -> None:
        """Put the changed request in its place.

        Raises:
            MalformedRequest: What the client sent cannot stand where a rule puts it, or is no JSON.
            RequestTooLarge: The content is longer than it may be.
            RequestAmbiguous: Likewise, by the reading of some server.
        """
        request = exchange.request
        made = ChangedRequest(request)
        path, query = self._path, self._query
        if path is not None and made.path.startswith(b"/"):  # not `OPTIONS *`
            before = exchange.path
            changed = path.change(before, exchange)
            if changed is not before:
                made.path = changed
                made.target = changed + b"?" + made.query if b"?" in made.target else changed
        if query is not None:
            asked = query.change(made.query, exchange)
            if asked != made.query:
                made.query = asked
                way = made.target.partition(b"?")[0]
                made.target = way + b"?" + asked if asked else way
        if self._fields is not None:
            made.headers = self._fields.change(exchange)
        if self._body is not None:
            change_request(made, self._body, exchange)
        exchange.request = made

    def on_response(self, exchange: Exchange) -> Awaitable[None] | None:
        """Put the request back, and change the answer of a backend.

        Raises:
            TransformTooLarge: The content is longer than it may be.
        """
        if not _put_back(exchange):
            return None  # a step before this one answered, or another answer has passed here before
        response = exchange.response
        assert response is not None
        if exchange.error is not None and not isinstance(response, KeptAnswer):
            return None
        body = self._answer_body
        codings = b""
        if body is not None:
            # As the backend says, whatever it is called afterwards: a rule for fields does not undo a coding.
            codings = response.headers.joined(b"content-encoding") or b""
            if not is_json(response.headers):
                body = None
        if self._statuses:
            self._change_status(response)
        if self._answer_fields is not None:
            self._answer_fields.change(exchange, response)
        return None if body is None else change_answer(exchange, response, body, codings)

    def on_finish(self, exchange: Exchange) -> None:
        """Put the request back where there was no answer: the log is about the request as it came."""
        _put_back(exchange)

    def _change_status(self, response: Response) -> None:
        status = self._statuses.get(response.status)
        if status is not None and response.tunnel is None:
            if response.body is None and response.status in _WITHOUT_CONTENT:
                response.length = 0
            response.status = status
            response.reason = b""


_WITHOUT_CONTENT: Final = frozenset([204, 205])
"""Answers that have no content by their status, so that nothing was said about its length."""


def _put_back(exchange: Exchange) -> bool:
    request = exchange.request
    if isinstance(request, ChangedRequest):
        original = exchange.request = request.original
        original.body = request.body  # it may be under way still: an answer can begin before the request has ended
        return True
    return False
