"""Turn a scope of the configuration into the octets of a key: each key has a count of its own.

Compiled when a snapshot is built. A request without what a limit counts by (no
principal, no such header) is counted by address (D-71): if it were not counted,
a caller would get round the limit by leaving a header out.

# Note [Tags]
A key begins with a letter for what it is, so that no two kinds can look the same: `4` and `6` for addresses (`a` for
a peer that has none), `r` `h` `u` `k` `c` for what is named, `#` for what was too long. Without them the first 64
bits of an IPv6 address, which its owner chooses, could spell the text of an IPv4 address.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import blake2b
from ipaddress import IPv6Address
from typing import Final

from gateway.exchange import Exchange
from gateway.http.remembered import remembered
from gateway.principal import find_claim

Key = Callable[[Exchange], bytes]

LONGEST: Final = 48
"""Octets of a key that are kept as they are; what is longer, and so the client's to choose, is hashed."""

_PRINCIPAL: Final = ("user", "api_key", "claim:")


def needs_principal(scopes: Sequence[str]) -> bool:
    """Whether a limit can only be counted once it is known who is calling (C-06)."""
    return any(scope.startswith(_PRINCIPAL) for scope in scopes)


def limit_key(scopes: Sequence[str], route: str) -> Key:
    """Compile scopes: several make one combined key.

    Args:
        scopes: Each `ip`, `user`, `api_key`, `route`, `header:NAME` or `claim:NAME`.
        route: Name of the route.
    """
    parts = [_part(scope, route) for scope in scopes]
    if len(parts) == 1:
        return parts[0]

    def combined(exchange: Exchange) -> bytes:
        values = [part(exchange) for part in parts]
        # With their lengths, so that no two combinations look the same.
        return _bounded(b"".join([b"%d:%b" % (len(value), value) for value in values]))

    return combined


def _part(scope: str, route: str) -> Key:
    kind, _, name = scope.partition(":")
    if kind == "ip":
        return _address
    if kind == "route":
        fixed = _bounded(b"r" + route.encode())
        return lambda exchange: fixed
    if kind == "header":
        return _header(name.lower().encode())
    if kind == "claim":
        return _claim(name)
    return _user if kind == "user" else _api_key


def _address(exchange: Exchange) -> bytes:
    address = exchange.client_address
    return _network(address) if ":" in address else b"4" + address.encode()


def _network_of(address: str) -> bytes:
    """Return an IPv4 address, or the /64 of an IPv6 address: whoever has one address of a /64 has all 2**64."""
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return _bounded(b"a" + address.encode())
    if parsed.ipv4_mapped is not None:
        return b"4" + str(parsed.ipv4_mapped).encode()
    return b"6" + parsed.packed[:8]


_network: Final = remembered(_network_of, most=4096, longest=64)


def _header(name: bytes) -> Key:
    def key(exchange: Exchange) -> bytes:
        value = exchange.request.headers.index.get(name)
        return _bounded(b"h" + value) if value else _address(exchange)

    return key


def _user(exchange: Exchange) -> bytes:
    principal = exchange.principal
    if principal is None or not principal.subject:  # let in without a name, as by a token that has no `sub`
        return _address(exchange)
    return _bounded(b"u" + principal.subject.encode())


def _api_key(exchange: Exchange) -> bytes:
    principal = exchange.principal
    if principal is None or not principal.key_id:
        return _address(exchange)
    return _bounded(b"k" + principal.key_id.encode())


def _claim(name: str) -> Key:
    def key(exchange: Exchange) -> bytes:
        principal = exchange.principal
        value = None if principal is None else find_claim(principal.claims, name)
        if value is None:
            return _address(exchange)
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        return _bounded(b"c" + text.encode("utf-8", "surrogatepass"))

    return key


def _bounded(key: bytes) -> bytes:
    return key if len(key) <= LONGEST else b"#" + blake2b(key, digest_size=16).digest()
