"""What a connection knows of its client: the certificate, where there is TLS, and the addresses of its ends.

Asked by `gateway.serving` for `gateway.peer.Peer`, and only where somebody wants to know.
"""

from __future__ import annotations

from typing import Any, Final

from cryptography.hazmat.primitives import serialization

from gateway.peer import Ends, Readers


def peer_certificate(transport: Any) -> bytes | None:
    """Give the client's certificate (DER).

    Verified against `clientCA` where one is given: a certificate that does
    not come from there ends the handshake. None without TLS or certificate.
    """
    get = getattr(transport, "getPeerCertificate", None)
    certificate = get() if get is not None else None
    if certificate is None:
        return None
    encoded: bytes = certificate.to_cryptography().public_bytes(serialization.Encoding.DER)
    return encoded


def peer_chain(transport: Any) -> tuple[bytes, ...]:
    """Give the chain that the handshake has verified (DER), the client's certificate first.

    Empty without TLS or certificate, and where a session was resumed: that has the client's own certificate only.
    """
    handle = getattr(transport, "getHandle", None)
    verified = getattr(handle() if handle is not None else None, "get_verified_chain", None)
    chain = verified(as_cryptography=True) if verified is not None else None
    return tuple(each.public_bytes(serialization.Encoding.DER) for each in chain or ())


def ends(transport: Any) -> Ends | None:
    """Give both ends of a connection; None where it is at a UNIX socket, and has no addresses."""
    peer, here = transport.getPeer(), transport.getHost()
    source, destination = getattr(peer, "host", None), getattr(here, "host", None)
    if source is None or destination is None:
        return None
    return Ends(source, peer.port, destination, here.port)


READERS: Final = Readers(peer_certificate, peer_chain, ends)
"""For a `gateway.peer.Peer`."""
