"""A check by a connection: the backend must accept it, and complete the handshake where there is TLS.

Tests: `tests/system/test_probes.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol

Connect = Callable[[Callable[[], IProtocol]], "Deferred[IProtocol]"]
"""Opens a connection of its own to the backend, past the pool."""


class TcpProbe:
    """Connects, and closes again.

    Args:
        connect: Opens the connection.
        says: Whether the backend has been sent something by then that it is to read.
    """

    def __init__(self, connect: Connect, says: bool = False) -> None:
        self._connect = connect
        self._leave = _close if says else _reset

    def run(self) -> Deferred[None]:
        """See `gateway.probing.prober.Probe`."""
        return self._connect(Protocol).addCallback(self._leave)


def _close(protocol: IProtocol) -> None:
    # A reset takes with it what was not read, and the backend logs an error (D-32).
    protocol.transport.loseConnection()  # type: ignore[attr-defined]


def _reset(protocol: IProtocol) -> None:
    # Reset, not closed: nothing is left to be sent, and so no sockets wait in FIN_WAIT or CLOSE_WAIT on either side.
    protocol.transport.abortConnection()  # type: ignore[attr-defined]
