"""What a plugin left in an exchange, looked at where it changed something: all that reaches a wire is HTTP.

A field with a line end in it would be two fields, or the end of the head; a second Content-Length would make two
messages of one. What is left here passes the writers as it is.

Tests: `tests/flow/test_plugins.py::test_faults_on_the_way_out`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from twisted.python.failure import Failure

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.filters import Replacing, overhear, through
from gateway.headers import Field, Headers
from gateway.message import Request, Response
from gateway.middleware.plugin_faults import Faults, WrongAnswer

_IS_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_IS_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*").fullmatch
_IS_TARGET: Final = re.compile(rb"(?:/[!$-~]*|\*)").fullmatch
_IS_METHOD: Final = _IS_NAME

FRAMING: Final = frozenset(
    [
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ]
)
"""Lower-case names of fields that are written by who writes the message."""

_NOT_OF_A_TUNNEL: Final = frozenset([b"content-length", b"transfer-encoding"])
_NOT_ADDED: Final = FRAMING | {b"host"}


class Before:
    """A request before a hook."""

    __slots__ = ("body", "method", "request", "target", "upstream")

    def __init__(self, request: Request, target: bytes, method: bytes, body: Body | None, upstream: str | None) -> None:
        self.request = request
        self.target = target
        self.method = method
        self.body = body
        self.upstream = upstream


class BeforeAnswer:
    """An answer before a hook."""

    __slots__ = ("body", "headers", "length", "response", "status", "tunnel")

    def __init__(
        self, response: Response, status: int, headers: Headers, body: Any, length: int | None, tunnel: Any
    ) -> None:
        self.response = response
        self.status = status
        self.headers = headers
        self.body = body
        self.length = length
        self.tunnel = tunnel


def settle_request(exchange: Exchange, before: Before, upstreams: frozenset[str], faults: Faults) -> Failure | None:
    """Look at what was changed in the request; return what was wrong with it."""
    try:
        chosen = exchange.upstream
        if chosen != before.upstream and chosen not in upstreams:
            exchange.upstream = before.upstream
            raise WrongAnswer(f"an upstream that is none of several that the route lists: {chosen!r:.80}")
        _check_request(exchange, before.request, before.target, before.method, before.body)
        _hear(faults, exchange, "on_request", exchange.request.body, before.body)
    except Exception:  # noqa: BLE001 - whatever stands where octets should
        return Failure()
    return None


def settle_answer(exchange: Exchange, before: BeforeAnswer, faults: Faults) -> Failure | None:
    """Look at what was changed in the answer; return what was wrong, with the answer before put in its place."""
    response: Any = exchange.response
    old = before.body
    try:
        if not isinstance(response, Response):
            raise WrongAnswer(f"a response that is none: {type(response).__name__}")
        if response.tunnel is not before.tunnel:
            raise WrongAnswer("the backend changes protocols, and that answer cannot be replaced")
        if response is not before.response:
            response = exchange.response = checked(response)
        else:
            if response.body is old and old is not None:
                response.length = before.length
            _check_response(response)
        if isinstance(old, Body) and not isinstance(response.body, Body):
            _take_over(response, old)
        _hear(faults, exchange, "on_response", response.body, old)
    except Exception:  # noqa: BLE001 - as above
        failure = Failure()
        put_back = exchange.response = before.response
        put_back.status, put_back.headers, put_back.reason = before.status, before.headers, b""
        put_back.tunnel = before.tunnel
        if not isinstance(put_back.body, Body):
            put_back.body, put_back.length = old, before.length
        return failure
    return None


def _hear(faults: Faults, exchange: Exchange, hook: str, content: Any, before: Any) -> None:
    """Count what a filter raises that the hook has hung; what comes of the exchange then is settled already."""
    if content is before or not isinstance(content, Body):
        return

    def told(error: Exception) -> None:
        if not isinstance(error, GatewayError):
            faults.failed(exchange, hook, Failure(error))

    overhear(content, before if isinstance(before, Body) else None, told)


def _check_request(exchange: Exchange, before: Request, target: bytes, method: bytes, body: Body | None) -> None:
    """Look at a request that was changed; what is wrong is taken out.

    Args:
        exchange: Whose.
        before: The request before.
        target: Its target.
        method: Its method.
        body: Its content.

    Raises:
        WrongAnswer: Something was.
    """
    request: Any = exchange.request
    if not isinstance(request, Request):
        exchange.request = before
        raise WrongAnswer(f"a request that is none: {type(request).__name__}")
    content: Any = request.body
    if content is not body and not isinstance(content, Body):
        # Nobody would take what the client sends.
        request.body = None if body is None else through(body, Replacing(b""))
        if content is not None:
            raise WrongAnswer(f"a body that is none: {type(content).__name__}; `replace_content` takes octets")
    wrong = _clean(request.headers, frozenset())
    asked: Any = request.target
    if not isinstance(asked, bytes) or not _IS_TARGET(asked):
        wrong = wrong or f"a target that is none: {asked!r:.80}"
        request.target = target
        request.path, _, request.query = target.partition(b"?")
    way: Any = request.method
    if not isinstance(way, bytes) or not _IS_METHOD(way):
        wrong = wrong or f"a method that is none: {way!r:.80}"
        request.method = method
    out: list[tuple[bytes, bytes]] = []
    added: Any = exchange.headers_out
    for pair in added:
        if not _is_field(pair):
            wrong = wrong or f"a field that is none: {pair!r:.80}"
        elif pair[0].lower() not in _NOT_ADDED:
            out.append(pair)
    exchange.headers_out = out
    if wrong:
        raise WrongAnswer(wrong)


def checked(response: Response) -> Response:
    """Return a copy of an answer that a plugin made, and may give again: each exchange has its own.

    Raises:
        WrongAnswer: It is none.
    """
    headers: Any = response.headers
    if not isinstance(headers, Headers):
        raise WrongAnswer(f"headers that are none: {type(headers).__name__}")
    made = Response(response.status, headers.copy(), response.body, response.length, response.reason)
    _check_response(made)
    return made


def _check_response(response: Response) -> None:
    """Look at an answer that was made or changed; fields that are wrong are taken out.

    Raises:
        WrongAnswer: Something was wrong.
    """
    status: Any = response.status
    if not isinstance(status, int) or isinstance(status, bool) or not (200 <= status <= 999 or response.tunnel):
        raise WrongAnswer(f"a status that is none: {status!r:.80}")
    headers: Any = response.headers
    if not isinstance(headers, Headers):
        raise WrongAnswer(f"headers that are none: {type(headers).__name__}")
    body: Any = response.body
    if isinstance(body, bytes):
        response.length = len(body)
    elif body is not None and not isinstance(body, Body):
        raise WrongAnswer(f"a body that is none: {type(body).__name__}")
    phrase: Any = response.reason
    if not isinstance(phrase, bytes) or not _IS_VALUE(phrase):
        raise WrongAnswer(f"a reason phrase that is none: {phrase!r:.80}")
    # A 101 has no framing, and says in these fields what the connection becomes.
    wrong = _clean(response.headers, FRAMING if response.tunnel is None else _NOT_OF_A_TUNNEL)
    if wrong:
        raise WrongAnswer(wrong)


def _take_over(response: Response, before: Body) -> None:
    """Have an answer take the place of one whose content is under way: that content is let off.

    Args:
        response: Has octets, or nothing, for content.
        before: The content that is under way.
    """
    octets = response.body
    content = octets if isinstance(octets, bytes) else b""
    response.body = body = through(before, Replacing(content))
    response.length = body.length


def _clean(headers: Headers, without: frozenset[bytes]) -> str:
    """Take out fields that are none, and those of some names; return words about the first that was wrong."""
    wrong = ""
    good: list[Field] = []
    fields: Any = headers.fields  # whatever there is in it: compiled code would take nothing else for one
    for field in fields:
        if not _is_field(field[1:]):
            wrong = wrong or f"a field that is none: {field[1:]!r:.80}"
        elif field[0] not in without:
            good.append(field)
    if len(good) != len(fields):
        kept = Headers.of(good)
        headers.fields, headers.index = kept.fields, kept.index
        headers.block = headers.base = None
    return wrong


def _is_field(pair: Any) -> bool:
    try:
        name, value = pair
        return bool(_IS_NAME(name) and _IS_VALUE(value))
    except (TypeError, ValueError):
        return False
