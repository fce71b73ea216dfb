"""What a hashing strategy places an exchange by: `hash_on` of the configuration.

Layer 2. Compiled when a snapshot is built, asked once per exchange.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.exchange import Exchange
from gateway.http.cookies import values
from gateway.principal import find_claim


def hash_key(hash_on: str) -> Callable[[Exchange], bytes]:
    """Compile `ip`, `path`, `header:NAME`, `cookie:NAME` or `claim:NAME`.

    An exchange without the header, cookie or claim, or with an empty one, is
    placed by the client's address: it has to go somewhere, and always to the
    same place.

    Raises:
        ValueError: It is none of these.
    """
    kind, _, name = hash_on.partition(":")
    if hash_on == "ip":
        return _address
    if hash_on == "path":
        return _path
    if kind == "header" and name:
        return _header(name.lower().encode())
    if kind == "cookie" and name:
        return _cookie(name.encode())
    if kind == "claim" and name:
        return _claim(name)
    raise ValueError(f"expected ip, path, header:NAME, cookie:NAME or claim:NAME, found {hash_on!r}")


def _address(exchange: Exchange) -> bytes:
    return exchange.client_address.encode()


def _path(exchange: Exchange) -> bytes:
    return exchange.path


def _header(name: bytes) -> Callable[[Exchange], bytes]:
    def key(exchange: Exchange) -> bytes:
        return exchange.request.headers.index.get(name) or _address(exchange)

    return key


def _cookie(name: bytes) -> Callable[[Exchange], bytes]:
    def key(exchange: Exchange) -> bytes:
        return next(filter(None, values(exchange.request.headers, name)), None) or _address(exchange)

    return key


def _claim(name: str) -> Callable[[Exchange], bytes]:
    def key(exchange: Exchange) -> bytes:
        value = None if exchange.principal is None else find_claim(exchange.principal.claims, name)
        return str(value).encode("utf-8", "surrogatepass") if value not in (None, "") else _address(exchange)

    return key
