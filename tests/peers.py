"""Peers for exchanges that a test makes itself."""

from __future__ import annotations

from gateway.headers import Headers
from gateway.peer import Forwarding, Peer


class Direct(Forwarding):
    """A client that came without a proxy, and whose coming backends are told nothing of.

    Args:
        address: The client's.
    """

    def __init__(self, address: str = "192.0.2.1") -> None:
        self._address = address

    def client_address(self, headers: Headers) -> str:
        return self._address

    def scheme(self, headers: Headers) -> bytes:
        return b"http"

    def believed(self, headers: Headers) -> Headers:
        return headers

    def encode(self, headers: Headers, host: bytes, version: bytes = b"1.1") -> bytes:
        return b""


def direct(address: str = "192.0.2.1") -> Peer:
    """Return the peer of such a client."""
    return Peer(address, Direct(address))
