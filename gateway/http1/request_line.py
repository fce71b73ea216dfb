"""The first line of a request, read as strictly as RFC 9112 section 3 writes it.

llhttp is more generous than we are: several blanks between the parts, RTSP in
place of HTTP; and behind a line without a version it waits for fields. Asked by
`gateway.http1.request_parser` for lines that are not of the plainest kind.
"""

from __future__ import annotations

import re

from gateway.errors import MalformedRequest, MethodUnknown, VersionUnsupported
from gateway.http.methods import FORWARDED

plain_line = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) (/[!-\"$-~]*) HTTP/1\.1\r\n").match
"""Match the lines of nearly all requests: nothing more is to be asked about them."""

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

# What stands for the method, the target and the version is judged elsewhere: they have errors of their own.
_STRICT = re.compile(rb"[^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+ HTTP/[0-9]\.[0-9]\r\n")
_WRONG = "The request line is not method, target and HTTP version with one blank between them."


class RequestLine:
    """Collects what begins a request until its first line can be judged."""

    __slots__ = ("_read",)

    def __init__(self) -> None:
        self._read = bytearray()

    def complete(self, data: bytes) -> bool:
        """Take what was read; returns whether the line is complete, and as it should be.

        Raises:
            MalformedRequest: It is not.
        """
        read = self._read
        read += data
        # RFC 9112 section 2.2: empty lines in front of a request are ignored; the read before may hold their beginning.
        while read.startswith((b"\r", b"\n")):
            del read[:1]
        end = read.find(b"\n") + 1
        if not end:
            return False
        if _STRICT.fullmatch(read, 0, end) is None:
            raise MalformedRequest(_WRONG)
        return True


def check_seen(method: bytes, target: bytes, version: bytes, seen: bytes) -> None:
    """Refuse a request whose line, written anew from what was understood, is not in what was read.

    Raises:
        MalformedRequest: It is not.
    """
    if b"%b %b HTTP/%b\r\n" % (method, target, version) not in seen:
        raise MalformedRequest(_WRONG)


def check_version(version: bytes) -> None:
    """Refuse what is not of HTTP/1.

    Raises:
        MalformedRequest: It has no head at all.
        VersionUnsupported: It is another HTTP.
    """
    if version == b"1.1" or version == b"1.0":
        return
    if version == b"0.9":
        raise MalformedRequest("HTTP/0.9 is not spoken here.")
    raise VersionUnsupported("Only HTTP/1.1 and HTTP/1.0 are spoken here.")


def check_method(method: bytes) -> None:
    """Refuse a method that is not forwarded (`gateway.http.methods`).

    Raises:
        MethodUnknown: It is such a one.
    """
    if method not in FORWARDED:
        raise MethodUnknown(f"{method.decode()} is not served here.")


def starts_with_method(data: bytes) -> bool:
    """Whether a line that llhttp's method table does not know is a request line all the same."""
    method, space, rest = data.lstrip(b"\r\n")[:256].partition(b" ")
    return bool(space) and bool(method) and _TOKEN.issuperset(method) and rest[:1] in (b"/", b"h", b"*")
