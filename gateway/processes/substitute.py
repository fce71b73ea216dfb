"""A worker that also accepts at the queues of others while they are not there: `gateway.processes.stand_ins` says so.

What it accepts there is as what it accepts at its own: the same site, TLS and limit. Where it closes them again, the
parent still has the sockets, and nobody who waits there is turned away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gateway.listening.endpoints import Listening
from gateway.transport.inherited import Given
from gateway.transport.port import GatewayPort


class Substitute:
    """Who stands in for others.

    Args:
        listening: Returns the open listeners of this worker.
    """

    def __init__(self, listening: Callable[[], Iterable[Listening]]) -> None:
        self._listening = listening
        self._ports: dict[int, list[tuple[GatewayPort, GatewayPort]]] = {}

    def stand_in(self, place: int, sockets: Sequence[Given]) -> None:
        """Accept at the queues of another worker.

        Args:
            place: Whose.
            sockets: Their descriptors are the caller's to close.
        """
        self.stand_down(place)
        own: dict[tuple[tuple[str, int] | None, int], GatewayPort] = {
            (port.opened_for, port.addressFamily): port
            for port in (each.port for each in self._listening())
            if isinstance(port, GatewayPort)
        }
        opened = self._ports[place] = []
        for given in sockets:
            port = own.get(((given.where, given.port), given.family))
            if port is not None:
                opened.append((port, port.accept_too(given.descriptor)))

    def stand_down(self, place: int) -> None:
        """Accept there no more."""
        for port, another in self._ports.pop(place, ()):
            port.leave_off(another)
