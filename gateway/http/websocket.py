"""Where the frames of a WebSocket end, the close frame, and what a server says to a client's key (RFC 6455).

Used by `gateway.serving.tunnel`. It passes a WebSocket on as octets, and needs to know where frames end only to send a
close frame of the gateway's own: that may stand between two frames, never within one. The key is of
`gateway.serving.http2_tunnel`, which asks backends in the place of clients that send none.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

GOING_AWAY = 1001
"""Close code: the server is shutting down."""

POLICY_VIOLATION = 1008
"""Close code: the client breaks a rule of the server, or does not fulfil it any more (a token has expired)."""

_CLOSE = 8
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_LONGEST_REASON = 123  # RFC 6455 section 5.5: a control frame carries 125 octets, and two of them are the code
_LENGTH_OCTETS = {126: 2, 127: 8}


def accepting(key: bytes) -> bytes:
    """Return what stands in `Sec-WebSocket-Accept` where the server has read a `Sec-WebSocket-Key` (section 4.2.2)."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def close_frame(code: int, reason: str = "", mask: bytes = b"") -> bytes:
    """Return a close frame; a reason that is too long is cut at the end of a character.

    Args:
        code: One of section 7.4.1.
        reason: A few words.
        mask: Four random octets, for a frame to a server (section 5.3); none for one to a client.
    """
    text = reason.encode()[:_LONGEST_REASON].decode(errors="ignore").encode()
    content = code.to_bytes(2, "big") + text
    head = bytes((0x80 | _CLOSE, len(content) | (0x80 if mask else 0)))
    if not mask:
        return head + content
    return head + mask + bytes(octet ^ mask[place % 4] for place, octet in enumerate(content))


class FrameBorders:
    """Follows the frames of one direction by their heads; their content is skipped by its length.

    Attributes:
        closed: A close frame has begun: nothing may follow it.
    """

    __slots__ = ("_head", "_left", "closed")

    def __init__(self) -> None:
        self._head = b""  # of a frame whose head is not complete
        self._left = 0  # octets of content that are still to come
        self.closed = False

    @property
    def between(self) -> bool:
        """Whether another frame may stand here."""
        return not self._left and not self._head and not self.closed

    def follow(self, data: bytes) -> None:
        """Follow octets that pass."""
        left = self._left
        if left > len(data):  # the usual read of a large message
            self._left = left - len(data)
            return
        position = 0
        while position < len(data):
            position = self._follow_one(data, position)

    def follow_to_border(self, data: bytes) -> int:
        """Follow octets up to the end of the frame that they begin in; returns how many octets that is."""
        position = 0
        while position < len(data):
            position = self._follow_one(data, position)
            if not self._left and not self._head:
                break
        return position

    def _follow_one(self, data: bytes, position: int) -> int:
        """Follow octets from `position` up to the end of a head or of a frame's content; returns where that is."""
        if self._left:
            passed = min(self._left, len(data) - position)
            self._left -= passed
            return position + passed
        # A head has 14 octets at most.
        head = self._head + data[position : position + 14 - len(self._head)]
        size = 2
        if len(head) >= size:
            extended = _LENGTH_OCTETS.get(head[1] & 0x7F, 0)
            size += extended + (4 if head[1] & 0x80 else 0)
            if len(head) >= size:
                position += size - len(self._head)
                self._head = b""
                self._left = int.from_bytes(head[2 : 2 + extended], "big") if extended else head[1] & 0x7F
                self.closed = self.closed or head[0] & 0x0F == _CLOSE
                return position
        self._head = head
        return len(data)
