"""The connections to a backend that wait for their clients, and do not count.

# Note [Lent places]
The cap is there to protect the backend, and a client could use it against all others: so many that send half a
request, or never read their answer, and nobody else gets a connection. So a connection that waits for its client lends
its place in the cap for as long as it waits: another one may be opened. There can be no more of them than clients,
`limits.connections`; past that number of lent places, or when the system has no descriptor left, the connection that
has waited longest for its client is given up.

A connection of several streams lends its place only when it has no room and each of its streams waits for its client:
as long as it has room, nobody has to wait for it.
"""

from __future__ import annotations

from gateway.upstream.contract import Connection


class LentPlaces:
    """Which connections have lent their places, in the order in which they did.

    Args:
        most: How many may; see Note [Lent places].
    """

    __slots__ = ("_connections", "_most")

    def __init__(self, most: int) -> None:
        # A dictionary: the first in it has waited longest.
        self._connections: dict[Connection, None] = {}
        self._most = most

    def lend(self, connection: Connection) -> bool:
        """A connection waits for its clients; returns False where that is known."""
        if connection in self._connections:
            return False
        self._connections[connection] = None
        connection.has_lent = True
        return True

    def reclaim(self, connection: Connection) -> bool:
        """A connection waits no longer, or is gone; returns False where it did not."""
        if connection in self._connections:
            del self._connections[connection]
            return True
        return False

    @property
    def all_lent(self) -> bool:
        """Whether there can be no more."""
        return len(self._connections) >= self._most

    def give_up_longest(self) -> None:
        """Take what has waited longest for its client away from it."""
        next(iter(self._connections)).give_up()

    def __len__(self) -> int:
        return len(self._connections)
