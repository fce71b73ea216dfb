"""Methods that are forwarded: the parser lets them pass, and no other."""

from __future__ import annotations

import pytest

from gateway.http.methods import FORWARDED
from gateway.testing import Harness


@pytest.mark.parametrize("method", sorted(FORWARDED | {b"CONNECT", b"SOURCE", b"BAN", b"get"}))
def test_the_parser_takes_what_a_route_may_name(method: bytes) -> None:
    """So that a route for a method that the configuration takes is one that a request can take."""
    gateway = Harness("orders", routes=[{"path": "/*", "upstream": "orders", "methods": ["GET", "TRACE"]}])

    client = gateway.send(method + b" /orders/1 HTTP/1.1\r\nHost: h\r\n\r\n")

    status = int(client.received.split(b" ")[1])
    if method in FORWARDED:
        assert status == (200 if method in (b"GET", b"HEAD", b"TRACE") else 405)
    else:
        assert status == 501
