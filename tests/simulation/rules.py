"""What the routes of a simulation change in requests and answers, and what becomes of targets and contents by that."""

from __future__ import annotations

import random
from typing import Any

from gateway.exchange import Exchange
from gateway.headers import Headers

MOST = 1_000_000
"""Octets of a content that rules wait for and change, at most."""
ADDED = b',"by":"gateway"}'

PREFIX = b"/changed"
JSON = (b"Content-Type", b"application/json")

OF_REQUEST, OF_ANSWER = b"x-request-of", b"x-answer-of"
"""Fields in which rules say the target of the exchange: one of another exchange would be seen."""
BODY_OF_REQUEST, BODY_OF_ANSWER = b"x-request-body", b"x-answer-body"
"""Fields in which rules say that JSON is changed as well."""


def drawn(chance: random.Random) -> dict[str, Any]:
    """Draw the `transformations` of a route."""
    request: dict[str, Any] = {"set_headers": {OF_REQUEST.decode(): "${path}"}}
    response: dict[str, Any] = {"set_headers": {OF_ANSWER.decode(): "${path}"}}
    if chance.random() < 0.5:
        request["path"] = {"add_prefix": PREFIX.decode()}
    if chance.random() < 0.3:
        request["query"] = {"set": {"id": "${request_id}"}}
    if chance.random() < 0.5:
        request["body"] = {"add": {"by": "gateway"}}
        request["set_headers"][BODY_OF_REQUEST.decode()] = "1"
        request["max_body"] = chance.choice((1000, MOST))
    if chance.random() < 0.5:
        response["body"] = {"add": {"by": "gateway"}}
        response["set_headers"][BODY_OF_ANSWER.decode()] = "1"
        response["max_body"] = chance.choice((1000, MOST))
    if chance.random() < 0.3:
        response["status"] = {"500": 503}
    kept = chance.choice((("request",), ("response",), ("request", "response")))
    return {side: rules for side, rules in (("request", request), ("response", response)) if side in kept}


def asked_for(target: bytes) -> bytes:
    """Return the target that a client asked for, of what its backend was asked for."""
    return target.partition(b"?")[0].removeprefix(PREFIX)


def as_json(content: bytes) -> bytes:
    """Return the JSON that says this."""
    return b'{"is":"%b"}' % content


def changed(body: bytes, headers: Headers, mark: bytes) -> bytes:
    """Return what rules make of a body.

    Args:
        body: As it was sent.
        headers: That came with it.
        mark: The field that says that JSON is changed.
    """
    if mark not in headers.index or headers.get(b"content-type") != JSON[1]:
        return body
    return body[:-1] + ADDED


def awaited(exchange: Exchange) -> int:
    """Return how many octets of either content of an exchange may be there at once because rules change them."""
    json = any(
        JSON[1] == message.headers.get(JSON[0].lower()) for message in (exchange.request, exchange.response) if message
    )
    return MOST + len(ADDED) if json else 0
