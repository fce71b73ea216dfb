"""Doubts about listeners at UNIX sockets: whoever comes by one has no address.

Tests: `tests/config/doubts/test_sockets.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.doubts.common import Doubt
from gateway.config.endpoint_strings import parse
from gateway.config.patterns import SOCKETS
from gateway.config.schema import Settings
from gateway.config.schema.limiting import RateLimit

_OTHERS_WRITE = 0o002


def sockets(settings: Settings) -> Iterator[Doubt]:
    """Doubt what goes by the addresses of clients that have none, and sockets at which everybody is believed."""
    if SOCKETS in settings.trusted_proxies:
        yield from _open_to_all(settings)
        return
    unless = f"`trusted_proxies` does not have `{SOCKETS}`, so no proxy there is believed who its clients are"
    for index, listener in enumerate(settings.listeners):
        if parse(listener.endpoint).kind != "unix":
            continue
        for words in _by_address(settings):
            yield ("listeners", index, "endpoint"), f"{words}: {unless}"


def _open_to_all(settings: Settings) -> Iterator[Doubt]:
    for index, listener in enumerate(settings.listeners):
        if parse(listener.endpoint).kind == "unix" and _mode(listener.endpoint) & _OTHERS_WRITE:
            words = "its mode lets every program of the machine in, and each is believed"
            yield ("listeners", index, "endpoint"), f"{words} about its clients (`trusted_proxies`): write `mode=660`"


def _mode(endpoint: str) -> int:
    """Return the permissions that a socket gets: 666 where none are written, 0 where nobody can read them."""
    placed = endpoint.split(":")[2:3]
    written = parse(endpoint).named.get("mode") or next((piece for piece in placed if "=" not in piece), "666")
    try:
        return int(written, 8)
    except ValueError:
        return 0


def _by_address(settings: Settings) -> Iterator[str]:
    rules = [settings.ip_allow, settings.ip_deny]
    limits: list[RateLimit] = [*settings.rate_limits]
    for route in settings.routes:
        rules += [route.ip_allow, route.ip_deny]
        limits += route.rate_limit
    if any(rules):
        yield "address rules refuse all who come by it"
    if any("ip" in limit.scope for limit in limits):
        yield "limits by address count all who come by it as one"
