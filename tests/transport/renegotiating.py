"""A client of TLS 1.2 that begins new handshakes on an open connection, and does not care what the server says to it.

No library does so: OpenSSL's gives up at the first refusal. So the records are encrypted here, with OpenSSL's keys.
"""

from __future__ import annotations

import hmac
import struct
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from OpenSSL import SSL

_HANDSHAKE = b"\x16\x03\x03"
_SUITE = b"\xc0\x2b"  # ECDHE-ECDSA-AES128-GCM-SHA256
_HELLO = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02" + _SUITE + b"\x01\0"
HELLO = b"\x01" + len(_HELLO).to_bytes(3, "big") + _HELLO


class Renegotiating:
    """The client; shakes hands, and then attempts to do so again and again."""

    def __init__(self) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256")
        self._session = SSL.Connection(context, None)
        self._session.set_connect_state()
        self._number = 1  # the first record under the keys was the end of the handshake

    def shake_hands(self, server: Any, wire: Any) -> None:
        """Shake hands with a protocol whose transport is `wire`."""
        done = False
        while not done:
            try:
                self._session.do_handshake()
                done = True
            except SSL.WantReadError:
                server.dataReceived(self._session.bio_read(2**15))
                self._session.bio_write(wire.value())
                wire.clear()
        keys = self._keys(40)
        self._cipher, self._salt = AESGCM(keys[:16]), keys[32:36]

    def attempt(self) -> bytes:
        """Return a record with the first message of a further handshake."""
        number = struct.pack(">Q", self._number)
        self._number += 1
        said = number + _HANDSHAKE + len(HELLO).to_bytes(2, "big")
        sealed = number + self._cipher.encrypt(self._salt + number, HELLO, said)
        return _HANDSHAKE + len(sealed).to_bytes(2, "big") + sealed

    def _keys(self, size: int) -> bytes:
        """Expand the keys (RFC 5246 section 6.3)."""
        session = self._session
        known = session.master_key(), session.client_random(), session.server_random()
        secret, ours, theirs = (each or b"" for each in known)
        seed = b"key expansion" + theirs + ours
        made, chained = b"", seed
        while len(made) < size:
            chained = hmac.digest(secret, chained, "sha256")
            made += hmac.digest(secret, chained + seed, "sha256")
        return made
