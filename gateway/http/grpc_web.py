"""gRPC-Web: calls of gRPC as a page can make them, since a browser shows it neither HTTP/2 frames nor trailers.

Rules only. The messages are gRPC's own; the trailers are one more frame behind them, with the highest bit of its flags
set. In the form `application/grpc-web-text` all of it is in base64, which may be padded wherever the sender flushed.
See PROTOCOL-WEB.md of the gRPC project.

Tests: `tests/http/test_grpc_web.py`.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error

from gateway.errors import DownstreamError
from gateway.headers import Headers
from gateway.http.fields import response_filter, trailer_filter

_TYPE = re.compile(rb"application/grpc-web(-text)?((?:\+[!#$&^_.+a-z0-9-]+)?)[ \t]*(?:;.*)?", re.IGNORECASE | re.DOTALL)
_GRPC = re.compile(rb"application/grpc((?:\+[!#$&^_.+a-z0-9-]+)?)[ \t]*(?:;.*)?", re.IGNORECASE | re.DOTALL)

_PASSES = trailer_filter(response_filter())

TRAILERS = 0x80
"""The flag of the frame that has the trailers."""


class WebCall:
    """A call as a page makes it.

    Attributes:
        text: Whether what the page sends is in base64.
        answers_text: Whether it takes its answer in base64.
        message: How messages are written, e.g. `+proto`; may be empty.
    """

    __slots__ = ("answers_text", "message", "text")

    def __init__(self, text: bool, answers_text: bool, message: bytes) -> None:
        self.text = text
        self.answers_text = answers_text
        self.message = message

    def answer_type(self, said: bytes) -> bytes | None:
        """Return the media type of an answer for the page; None for one that is no answer of gRPC.

        Args:
            said: Its media type as the backend wrote it.
        """
        found = _GRPC.fullmatch(said)
        if found is None:
            return None
        return b"application/grpc-web" + (b"-text" if self.answers_text else b"") + (found[1] or b"+proto")


def web_call(headers: Headers) -> WebCall | None:
    """Return what a request says that it is; None for a request that is no call of gRPC-Web.

    Args:
        headers: Of a POST.
    """
    said = headers.index.get(b"content-type")
    found = None if said is None else _TYPE.fullmatch(said)
    if found is None:
        return None
    text = found[1] is not None
    accept = (headers.joined(b"accept") or b"").lower()
    # Clients say what they take in `Accept`; one that says nothing takes what it sends.
    answers_text = b"application/grpc-web-text" in accept or (text and b"application/grpc-web" not in accept)
    return WebCall(text, answers_text, found[2].lower())


def trailers_frame(trailers: Headers) -> bytes:
    """Return the frame that has the trailers that pass: a line for each, with its name in small letters."""
    lines = b"".join([b"%b: %b\r\n" % (lower, value) for lower, _, value in trailers.fields if _PASSES[lower]])
    return b"%c%b%b" % (TRAILERS, len(lines).to_bytes(4, "big"), lines)


class TextDecoder:
    """Undoes base64 that comes in chunks, and that may be padded at the end of any group of four octets."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def decode(self, data: bytes) -> bytes:
        """Return what is complete so far.

        Raises:
            DownstreamError: It is no base64.
        """
        if self._rest:
            data = self._rest + data
        whole = len(data) & ~3
        self._rest = data[whole:]
        decoded = []
        start = 0
        while start < whole:
            padding = data.find(b"=", start, whole)
            end = whole if padding < 0 else (padding & ~3) + 4
            decoded.append(_undo(data[start:end]))
            start = end
        return b"".join(decoded)

    def end(self) -> None:
        """Check that nothing is left over.

        Raises:
            DownstreamError: The last group is not complete.
        """
        if self._rest:
            raise DownstreamError("What a call of gRPC-Web sends as text ends within a group of base64.")


def _undo(data: bytes) -> bytes:
    try:
        return b64decode(data, validate=True)
    except Error:
        raise DownstreamError("What a call of gRPC-Web sends as text is no base64.") from None
