"""Which contents are changed, and which fields say nothing true of them afterwards.

# Note [What is not changed]
Rules for bodies are for JSON (`application/json`, `*+json`). Everything else, event streams and gRPC among it, passes
chunk by chunk. So does what has no content of its own (HEAD, 204, 304), or a part only (206): of an answer to HEAD the
fields go that would say something of the content that GET has.

A content that is changed is there as a whole first, up to `max_body`.

Tests: `tests/flow/test_transformed_bodies.py::test_what_is_not_changed`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.body import Body
from gateway.errors import BackendReset, RequestTooLarge, TransformTooLarge
from gateway.exchange import Exchange
from gateway.filters import whole
from gateway.headers import Headers
from gateway.http.fields import FieldFilter
from gateway.message import Request, Response
from gateway.middleware.transformation_body import BodyRules

_IS_JSON: Final = re.compile(
    rb"[ \t]*(?!application/grpc)(?:application/json|[^/;,\s]+/[^/;,\s]+\+json)[ \t]*(?:;|\Z)", re.IGNORECASE
).match
# Nothing repeated stands before the `;`: that would take quadratic time in a value of many blanks.
_CHARSET: Final = re.compile(rb";[ \t]*charset=(?![\"']?utf-?8[\"']?[ \t]*(?:;|\Z))[^;]*", re.IGNORECASE)

_DESCRIBING: Final = (b"content-encoding", b"content-md5", b"digest", b"repr-digest", b"content-digest")
"""Lower-case names of fields that are true of one sequence of octets only."""

_OF_ANSWERS: Final = (*_DESCRIBING, b"etag", b"accept-ranges")

_WITHOUT_CONTENT: Final = frozenset([204, 205, 206, 304])
"""Statuses of answers whose content, if there is any, is not the whole."""

_TRAILERS: Final = FieldFilter(frozenset(_OF_ANSWERS))
"""Which trailers pass beside a content that was changed."""


def is_json(headers: Headers) -> bool:
    """Whether a content is said to be JSON, in any of the fields that say so: a backend may go by another than ours."""
    if b"content-type" not in headers.index:
        return False
    return any(_IS_JSON(said) for value in headers.get_all(b"content-type") for said in value.split(b","))


class RequestContent:
    """Waits for contents that rules change, before an exchange takes a place that others need.

    Args:
        most: Octets of a content; a longer one is not waited for.
    """

    name = "transformation_content"
    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        self._most = most

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Wait for a content that is JSON.

        Raises:
            RequestTooLarge: It says that it is longer than it may be.
        """
        request = exchange.request
        body = request.body
        if body is None or not is_json(request.headers):
            return None
        if body.length is not None and body.length > self._most:
            raise RequestTooLarge()
        if body.ended:
            return None
        if b"expect" in request.headers.index and not body.received:
            # RFC 9110 section 10.1.1: the client waits for somebody to say that it may send.
            exchange.downstream.send_interim(exchange, 100, b"", Headers())
        return whole(body, self._most)


def change_request(request: Request, rules: BodyRules, exchange: Exchange) -> None:
    """Change the content of a request that is to be sent.

    Raises:
        MalformedRequest: It is no JSON.
        RequestTooLarge: It is longer than it may be.
    """
    body = request.body
    if body is None or not is_json(request.headers):
        return
    if not body.ended or body.received > rules.most:
        raise RequestTooLarge()
    content = body.take()
    headers = request.headers = request.headers.copy()
    if content:
        content = rules.of_request(content, headers.joined(b"content-encoding") or b"", exchange)
        _describe(headers, _DESCRIBING)
    headers.remove(b"expect")  # it has been met
    # Trailers come behind a content of unknown length only: with the length said, HTTP/1.1 has no place for them.
    made = request.body = Body(None, None if body.trailers else len(content), body.origin)
    if content:
        made.push(content)
    made.end(body.trailers)
    made.sift_trailers(_TRAILERS)


def change_answer(exchange: Exchange, response: Response, rules: BodyRules, codings: bytes) -> Awaitable[None] | None:
    """Change the content of an answer; where it is still to come, return what waits for it.

    Args:
        exchange: The client's.
        response: Its answer; rules for fields have changed these.
        rules: What is changed.
        codings: `Content-Encoding` as the backend has said it.

    Raises:
        TransformTooLarge: It is longer than it may be.
    """
    if response.status in _WITHOUT_CONTENT or response.tunnel is not None:
        return None
    body = response.body
    if body is None:
        if exchange.request.method == b"HEAD" and response.length != 0:
            response.length = None
            _describe(response.headers, _OF_ANSWERS)
        return None
    if isinstance(body, bytes):
        if len(body) > rules.most:
            raise TransformTooLarge()
        _change(exchange, response, body, None, rules, codings)
        return None
    if body.length is not None and body.length > rules.most:
        raise TransformTooLarge()
    done: Deferred[None] = Deferred(lambda _: body.scatter())

    def told() -> None:
        try:
            if body.failed:
                error, exchange.error = exchange.error, None  # no head is out: it is this one that is answered
                raise error or BackendReset()
            if body.received > rules.most:
                raise TransformTooLarge()
            _change(exchange, response, body.take(), body.trailers, rules, codings)
        except Exception:  # noqa: BLE001 - the chain answers with whatever it is
            done.errback(Failure())
        else:
            done.callback(None)

    body.gather(rules.most, told)
    return None if done.called and not isinstance(done.result, Failure) else done


def _change(
    exchange: Exchange,
    response: Response,
    content: bytes,
    trailers: Headers | None,
    rules: BodyRules,
    codings: bytes,
) -> None:
    headers = response.headers
    changed = rules.of_answer(content, codings, exchange) if content else None
    if changed is not None:
        _describe(headers, _OF_ANSWERS)
        content = changed
    if trailers is None:
        response.body, response.length = content, len(content)
        return
    body = response.body = Body()
    response.length = None
    if content:
        body.push(content)
    body.end(trailers)
    if changed is not None:
        body.sift_trailers(_TRAILERS)


def _describe(headers: Headers, untrue: tuple[bytes, ...]) -> None:
    for name in untrue:
        headers.remove(name)
    # What is written is UTF-8, whatever was read (RFC 8259 section 8.1).
    headers.rewrite(b"content-type", lambda value: _CHARSET.sub(b"", value).rstrip())
