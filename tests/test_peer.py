"""The peers of client connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from gateway.peer import Ends, Peer, Readers

NOBODY = cast("Any", None)
TRANSPORT = object()


def never(transport: Any) -> Any:
    """What nobody calls."""
    raise AssertionError("nobody asked for it")


def of(
    certificate: Callable[[Any], Any] = never,
    chain: Callable[[Any], Any] = never,
    ends: Callable[[Any], Any] = never,
) -> Peer:
    """The other end of `TRANSPORT`."""
    return Peer("192.0.2.7", NOBODY, True, TRANSPORT, Readers(certificate, chain, ends))


def test_a_certificate_is_read_once_and_only_for_who_asks() -> None:
    """Reading it costs time."""
    read: list[object] = []

    def certificate(transport: object) -> bytes:
        read.append(transport)
        return b"DER"

    peer = of(certificate)
    assert read == []

    assert (peer.certificate(), peer.certificate(), read) == (b"DER", b"DER", [TRANSPORT])


def test_without_tls_there_is_none() -> None:
    """None without TLS."""
    assert Peer("192.0.2.7", NOBODY).certificate() is None


def test_the_chain_is_read_once_and_only_with_a_certificate() -> None:
    """Where the handshake tells nothing of it, it is the certificate alone."""
    asked: list[object] = []

    def peer(certificate: bytes | None, *chain: bytes) -> Peer:
        def read(transport: object) -> tuple[bytes, ...]:
            asked.append(transport)
            return chain

        return of(lambda _: certificate, read)

    whole, alone, none = peer(b"own", b"own", b"root"), peer(b"own"), peer(None, b"root")

    assert [whole.chain(), whole.chain()] == [(b"own", b"root")] * 2
    assert [alone.chain(), none.chain()] == [(b"own",), ()]
    assert asked == [TRANSPORT] * 2
    assert Peer("192.0.2.1", NOBODY).chain() == ()


def test_the_ends_of_its_connection() -> None:
    """Asked for by few, and so read when they are."""
    ends = Ends("192.0.2.7", 40000, "198.51.100.1", 443)

    assert of(ends=lambda transport: ends if transport is TRANSPORT else None).ends() == ends
    assert Peer("192.0.2.7", NOBODY).ends() is None
