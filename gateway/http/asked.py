"""Which host and port a client has asked for, where a proxy stands before the gateway too.

Layer 1, asked by what sends a client to a URL of this gateway: redirects, and answers of backends that are rewritten.

Tests: `tests/flow/test_redirects.py::test_the_port_behind_a_load_balancer`.
"""

from __future__ import annotations

import re
from contextlib import suppress

from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.hosts import bare_host, normal_host

PORTS = {b"http": b"80", b"https": b"443"}
"""The port of a scheme."""

_PORT = re.compile(rb":([0-9]{1,5})\Z")
_IS_PORT = re.compile(rb"[1-9][0-9]{0,4}").fullmatch


def asked(exchange: Exchange) -> tuple[bytes, bytes]:
    """Return the host and the port that a client used; the host is empty where it named none.

    The port is a trusted proxy's `X-Forwarded-Port`, else the port in its `X-Forwarded-Host`, else that in `Host`, else
    that of the scheme.
    """
    request = exchange.request
    said = exchange.forwarding.believed(request.headers)
    authority, port = request.host, _last(said, b"x-forwarded-port")
    with suppress(ValueError):  # what is no host says nothing
        authority = normal_host(_last(said, b"x-forwarded-host") or authority)
    if not _IS_PORT(port):
        written = _PORT.search(authority)
        port = written[1] if written else PORTS[exchange.scheme]
    return bare_host(authority), port


def _last(headers: Headers, name: bytes) -> bytes:
    """Return the last element of a field: what the nearest proxy has written."""
    return (headers.joined(name) or b"").rstrip(b", \t").rpartition(b",")[2].strip()
