"""What Twisted leaves open on a server's context.

Used by the stores of certificates in `gateway.listening`. What is set here on pyOpenSSL's context goes over to `ssl`'s
(`gateway.transport.sessions.server_context`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from OpenSSL import SSL

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!DSS"
"""Of TLS 1.2: Twisted's without block chaining, without exchanges of keys that have no forward secrecy, and without
short tags (D-256). OpenSSL has none but good ones for TLS 1.3."""


def harden(context: SSL.Context, alpn: Sequence[bytes]) -> None:
    """Set ALPN, and refuse renegotiation.

    Args:
        context: Not used for a connection yet.
        alpn: Protocols that we speak, best first.
    """
    # Renegotiation would let a client make us do the costly half of the handshake again and again.
    context.set_options(getattr(SSL, "OP_NO_RENEGOTIATION"))  # noqa: B009  # the published stubs do not know it

    def select(connection: SSL.Connection, offered: list[bytes]) -> Any:
        # Without anything in common the handshake goes on without ALPN: the client may speak HTTP/1.1 all the same.
        return next((each for each in alpn if each in offered), SSL.NO_OVERLAPPING_PROTOCOLS)

    context.set_alpn_select_callback(select)


def leave_weak_ciphers_out(context: SSL.Context) -> None:
    """Speak no cipher that scanners of TLS find fault with."""
    context.set_cipher_list(CIPHERS)
