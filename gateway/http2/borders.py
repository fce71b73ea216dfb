"""Where frames begin and end, followed from outside of an engine: which heads have begun, and which are complete.

Layer 1. No engine tells of a head before all of it is there, so nobody could bound how long it may take: a client
might send a HEADERS frame without its end, and hold the connection. Nor does one tell of a head that it refuses: who
counts those compares what was told with what came.
"""

from __future__ import annotations

from typing import Final

_HEADERS: Final = 0x1
_OF_HEADS: Final = (_HEADERS, 0x9)  # CONTINUATION
_SID: Final = 2**31 - 1  # the highest bit is reserved (RFC 9113 section 4.1)
_END_HEADERS: Final = 0x4
_FRAME_HEAD: Final = 9


class Borders:
    """Follows what one end of a connection sends.

    Args:
        skip: Octets before the first frame: a client's preface.

    Attributes:
        begun: Complete heads of new streams (with higher numbers than any before): whoever tells of one counts it off.
        trailing: Other complete heads, such as trailers, likewise.
        in_head: A HEADERS frame has begun, and the last octet of its block has not come.
    """

    __slots__ = ("_ends", "_held", "_highest", "_is_new", "_left", "begun", "in_head", "trailing")

    def __init__(self, skip: int) -> None:
        self.begun = self.trailing = 0
        self.in_head = False
        self._highest = 0
        self._is_new = False  # the head that is being read is that of a new stream
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
                if self._is_new:
                    self._is_new = False
                    self.begun += 1
                else:
                    self.trailing += 1
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
            if kind == _HEADERS:
                sid = data[position + 5] << 24 | data[position + 6] << 16 | data[position + 7] << 8 | data[position + 8]
                sid &= _SID
                if sid > self._highest:
                    self._highest = sid
                    self._is_new = True
            self._ends = bool(data[position + 4] & _END_HEADERS)
