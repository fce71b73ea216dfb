"""What the gateway knows of gRPC: who speaks it, how its errors are said, and how long a call may take.

Rules only. A call is a POST over HTTP/2 whose content type is `application/grpc`; its outcome is `grpc-status`, in
trailers behind the content or, where there is none, in the head ("Trailers-Only"). See the document "gRPC over HTTP2"
of the gRPC project.

# Note [Statuses of gRPC for errors of ours]
A client library that gets an HTTP error makes a status of it by gRPC's own table (`OF_HTTP`); so do we, as Envoy does.
Where we know better, an error has its own: a rate limit is RESOURCE_EXHAUSTED, and no UNAVAILABLE, which clients retry
at once; a time that ran out is DEADLINE_EXCEEDED.

Tests: `tests/http/test_grpc.py`.
"""

from __future__ import annotations

import re
from math import inf
from typing import Final

from gateway.errors import (
    BackendTimeout,
    CallNotTaken,
    CallTimeout,
    ClientAborted,
    GatewayError,
    HeaderTooLarge,
    LimitExceeded,
    MethodUnknown,
    RequestTimeout,
    RequestTooLarge,
)
from gateway.headers import Headers
from gateway.message import Request

CONTENT_TYPE: Final = b"application/grpc"

CANCELLED: Final = 1
UNKNOWN: Final = 2
DEADLINE_EXCEEDED: Final = 4
PERMISSION_DENIED: Final = 7
RESOURCE_EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14
UNAUTHENTICATED: Final = 16

OF_HTTP: Final = {
    400: INTERNAL,
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    404: UNIMPLEMENTED,
    429: UNAVAILABLE,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: UNAVAILABLE,
}
"""gRPC's own table for HTTP statuses; all others are UNKNOWN."""

OF_ERRORS: Final[tuple[tuple[type[GatewayError], int], ...]] = (
    (LimitExceeded, RESOURCE_EXHAUSTED),
    (RequestTooLarge, RESOURCE_EXHAUSTED),
    (HeaderTooLarge, RESOURCE_EXHAUSTED),
    (BackendTimeout, DEADLINE_EXCEEDED),
    (RequestTimeout, DEADLINE_EXCEEDED),
    (CallTimeout, DEADLINE_EXCEEDED),
    (ClientAborted, CANCELLED),
    (MethodUnknown, UNIMPLEMENTED),
    (CallNotTaken, UNIMPLEMENTED),
)
"""Errors whose status says more than the table; the first that fits counts."""

RETRIED: Final = {
    b"1": "cancelled",
    b"4": "deadline-exceeded",
    b"8": "resource-exhausted",
    b"13": "internal",
    b"14": "unavailable",
}
"""Outcomes that `retry.on` may name, by `grpc-status`."""

AS_HTTP: Final = {
    CANCELLED: 499,
    UNKNOWN: 500,
    3: 400,
    DEADLINE_EXCEEDED: 504,
    5: 404,
    6: 409,
    PERMISSION_DENIED: 403,
    RESOURCE_EXHAUSTED: 429,
    9: 400,
    10: 409,
    11: 400,
    UNIMPLEMENTED: 501,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    15: 500,
    UNAUTHENTICATED: 401,
}
"""What the outcome of a call counts as, for breakers and passive health, which go by HTTP statuses: as in Envoy."""

_UNITS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])").fullmatch
_AS_IT_IS: Final = frozenset(range(0x20, 0x7F)) - {0x25}


def is_grpc(headers: Headers) -> bool:
    """Whether content is that of a call: `application/grpc`, `application/grpc+proto`, and not gRPC-Web.

    Args:
        headers: Of the request.
    """
    said = headers.index.get(b"content-type")
    if said is None:
        return False
    if said == CONTENT_TYPE:
        return True
    if said[:16].lower() != CONTENT_TYPE:
        return False
    return len(said) == 16 or said[16:17] in b"+; \t"


def is_call(request: Request) -> bool:
    """Whether a request is a call of gRPC: a POST, too."""
    return request.method == b"POST" and is_grpc(request.headers)


def status_of(error: GatewayError) -> int:
    """Return the status of gRPC that says an error of ours; Note [Statuses of gRPC for errors of ours]."""
    for kind, status in OF_ERRORS:
        if isinstance(error, kind):
            return status
    return OF_HTTP.get(error.status, UNKNOWN)


def outcome(status: int, said: bytes | None) -> int:
    """Return the HTTP status that an answer counts as.

    Args:
        status: Its own.
        said: Its `grpc-status`, of the trailers or of the head; None for none.
    """
    if said is None or said == b"0" or status != 200 or not said.isdigit():
        return status
    return AS_HTTP.get(int(said[:3]), status)


def message(text: str) -> bytes:
    """Return a text as `grpc-message` has it: octets outside of printable ASCII, and `%`, in percent encoding."""
    return b"".join(b"%c" % octet if octet in _AS_IT_IS else b"%%%02X" % octet for octet in text.encode())


def seconds(timeout: bytes) -> float | None:
    """Return the seconds that `grpc-timeout` says; None where it is malformed: it says nothing then.

    Args:
        timeout: The field's value: up to eight digits, and a unit.
    """
    found = _TIMEOUT(timeout)
    return None if found is None else int(found[1]) * _UNITS[found[2]]


def deadline_of(request: Request, started: float) -> float:
    """Return when a request must be over by what its client says: infinity where it is no call, or says nothing.

    Args:
        request: It.
        started: Seconds when its head was complete.
    """
    said = request.headers.index.get(b"grpc-timeout")
    if said is None or not is_call(request):
        return inf
    wanted = seconds(said)
    return inf if wanted is None else started + wanted


def timeout(left: float) -> bytes:
    """Return seconds as `grpc-timeout` says them: not more than they are, and at least the least that can be said.

    Args:
        left: Seconds.
    """
    for unit, length in ((b"u", 1e-6), (b"m", 1e-3), (b"S", 1.0)):
        if left < length * 1e8:
            return b"%d%b" % (max(int(left / length), 1), unit)
    return b"99999999S"


def pushback(headers: Headers) -> float | None:
    """Return how many seconds a server wants a call not to be made again; None where it says nothing.

    Infinity stands for ever: a number below 0, or what is no number ("gRPC Retry Design", section "Pushback").

    Args:
        headers: Of an answer without content.
    """
    said = headers.index.get(b"grpc-retry-pushback-ms")
    if said is None:
        return None
    return int(said) * 1e-3 if said.isdigit() and len(said) < 10 else inf
