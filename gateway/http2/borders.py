"""Where frames begin and end, followed from outside of an engine: whether a head has begun and is not complete.

Layer 1. No engine tells of a head before all of it is there, so nobody could bound how long it may take: a client
might send a HEADERS frame without its end, and hold the connection.
"""

from __future__ import annotations

from typing import Final

_OF_HEADS: Final = (0x1, 0x9)  # HEADERS, CONTINUATION
_END_HEADERS: Final = 0x4
_FRAME_HEAD: Final = 9


class Borders:
    """Follows what one end of a connection sends.

    Args:
        skip: Octets before the first frame: a client's preface.

    Attributes:
        in_head: A HEADERS frame has begun, and the last octet of its block has not come.
    """

    __slots__ = ("_ends", "_held", "_left", "in_head")

    def __init__(self, skip: int) -> None:
        self.in_head = False
        self._ends = False  # the frame that is being read is the last of its block
        self._held = b""  # of the nine octets before a frame's payload
        self._left = skip  # octets of payload

    def follow(self, data: bytes) -> None:
        """Take what was sent, cut anywhere."""
        position, end = 0, len(data)
        if self._held:
            position = _FRAME_HEAD - len(self._held)
            self._held += data[:position]
            if len(self._held) < _FRAME_HEAD:
                return
            held, self._held = self._held, b""
            self._begin(held, 0)
        while True:
            if position + self._left > end:
                self._left -= end - position
                return
            position += self._left
            self._left = 0
            if self._ends:
                self.in_head = self._ends = False
            if position + _FRAME_HEAD > end:
                self._held = data[position:]
                return
            self._begin(data, position)
            position += _FRAME_HEAD

    def _begin(self, data: bytes, position: int) -> None:
        self._left = data[position] << 16 | data[position + 1] << 8 | data[position + 2]
        kind = data[position + 3]
        if kind in _OF_HEADS:
            self.in_head = True
            self._ends = bool(data[position + 4] & _END_HEADERS)
