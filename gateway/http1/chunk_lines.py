"""The size lines of content in chunks, looked at before llhttp reads them (RFC 9112 section 7.1).

Layer 1, used by `gateway.http1.request_parser`. llhttp takes any size that fits
into 64 bits, and then waits for octets that cannot come; and it refuses an
extension without a name (`5;`), which nginx, HAProxy and others pass over. So a
size of more than `DIGITS` is an error at once, as in answers
(`gateway.http1.chunks`), and extensions, which nobody on the other side would
get anyway, are taken out. Everything else goes through as it is: whether it is
right is for llhttp to say.

# Note [Chunk lines]
Who feeds these must begin where the content begins, and may cut it anywhere.
A line goes on when all of it is there.
"""

from __future__ import annotations

import re

from gateway.http1.chunks import DIGITS

_LINE = re.compile(rb"([0-9A-Fa-f]+)((?:;[\t -~\x80-\xff]*)?)\r\n").fullmatch


class WrongChunk(Exception):
    """A chunk is larger than any, or the line that says its size is longer than is taken."""


class ChunkLines:
    """Follows one content from its first octet to its last.

    Args:
        longest: Most octets of one line.

    Attributes:
        dropped: Octets of extensions so far.
    """

    __slots__ = ("_done", "_left", "_line", "_longest", "_trailers", "dropped")

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._line = b""
        self._left = 0  # octets of the chunk, and of the line end behind it
        self._trailers = False
        self._done = False
        self.dropped = 0

    def through(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what was read; returns what llhttp is to read, and what lies behind the content's end.

        Raises:
            WrongChunk: The content cannot be read.
        """
        if self._done:
            return data, b""  # a wrong line, which llhttp took all the same
        parts: list[bytes] = []
        at = 0
        while at < len(data) and not self._done:
            if self._left:
                part = data[at : at + self._left]
                self._left -= len(part)
                parts.append(part)
            else:
                end = data.find(b"\n", at) + 1
                part = data[at : end or len(data)]
                parts.append(self._of_trailer(part) if self._trailers else self._of_size(part))
            at += len(part)
        return b"".join(parts), data[at:]

    def _of_size(self, part: bytes) -> bytes:
        """Take a part of a line that begins a chunk; returns the line when it is complete."""
        line = self._line + part
        if len(line) > self._longest:
            raise WrongChunk("The line of a chunk's size is too long.")
        if not line.endswith(b"\n"):
            self._line = line
            return b""
        self._line = b""
        found = _LINE(line)
        if found is None:
            self._done = True  # llhttp will refuse it
            return line
        size = int(found[1], 16)
        if len(found[1].lstrip(b"0")) > DIGITS:
            raise WrongChunk("A chunk is larger than any.")
        self._left = size + 2 if size else 0
        self._trailers = not size
        self.dropped += len(found[2])
        return found[1] + b"\r\n"

    def _of_trailer(self, part: bytes) -> bytes:
        """Take a part of a line behind the last chunk: an empty one is the end."""
        line = self._line + part
        self._done = line == b"\r\n"
        self._line = b"" if line.endswith(b"\n") else line[:2]
        return part
