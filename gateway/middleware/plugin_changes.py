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
from gateway.middleware.plugin_facts import Facts, put_back, put_back_request
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
    """A request before a hook.

    Args:
        facts: `plugin_facts.of_request`.
    """

    __slots__ = ("body", "facts", "fields", "headers", "method", "out", "request", "response", "target", "upstream")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.request: Request = facts[0]
        self.headers: Headers = facts[1]
        self.fields: tuple[Field, ...] = facts[2]
        self.target: bytes = facts[3]
        self.method: bytes = facts[4]
        self.body: Body | None = facts[5]
        self.upstream: str | None = facts[6]
        self.response: Response | None = facts[7]
        self.out: tuple[tuple[bytes, bytes], ...] = facts[9]


class BeforeAnswer:
    """An answer before a hook.

    Args:
        facts: `plugin_facts.of_answer`.
    """

    __slots__ = ("body", "facts", "fields", "headers", "length", "response", "status", "tunnel")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.response: Response = facts[0]
        self.headers: Headers = facts[1]
        self.fields: tuple[Field, ...] = facts[2]
        self.status: int = facts[3]
        self.body: Any = facts[4]
        self.length: int | None = facts[5]
        self.tunnel: Any = facts[6]


def settle_request(exchange: Exchange, before: Before, upstreams: frozenset[str], faults: Faults) -> Failure | None:
    """Look at what was changed in the request; return what was wrong with it."""
    try:
        wrong = put_back(exchange, before.facts, before.request, before.headers)
        if exchange.response is not before.response:
            exchange.response = before.response
            wrong = wrong or "an answer that it has set: `on_request` returns one"
        chosen: Any = exchange.upstream
        if chosen != before.upstream and not (isinstance(chosen, str) and chosen in upstreams):
            exchange.upstream = before.upstream
            wrong = wrong or f"an upstream that is none of several that the route lists: {_shown(chosen)}"
        wrong = _check_request(exchange, before) or wrong
        _hear(faults, exchange, "on_request", exchange.request.body, before.body)
        if wrong:
            raise WrongAnswer(wrong)
    except BaseException:  # noqa: BLE001 - whatever stands where octets should
        return Failure()
    return None


def settle_answer(exchange: Exchange, before: BeforeAnswer, faults: Faults) -> Failure | None:
    """Look at what was changed in the answer; return what was wrong, with the answer before put in its place."""
    old = before.body
    try:
        wrong = put_back(exchange, before.facts, before.facts[8], before.facts[9])
        response: Any = exchange.response
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
        if wrong:
            return Failure(WrongAnswer(wrong))
    except BaseException:  # noqa: BLE001 - as above
        failure = Failure()
        put = exchange.response = before.response
        put.status, put.headers, put.reason = before.status, before.headers, b""
        put.tunnel = before.tunnel
        try:
            _clean(before.headers, frozenset())
        except BaseException:  # noqa: BLE001 - something that is no list, say
            _restore(before.headers, before.fields)
        if not isinstance(put.body, Body):
            put.body, put.length = old, before.length
        return failure
    return None


def settle_end(exchange: Exchange, facts: Facts) -> Failure | None:
    """Look at what was changed in an exchange that is over: others still look at it."""
    try:
        wrong = put_back(exchange, facts, facts[8], facts[9])
        if exchange.response is not facts[0]:
            exchange.response = facts[0]
            wrong = wrong or "another answer, after the end"
    except BaseException:  # noqa: BLE001 - as above
        return Failure()
    return Failure(WrongAnswer(wrong)) if wrong else None


def _hear(faults: Faults, exchange: Exchange, hook: str, content: Any, before: Any) -> None:
    """Count what a filter raises that the hook has hung; what comes of the exchange then is settled already."""
    if content is before or not isinstance(content, Body):
        return

    def told(error: Exception) -> None:
        if not isinstance(error, GatewayError):
            faults.failed(exchange, hook, Failure(error))

    overhear(content, before if isinstance(before, Body) else None, told)


def _check_request(exchange: Exchange, before: Before) -> str:
    """Look at a request that was changed; what is wrong is taken out.

    Args:
        exchange: Whose; its request is one.
        before: What it was.

    Returns:
        Words about the first thing that was wrong; empty for nothing.
    """
    request: Any = exchange.request
    wrong = ""
    content: Any = request.body
    body = before.body
    if content is not body and not isinstance(content, Body):
        # Nobody would take what the client sends.
        request.body = None if body is None else through(body, Replacing(b""))
        if content is not None:
            wrong = f"a body that is none: {type(content).__name__}; `replace_content` takes octets"
    try:
        wrong = _clean(request.headers, frozenset()) or wrong
    except BaseException:  # noqa: BLE001 - something that is no list, say
        request.headers = before.headers
        _restore(before.headers, before.fields)
        wrong = "headers that are none"
    asked: Any = request.target
    if not isinstance(asked, bytes) or not _IS_TARGET(asked):
        wrong = wrong or f"a target that is none: {_shown(asked)}"
        request.target = before.target
    way: Any = request.method
    if not isinstance(way, bytes) or not _IS_METHOD(way):
        wrong = wrong or f"a method that is none: {_shown(way)}"
        request.method = before.method
    out: list[tuple[bytes, bytes]] = []
    added: Any = exchange.headers_out
    if not isinstance(added, list):
        wrong = wrong or f"a list of fields that is none: {type(added).__name__}"
        added = before.out
    for pair in added:
        if not _is_field(pair):
            wrong = wrong or f"a field that is none: {_shown(pair)}"
        elif pair[0].lower() not in _NOT_ADDED:
            out.append(pair)
    exchange.headers_out = out
    return wrong or put_back_request(request, before.facts)


def _shown(value: object) -> str:
    """Return the beginning of what something is, for people: it may be a plugin's, whose `__repr__` may raise."""
    try:
        return f"{value!r:.80}"
    except BaseException:  # noqa: BLE001 - it must not keep what is wrong from being taken out
        return "something that cannot be shown"


def _restore(headers: Headers, fields: tuple[Field, ...]) -> None:
    """Give headers the fields that they had."""
    made = Headers.of(list(fields))
    headers.fields, headers.index = made.fields, made.index
    headers.block = headers.base = None


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
        raise WrongAnswer(f"a status that is none: {_shown(status)}")
    headers: Any = response.headers
    if not isinstance(headers, Headers):
        raise WrongAnswer(f"headers that are none: {type(headers).__name__}")
    body: Any = response.body
    if isinstance(body, bytes):
        # A subclass may have a length of its own, and its client would wait for that.
        response.body = body = body if type(body) is bytes else bytes(memoryview(body))
        response.length = len(body)
    elif body is not None and not isinstance(body, Body):
        raise WrongAnswer(f"a body that is none: {type(body).__name__}")
    phrase: Any = response.reason
    if not isinstance(phrase, bytes) or not _IS_VALUE(phrase):
        raise WrongAnswer(f"a reason phrase that is none: {_shown(phrase)}")
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
            wrong = wrong or f"a field that is none: {_shown(field[1:])}"
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
