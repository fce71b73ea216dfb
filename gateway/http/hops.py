"""Max-Forwards: how many servers a TRACE or an OPTIONS may still pass (RFC 9110 section 7.6.2).

Layer 1, asked by `gateway.serving.tree`; with other methods the field means nothing, and is passed on unchanged.
Tested through the whole gateway in tests/flow/test_paths.py.

Tests: `tests/flow/test_paths.py::test_max_forwards_is_counted_down`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from gateway.exchange import Request, Response
from gateway.headers import Headers

COUNTED: Final = frozenset([b"OPTIONS", b"TRACE"])
"""Methods for which Max-Forwards is heeded."""

# Section 9.3.8: fields "likely to contain sensitive data" are not shown.
_SENSITIVE: Final = re.compile(rb"auth|cookie|key|token|secret|session|signature|cert|credential|passw|^x.user").search


def is_last(request: Request) -> bool:
    """Whether the gateway is the last server that a request may reach; if not, its Max-Forwards goes down by one.

    Args:
        request: A TRACE or OPTIONS. Without Max-Forwards, or where its value is not a number, nothing is changed.
    """
    left = request.headers.joined(b"max-forwards") or b""
    if not left.isdigit() or len(left) > 9:
        return False
    if int(left) == 0:
        return True
    headers = request.headers.copy()
    headers.set(b"Max-Forwards", b"%d" % (int(left) - 1))
    request.headers = headers
    return False


def answer(request: Request, allowed: Iterable[str]) -> Response:
    """Return the answer of the last server, which the gateway is: the methods allowed, or the request as received.

    Args:
        request: A TRACE or OPTIONS.
        allowed: Methods that routes take on its path.
    """
    if request.method == b"OPTIONS":
        return Response(204, Headers([(b"Allow", ", ".join(allowed).encode())]))
    lines = [b"TRACE %b HTTP/%b\r\n" % (request.target, request.version)]
    lines += [b"%b: %b\r\n" % (name, value) for lower, name, value in request.headers.fields if not _SENSITIVE(lower)]
    content = b"".join([*lines, b"\r\n"])
    return Response(200, Headers([(b"Content-Type", b"message/http"), (b"Cache-Control", b"no-store")]), content)
