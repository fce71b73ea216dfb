"""Connections to a backend that belong to one client.

# Note [Connections of one client]
A backend that speaks NTLM or Negotiate authenticates the connection: whatever comes on it later is the user's. Such
a connection is set aside for the client connection whose request authenticated it, and nobody else ever gets it. It is
closed when its client is gone, when the place that it takes is needed, or when it has been unused for `idle_timeout`.

Tests: `tests/flow/test_connection_auth.py::test_all_legs_of_a_handshake_take_one_connection`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.upstream.contract import Connection, Keeper


class Aside:
    """What one keeper has set aside.

    Args:
        keeper: Whose connections they are.

    Attributes:
        connections: By their owners, the oldest first; asked for each request, whether there are any.
        pins: For client connections, the keeper that has set a connection aside for them; shared by all keepers.
    """

    __slots__ = ("_keeper", "connections", "pins")

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.connections: dict[object, Connection] = {}
        self.pins: dict[object, Keeper] = {}

    def put(self, connection: Connection, owner: object) -> None:
        """Set a connection aside for its owner, who has none here."""
        self.connections[owner] = connection
        self.pins[owner] = self._keeper

    def take(self, owner: object) -> Connection | None:
        """Return what is set aside for an owner, who has it now; None for nothing."""
        connection = self.connections.pop(owner, None)
        if connection is not None and self.pins.get(owner) is self._keeper:
            del self.pins[owner]
        return connection

    def oldest(self) -> Connection:
        """Return the one that was set aside first."""
        return next(iter(self.connections.values()))

    def __contains__(self, connection: Connection) -> bool:
        return self.connections.get(connection.owner) is connection

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self.connections.values()))

    def __len__(self) -> int:
        return len(self.connections)
