"""What an exchange is around a plugin's hook: whether the hook has changed something, and what is put back.

# Note [For reading]
A plugin may change what docs/plugins.md lists. Everything else of an exchange is used by the gateway as it is: a
request id with a line end in it would go out on two wires, and an exchange without its request would never be answered.
The hot path takes what there is before and after the hook, and compares; what is the same by identity costs little.
Only where something differs does `put_back` look at what it was, and it restores everything that is for reading.

Tests: `tests/flow/test_plugins.py::test_what_is_for_reading_is_put_back`.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Request

Facts = tuple[Any, ...]

OF_EXCHANGE: Final = (
    "request_id",
    "trace_id",
    "client_address",
    "route",
    "principal",
    "params",
    "error",
    "started",
    "chain",
    "downstream",
)
"""Attributes of an exchange that are for reading; `of_request` and `of_answer` end with their values."""

OF_REQUEST: Final = ("host", "version", "upgrade", "path", "query")
"""Likewise, of its request; path and query follow from the target, which may be changed."""

_NOTHING: Final = object()


def of_request(exchange: Exchange) -> Facts:
    """Return what there is on the way in."""
    request = exchange.request
    headers = request.headers
    out = exchange.headers_out
    return (
        request,
        headers,
        tuple(headers.fields),
        request.target,
        request.method,
        request.body,
        exchange.upstream,
        exchange.response,
        out,
        tuple(out),
        request.host,
        request.version,
        request.upgrade,
        request.path,
        request.query,
        exchange.request_id,
        exchange.trace_id,
        exchange.client_address,
        exchange.route,
        exchange.principal,
        exchange.params,
        exchange.error,
        exchange.started,
        exchange.chain,
        exchange.downstream,
    )


def of_answer(exchange: Exchange) -> Facts:
    """Return what there is on the way out; an answer need not be there."""
    response = exchange.response
    request = exchange.request
    headers = None if response is None else response.headers
    return (
        response,
        headers,
        None if headers is None else tuple(headers.fields),
        None if response is None else response.status,
        None if response is None else response.body,
        None if response is None else response.length,
        None if response is None else response.tunnel,
        None if response is None else response.reason,
        request,
        request.headers,
        exchange.request_id,
        exchange.trace_id,
        exchange.client_address,
        exchange.route,
        exchange.principal,
        exchange.params,
        exchange.error,
        exchange.started,
        exchange.chain,
        exchange.downstream,
    )


def same_request(exchange: Exchange, before: Facts) -> bool:
    """Whether nothing has changed since; what cannot be compared has."""
    try:
        return of_request(exchange) == before
    except BaseException:  # noqa: BLE001 - whatever stands where something else should
        return False


def same_answer(exchange: Exchange, before: Facts) -> bool:
    """Likewise, on the way out."""
    try:
        return of_answer(exchange) == before
    except BaseException:  # noqa: BLE001 - as above
        return False


def put_back(exchange: Any, before: Facts, request: Request, headers: Headers) -> str:
    """Restore what is for reading; return words about the first that was changed, empty for nothing.

    Args:
        exchange: Whose.
        before: What there was, from `of_request` or `of_answer`.
        request: The request before.
        headers: Its fields before.
    """
    wrong = ""
    for name, value in zip(OF_EXCHANGE, before[-len(OF_EXCHANGE) :], strict=True):
        found = getattr(exchange, name, _NOTHING)
        if found is value or (type(found) is float and found == value):
            continue
        if name == "error" and isinstance(found, GatewayError):
            continue  # a filter of the request has failed while the hook read the content
        setattr(exchange, name, value)
        wrong = wrong or f"another `{name}`, which is for reading"
    now: Any = getattr(exchange, "request", None)
    if not isinstance(now, Request):
        exchange.request = request
        wrong = wrong or f"a request that is none: {type(now).__name__}"
        now = request
    if not isinstance(getattr(now, "headers", None), Headers):
        now.headers = headers
        wrong = wrong or "headers that are none"
    return wrong


def put_back_request(request: Any, before: Facts) -> str:
    """Likewise, what is for reading of the request itself, on the way in; its target has been looked at."""
    values = list(before[-len(OF_EXCHANGE) - len(OF_REQUEST) : -len(OF_EXCHANGE)])
    if request.target is not before[3]:
        request.path, _, request.query = request.target.partition(b"?")
        values[3:] = request.path, request.query
    wrong = ""
    for name, value in zip(OF_REQUEST, values, strict=True):
        if getattr(request, name, _NOTHING) is not value:
            setattr(request, name, value)
            wrong = wrong or f"another `request.{name}`, which is for reading"
    return wrong
