"""Writes a response for one client: its head, and how its body is framed.

No I/O. Note [One writer to the client]: only `gateway.serving.http1_channel` calls
this, so whatever made a response, its framing is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.headers import HeaderBlock, Headers
from gateway.http.fields import response_filter, trailer_filter
from gateway.http.messages import chunk, last_chunk, status_line
from gateway.http1.framing import keeps_alive
from gateway.message import Request, Response

_TRAILERS: Final = trailer_filter(response_filter())


class Framing:
    """How the body of one response is written, and whether the connection goes on after it.

    Attributes:
        chunked: The body is written in chunks; otherwise as it is.
        close: The connection is closed after the response.
        empty: There is no body (HEAD, 204, 304), whatever the response holds.
    """

    __slots__ = ("chunked", "close", "empty")

    def __init__(self, chunked: bool, close: bool, empty: bool) -> None:
        self.chunked = chunked
        self.close = close
        self.empty = empty

    def part(self, data: bytes) -> bytes:
        """Return the bytes for a part of the body."""
        return chunk(data) if self.chunked and data else data

    def whole(self, data: bytes, trailers: Headers | None) -> bytes:
        """Return the bytes for the last part and the end of the body."""
        if not self.chunked:
            return data
        end = last_chunk(trailers, _TRAILERS)
        return chunk(data) + end if data else end


_PLAIN: Final = Framing(False, False, False)
_PLAIN_CLOSE: Final = Framing(False, True, False)
_EMPTY: Final = Framing(False, False, True)
_EMPTY_CLOSE: Final = Framing(False, True, True)
_CHUNKED: Final = Framing(True, False, False)
_CHUNKED_CLOSE: Final = Framing(True, True, False)


def _start(block: HeaderBlock, status: int, reason: bytes) -> tuple[int, bytes, bytes, bool]:
    """Write the status line and the fields of a block, and keep them with it."""
    lines = [b"%b: %b\r\n" % (name, value) for _, name, value in block.fields]
    usual = b"date" in block.index and status != 204 and status != 304
    start = block.start = (status, reason, status_line(status, reason) + b"".join(lines), usual)
    return start


def encode(request: Request, response: Response, date: Callable[[], bytes], close: bool) -> tuple[bytes, Framing]:
    """Return the head of a response and the framing of its body.

    Args:
        request: The request that is answered: the framing depends on its method and version (RFC 9112 section 6).
        response: Has no framing fields and none that are for one hop only.
        date: Returns the value of a Date field, for a response without one (RFC 9110 section 6.6.1).
        close: The connection cannot go on after the response.
    """
    status = response.status
    headers = response.headers
    block = headers.base
    if block is None:
        lines = [status_line(status, response.reason)]
        lines += [b"%b: %b\r\n" % (name, value) for _, name, value in headers.fields]
        return _framed(request, response, date, close, lines)
    # Nearly every answer comes with a head that is known; what steps have added stands behind the block's fields.
    start = block.start
    if start is None or start[0] != status or start[1] != response.reason:
        start = _start(block, status, response.reason)
    fields, known = headers.fields, len(block.fields)
    if (
        start[3]
        and response.length is not None
        and not close
        and b"connection" not in request.headers.index
        and request.version == b"1.1"
        and request.method != b"HEAD"
    ):
        if len(fields) == known + 1:
            # One field is added to nearly every answer: the request id.
            _, name, value = fields[known]
            return b"%b%b: %b\r\nContent-Length: %d\r\n\r\n" % (start[2], name, value, response.length), _PLAIN
        lines = [b"%b: %b\r\n" % (name, value) for _, name, value in fields[known:]]
        return b"%b%bContent-Length: %d\r\n\r\n" % (start[2], b"".join(lines), response.length), _PLAIN
    lines = [b"%b: %b\r\n" % (name, value) for _, name, value in fields[known:]]
    lines.insert(0, start[2])
    return _framed(request, response, date, close, lines)


def _framed(
    request: Request, response: Response, date: Callable[[], bytes], close: bool, lines: list[bytes]
) -> tuple[bytes, Framing]:
    """End a head that has its status line and fields: Date, framing, and what is said about the connection."""
    status = response.status
    headers = response.headers
    if b"date" not in headers.index:
        lines.append(b"Date: %b\r\n" % date())
    length = response.length
    chunked = False
    empty = request.method == b"HEAD" or status == 204 or status == 304
    if status != 204 and length is not None:
        lines.append(b"Content-Length: %d\r\n" % length)
    elif not empty:
        if response.body is None:
            lines.append(b"Content-Length: 0\r\n")  # not chunks: without a body nobody would write the last one
        elif request.version == b"1.1":
            chunked = True
            lines.append(b"Transfer-Encoding: chunked\r\n")
        else:
            close = True  # RFC 9112 section 6.3: for HTTP/1.0 the body ends with the connection
    index = request.headers.index
    if close or b"connection" in index or request.version != b"1.1":
        if close or not keeps_alive(request.version, request.headers):
            close = True
            lines.append(b"Connection: close\r\n")
        elif request.version != b"1.1":
            lines.append(b"Connection: keep-alive\r\n")
    lines.append(b"\r\n")
    if empty:
        framing = _EMPTY_CLOSE if close else _EMPTY
    elif chunked:
        framing = _CHUNKED_CLOSE if close else _CHUNKED
    else:
        framing = _PLAIN_CLOSE if close else _PLAIN
    return b"".join(lines), framing
