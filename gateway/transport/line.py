"""Reads from a socket, and writes to it at once: what happens for every request, of the transports in `direct`.

Compiled, and so apart from those, which inherit from Twisted's. A transport puts the two methods of its `Line` before
its own for as long as it is open.

Tests: `tests/transport/test_direct.py::test_the_rest_of_a_partial_send_goes_out_in_order`.
"""

from __future__ import annotations

from errno import EWOULDBLOCK
from typing import Any, Final

from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST

FIRST: Final = 4 * 1024
"""Octets that a read has room for at first: most requests, and all that most idle connections have ever said.

Room that is not used costs memory all the same: glibc notes behind it how much is left, at another place each time, and
so pages come in of what is taken next. It is 5 kB of each idle connection of HTTP/2.
"""

USUAL: Final = 64 * 1024
"""The same, once a read had as much as it could."""

LARGE: Final = 127 * 1024
"""The same, where the last one had as much as that: a large body takes 0.6 of the processor's time (D-264).

Just below what glibc maps for each allocation anew (128 KiB): above that each read would cost a page fault for 4 KiB.
"""

FEW: Final = 16 * 1024
"""A read of less than this was not of a large body."""


class Line:
    """The socket of one open connection.

    Args:
        transport: Queues what cannot leave at once: `write_later`, and `send_rest` for what is left of a write.
        skt: Its socket.

    Attributes:
        direct: True while nothing is queued, and the connection is open both ways, in the clear, and not fed by a pull
            producer: what is written may then leave at once.
    """

    __slots__ = ("_recv", "_room", "_send", "_transport", "direct")

    def __init__(self, transport: Any, skt: Any) -> None:
        self._transport = transport
        self._send = skt.send
        self._recv = skt.recv
        self._room = FIRST
        self.direct = True

    def write(self, data: Any) -> None:
        """Send now what the kernel takes, queue the rest; see `ITransport.write`."""
        if not self.direct or type(data) is not bytes or not data:
            self._transport.write_later(data)
            return
        try:
            sent = self._send(data)
        except OSError:
            # No room (EAGAIN, ENOBUFS), or the connection is gone (EPIPE, ECONNRESET). Nobody expects an exception
            # or a connectionLost from inside write: queued, the reactor meets the same error and tells of it.
            sent = 0
        if sent != len(data):
            self.direct = False
            self._transport.send_rest(data, sent)

    def read(self) -> Any:
        """Read once and hand it on; see `tcp.Connection.doRead`, whose two calls are one here."""
        try:
            data: bytes = self._recv(self._room)
        except OSError as error:
            return None if error.args[0] == EWOULDBLOCK else CONNECTION_LOST
        size = len(data)
        if size >= self._room:
            self._room = LARGE if size >= USUAL else USUAL
        elif size < FEW:
            if not data:
                return CONNECTION_DONE
            if self._room == LARGE:
                self._room = USUAL
        self._transport.protocol.dataReceived(data)
        return None
