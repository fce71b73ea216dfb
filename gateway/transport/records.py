"""Sizes of TLS records, and of what waits for its turn to become one.

Used by both ways to speak TLS, `gateway.transport.memory_tls` and `gateway.transport.tls`.

Tests: `tests/transport/test_memory_tls.py::test_a_burst_begins_with_records_of_a_segment`.
"""

from __future__ import annotations

RECORD = 2**14
"""The most that one TLS record carries, in bytes (RFC 8446 section 5.1)."""

FLUSH = 2**17
"""Most clear bytes encrypted before they go to the socket: as much as Twisted sends in one turn."""

SEGMENT = 1300
"""Clear bytes of a record that fits in one TCP segment: it can be decrypted when that one has come."""

FIRST = 10
"""Records of that size at the start of a burst: as many segments as TCP sends before the first answer (RFC 6928)."""

IDLE = 1.0
"""Seconds without a large write after which the next one begins a burst."""


class Burst:
    """How many small records the next large write of a connection begins with."""

    __slots__ = ("_last", "left")

    def __init__(self) -> None:
        self.left = FIRST
        self._last = 0.0

    def large_write(self, now: float) -> None:
        """A write of more than a segment begins, at this monotonic time."""
        if now - self._last > IDLE:
            self.left = FIRST
        self._last = now


UNASKED = 2**16
"""Most octets that a client may have OpenSSL answer by itself after the handshake. In TLS 1.2 it refuses each attempt
to shake hands again by an alert, which waits in memory for ever where the client does not read."""
