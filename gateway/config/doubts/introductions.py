"""Doubts about listeners whose connections begin with a PROXY header, which only some may send.

Tests: `tests/config/doubts/test_introductions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.doubts.common import Doubt
from gateway.config.endpoint_strings import parse
from gateway.config.patterns import SOCKETS
from gateway.config.schema import Settings

_AT_ADDRESSES = ("tcp", "tcp6", "ssl", "sni")


def introductions(settings: Settings) -> Iterator[Doubt]:
    """Doubt listeners that let nobody in: nobody who may introduce clients can come by them. And Twisted's own."""
    by_socket = SOCKETS in settings.trusted_proxies
    by_address = any(one != SOCKETS for one in settings.trusted_proxies)
    for index, listener in enumerate(settings.listeners):
        kind = parse(listener.endpoint).kind
        if kind == "haproxy":
            inner = listener.endpoint.partition(":")[2]
            words = "it reads PROXY headers from everybody, and the gateway does not learn who the clients are: write"
            yield ("listeners", index, "endpoint"), f"{words} `endpoint: {inner}` and `proxy_protocol: true`"
            continue
        if not listener.proxy_protocol:
            continue
        wanted = f"`{SOCKETS}`" if kind == "unix" else "the address of the proxy"
        # What an endpoint of another kind (a plugin's, systemd's) listens at is not known.
        lets_in = (
            by_socket if kind == "unix" else by_address or (by_socket and kind not in ("tcp", "tcp6", "ssl", "sni"))
        )
        if not lets_in:
            words = f"it lets nobody in: PROXY headers are believed of `trusted_proxies` only, which lack {wanted}"
            yield ("listeners", index, "proxy_protocol"), words
