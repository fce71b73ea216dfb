"""What clients read of kept answers, a part at a time, and how much that is in all.

An answer that is given is one object for all who read it. The store may have dropped it by the time a slow client has
read it to the end, and then it is held for that client alone. So the octets of what is being read count, each answer's
once however many read it, up to a bound of their own: Note [What readers hold is bounded] in `gateway.caching.flights`.
What is no longer than a connection may hold anyway (`gateway.body.HIGH_WATER`) is not counted.
"""

from __future__ import annotations

from functools import partial

from gateway.body import HIGH_WATER
from gateway.caching.flights import Reader, Room, Shared


class Lending:
    """The kept answers that are being read.

    Args:
        room: For their octets.
    """

    __slots__ = ("_lent", "_room")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lent: dict[int, Shared] = {}  # by the identity of the content, which a `Shared` holds

    @property
    def octets(self) -> int:
        """Return how many octets are held for those who read."""
        return self._room.taken

    def may(self, content: bytes) -> bool:
        """Whether there is room for somebody to read an answer."""
        return len(content) <= HIGH_WATER or id(content) in self._lent or self._room.has(len(content))

    def lend(self, content: bytes, first: int, until: int) -> Reader:
        """Return a reader of some octets of an answer, which has the first of them already.

        Args:
            content: All of the answer's content.
            first: The first octet.
            until: The one behind the last.
        """
        shared = self._lent.get(id(content))
        if shared is None:
            back = partial(self._back, id(content), len(content))
            shared = self._lent[id(content)] = Shared(0, _nothing, _nothing, back).holds(content)
            self._room.taken += len(content)
        reader = shared.read(until - first, first, until)
        reader.pump()
        return reader

    def _back(self, name: int, octets: int) -> None:
        del self._lent[name]
        self._room.give_back(octets)


def _nothing(content: bytes | None = None) -> None:
    """Nobody waits for what is there."""
