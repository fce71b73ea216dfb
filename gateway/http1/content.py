"""The content of a message, out of octets that may be cut anywhere: of known length, in chunks, or until the close.

One reader for both roles: `gateway.http1.request_parser` and `gateway.http1.response_parser` find out from the head
where content ends (`gateway.http1.framing`) and hand on what was read. What stands behind the end is given back
unread. How much framing is taken, and which error says that it is wrong, differs by side and is handed in.
"""

from __future__ import annotations

import sys
from typing import Final

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.headers import Headers
from gateway.http1.chunks import BrokenChunks, ChunkReader, TrailersTooLarge
from gateway.http1.framing import CHUNKED, UNTIL_CLOSE

CHUNK_OVERHEAD: Final = 16 * 1024
"""Octets of chunk sizes, extensions and trailers taken on top of eight times the content and the limit of a head."""


class ContentReader:
    """Reads the contents of the messages of one connection, one after the other.

    Args:
        most: Octets of one line of chunked framing, and of all trailers together: the limit for heads.
        fields: Most trailer fields.
        wrong: The error for content that breaks the rules.
        too_large: The error for trailers over a limit.

    Attributes:
        reading: Content has begun and its end has not come.
        trailers: Those of the content that ended last, None where there were none.
    """

    __slots__ = (
        "_body",
        "_chunks",
        "_fields",
        "_framing",
        "_left",
        "_most",
        "_too_large",
        "_until_close",
        "_wrong",
        "reading",
        "trailers",
    )

    def __init__(self, most: int, fields: int, wrong: type[GatewayError], too_large: type[GatewayError]) -> None:
        self.reading = False
        self.trailers: Headers | None = None
        self._most = most
        self._fields = fields
        self._wrong = wrong
        self._too_large = too_large
        self._body: Body | None = None
        self._chunks: ChunkReader | None = None
        self._left = 0
        self._until_close = False
        self._framing = 0  # octets of chunked content that were read, with its framing

    def begin(self, body: Body, length: int) -> None:
        """A head has been read whose content follows.

        Args:
            body: Takes the content; ending it is for the caller, who knows what the end of the message means.
            length: Octets, CHUNKED or UNTIL_CLOSE; not 0.
        """
        self.reading = True
        self.trailers = None
        self._body = body
        self._until_close = length == UNTIL_CLOSE
        if length == CHUNKED:
            self._chunks = ChunkReader(self._most, self._fields)
            self._framing = 0
        else:
            self._chunks = None
            self._left = sys.maxsize if self._until_close else length

    def feed(self, data: bytes) -> bytes | None:
        """Take what was read, not empty; the content in it goes into the body.

        Returns:
            What stands behind the end of the content; None as long as the end has not come.

        Raises:
            GatewayError: The content breaks the rules (`wrong`), or its trailers are over a limit (`too_large`).
        """
        body = self._body
        assert body is not None
        chunks = self._chunks
        if chunks is not None:
            return self._feed_chunks(chunks, body, data)
        if len(data) < self._left:
            self._left -= len(data)
            body.push(data)
            return None
        rest = data[self._left :]
        body.push(data[: self._left] if rest else data)
        self._end()
        return rest

    def closed(self) -> bool:
        """The connection ended in good order; returns whether that was the end of the content."""
        if self.reading and self._until_close:
            self._end()
            return True
        return False

    def _feed_chunks(self, chunks: ChunkReader, body: Body, data: bytes) -> bytes | None:
        try:
            parts = chunks.feed(data)
        except BrokenChunks as error:
            problem = self._too_large if isinstance(error, TrailersTooLarge) else self._wrong
            raise problem(str(error)) from None
        if parts:
            # In one piece, however small the chunks: each piece costs its way through the gateway (D-355).
            body.push(b"".join(parts) if len(parts) > 1 else parts[0])
        if chunks.ended:
            self._end()
            self.trailers = Headers.of(chunks.trailers) if chunks.trailers else None
            return chunks.rest
        self._framing += len(data)
        if self._framing > CHUNK_OVERHEAD + self._most + 9 * body.received:
            raise self._wrong("The chunked content has far more framing than content.")
        return None

    def _end(self) -> None:
        self.reading = False
        self._body = None
        self._chunks = None
