"""The peers of client connections."""

from __future__ import annotations

from typing import Any, cast

from gateway.peer import Peer

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
