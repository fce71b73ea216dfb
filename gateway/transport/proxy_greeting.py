"""The PROXY header that a backend is sent first on a connection: whose requests come on it.

Made for `upstreams[].proxy_protocol` when a connection is opened; `gateway.transport.proxy_header` reads such headers,
and has where they are specified.

# Note [Whose connection it is]
The receiver takes all that comes on the connection for that client's. So nobody else's requests may come on it
(`gateway.upstream.client_pools`), and a connection that the gateway makes for itself, to see whether the backend is
there, says so. Where there are two families, or one of the ends is not known, the other one is said all the same, with
the unspecified address in place of the unknown one.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Literal

from gateway.peer import Ends
from gateway.transport.proxy_header import LOCAL, PROXY, TCP4, TCP6, UNSPECIFIED, V1, V2

Version = Literal["v1", "v2"]

OF_ITSELF: dict[Version, bytes] = {"v1": V1 + b"UNKNOWN\r\n", "v2": V2 + bytes((LOCAL, UNSPECIFIED, 0, 0))}
"""For a connection that the gateway makes for itself. Version 1 has no word for that but `UNKNOWN`."""


def greeting(version: Version, ends: Ends) -> bytes:
    """Write the header of a connection for a client.

    Args:
        version: `v1` or `v2`.
        ends: Of the client's connection; what is no address is left out.
    """
    family, source = _packed(ends.source)
    if source is None:
        return OF_ITSELF["v1"] if version == "v1" else V2 + bytes((PROXY, UNSPECIFIED, 0, 0))
    other, destination = _packed(ends.destination)
    if destination is None or other != family:
        destination, destination_port = bytes(len(source)), 0
    else:
        destination_port = ends.destination_port
    if version == "v1":
        said = "TCP4" if family == AF_INET else "TCP6"
        addresses = f"{inet_ntop(family, source)} {inet_ntop(family, destination)}"
        return V1 + f"{said} {addresses} {ends.source_port} {destination_port}\r\n".encode("ascii")
    said_here = TCP4 if family == AF_INET else TCP6
    ports = ends.source_port.to_bytes(2, "big") + destination_port.to_bytes(2, "big")
    block = source + destination + ports
    return V2 + bytes((PROXY, said_here)) + len(block).to_bytes(2, "big") + block


def _packed(address: str) -> tuple[int, bytes | None]:
    """Return the family of an address, and its octets; None for what is none."""
    try:
        if ":" not in address:
            return AF_INET, inet_pton(AF_INET, address)
        return AF_INET6, inet_pton(AF_INET6, address.partition("%")[0])  # a zone means nothing elsewhere
    except (OSError, ValueError):
        return AF_INET, None
