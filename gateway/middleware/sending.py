"""What a backend is sent of a request, as far as its answer may depend on it: for steps that keep answers.

Tests: `tests/flow/test_last_good.py::test_fields_that_the_gateway_writes_tell_clients_apart`.
"""

from __future__ import annotations

from gateway.caching.key import FORWARDED, NAMES_CLIENT
from gateway.exchange import Exchange
from gateway.http.fields import FieldFilter, folded, passed_on
from gateway.http.forwarded_field import names_only

SHOWS_WHO = (b"authorization", b"cookie", b"x-api-key")
"""Request fields that may say who is calling, to a backend too: the answer may be meant for that caller alone."""

Values = tuple[bytes | None, ...]


def identified(exchange: Exchange) -> bool:
    """Whether a request shows who is calling."""
    index = exchange.request.headers.index
    if exchange.principal is not None or any(name in index for name in SHOWS_WHO):
        return True
    return exchange.peer.certificate() is not None  # which the backend may be told


def names_another(exchange: Exchange) -> bool:
    """Whether a request names another client than the gateway believes it is from: an answer may be made of that."""
    headers = exchange.request.headers
    believed = exchange.client_address.encode()
    if FORWARDED in headers.index and not names_only(headers.joined(FORWARDED) or b"", believed):
        return True
    return any(headers.joined(name) != believed for name in headers.index if NAMES_CLIENT[name])


def values_sent(exchange: Exchange, names: tuple[bytes, ...], passes: FieldFilter) -> Values:
    """Return the values that the backend gets in some fields, which its answer varies on.

    They are the client's fields that are forwarded, those that steps of the chain add, and the forwarding fields. A
    client's field that is not forwarded cannot change the answer.

    Args:
        exchange: What is asked.
        names: Of the fields, in lower case.
        passes: Which of the client's fields are forwarded.
    """
    if not names:
        return ()
    request = exchange.request
    sent = [(b"host", request.host)]
    sent += [(lower, value) for lower, _, value in passed_on(request.headers, passes)]
    sent += [(name.lower(), value) for name, value in exchange.headers_out]
    for line in exchange.forwarding.encode(request.headers, request.host, request.version).split(b"\r\n"):
        name, _, value = line.partition(b": ")
        sent.append((name.lower(), value))
    # A backend may read `X_Mode` as `X-Mode`: what it may have read is what its answer may have been chosen by.
    told = [[value for lower, value in sent if lower == name or folded(lower) == folded(name)] for name in names]
    return tuple(b", ".join(values) if values else None for values in told)
