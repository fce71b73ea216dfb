"""A server in memory that goes wrong as it is told: what backends and Redis have in common.

Tests: `tests/simulation/test_stations.py::test_who_is_down_refuses_and_resets`.
"""

from __future__ import annotations

from math import prod

from twisted.internet.interfaces import IProtocol

from gateway.memory.end import End
from gateway.memory.network import MemoryNetwork
from gateway.simulation.faults import Fault


class Failing:
    """A server.

    Args:
        network: Where it listens.
        host: Its name there.
        port: Likewise.

    Attributes:
        network: As given.
        faults: What is wrong now.
        factor: By which everything takes longer.
        is_lost: Whether nothing comes back from it.
    """

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self.network = network
        self.faults: list[Fault] = []
        self.factor = 1.0
        self.is_lost = False
        self._address = host, port
        self._connections: list[End] = []
        self._look()

    def accept(self) -> IProtocol:
        """Return what reads a new connection."""
        raise NotImplementedError

    def came(self, connection: End) -> None:
        """A connection is open."""
        self._connections = [one for one in self._connections if one.closed is None]
        self._connections.append(connection)

    def goes_down(self) -> None:
        """Its process ends: what it was doing is lost."""

    def begin(self, fault: Fault) -> None:
        """Something goes wrong from now on."""
        self.faults.append(fault)
        if fault.kind == "down":
            self.goes_down()
            for connection in self._connections:
                if connection.closed is None:
                    connection.reset()
            self._connections.clear()
        self._look()

    def end(self, fault: Fault) -> None:
        """It is over."""
        self.faults.remove(fault)
        self._look()

    def _look(self) -> None:
        kinds = {fault.kind for fault in self.faults}
        self.is_lost = "lost" in kinds
        self.factor = prod(fault.factor for fault in self.faults)
        if "down" in kinds:
            self.network.close(*self._address)
        else:
            self.network.listen(*self._address, None if self.is_lost else self.accept)
