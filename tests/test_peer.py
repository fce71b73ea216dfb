"""The peers of client connections."""

from __future__ import annotations

from typing import Any, cast

from gateway.peer import Ends, Peer

NOBODY = cast("Any", None)


def test_a_certificate_is_read_once_and_only_for_who_asks() -> None:
    """Reading it costs time."""
    read: list[str] = []

    def certificate() -> bytes:
        read.append("read")
        return b"DER"

    peer = Peer("192.0.2.7", NOBODY, secure=True, certificate=certificate)
    assert read == []

    assert (peer.certificate(), peer.certificate(), read) == (b"DER", b"DER", ["read"])


def test_without_tls_there_is_none() -> None:
    """None without TLS."""
    assert Peer("192.0.2.7", NOBODY).certificate() is None


def test_the_chain_is_read_once_and_only_with_a_certificate() -> None:
    """Where the handshake tells nothing of it, it is the certificate alone."""
    asked: list[str] = []

    def peer(certificate: bytes | None, *chain: bytes) -> Peer:
        def read() -> tuple[bytes, ...]:
            asked.append("chain")
            return chain

        return Peer("192.0.2.1", NOBODY, True, lambda: certificate, read)

    whole, alone, none = peer(b"own", b"own", b"root"), peer(b"own"), peer(None, b"root")

    assert [whole.chain(), whole.chain()] == [(b"own", b"root")] * 2
    assert [alone.chain(), none.chain()] == [(b"own",), ()]
    assert asked == ["chain"] * 2
    assert Peer("192.0.2.1", NOBODY).chain() == ()


def test_the_ends_of_its_connection() -> None:
    """Asked for by few, and so read when they are."""
    ends = Ends("192.0.2.7", 40000, "198.51.100.1", 443)

    assert Peer("192.0.2.7", NOBODY, ends=lambda: ends).ends() == ends
    assert Peer("192.0.2.7", NOBODY).ends() is None
