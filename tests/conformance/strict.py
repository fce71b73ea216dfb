"""A reader of HTTP/1.1 that forgives nothing, made from the RFC's grammar and from nothing of the gateway's.

What the gateway sends must be readable by it, in one way only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(%b) (/[!-~]*|\*) HTTP/1\.1" % _TOKEN)
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9][0-9]) ([\t -~\x80-\xff]*)")
_FIELD = re.compile(rb"(%b): ([!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?|)" % _TOKEN)
_SIZE = re.compile(rb"0|[1-9a-f][0-9a-f]*")


class Ambiguous(Exception):
    """The octets are not one well-formed message after the other."""


class Incomplete(Ambiguous):
    """Well-formed as far as they go, but the last message has no end."""


class Message(NamedTuple):
    """A message as a strict reader understands it: start line in parts, fields, content, trailers."""

    start: tuple[bytes, ...]
    fields: list[tuple[bytes, bytes]]
    content: bytes
    trailers: list[tuple[bytes, bytes]]

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a field."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def status(self) -> int:
        """Return the status code of a response."""
        return int(self.start[0])


def requests(data: bytes) -> list[Message]:
    """Read octets as requests from first to last."""
    found = []
    while data:
        lines, data = _head(data)
        line = _REQUEST_LINE.fullmatch(lines[0])
        if line is None:
            raise Ambiguous(lines[0])
        fields = _fields(lines[1:])
        if len(_values(fields, b"host")) != 1:
            raise Ambiguous("not one Host")
        content, trailers, data = _content(fields, data, needed=False, until_close=False)
        found.append(Message(line.groups(), fields, content, trailers))
    return found


def responses(data: bytes, *methods: bytes, closed: bool = False) -> list[Message]:
    """Read octets as responses to requests with these methods (GET where there are no more)."""
    asked = list(methods)
    found = []
    while data:
        lines, data = _head(data)
        line = _STATUS_LINE.fullmatch(lines[0])
        if line is None:
            raise Ambiguous(lines[0])
        fields = _fields(lines[1:])
        status = int(line[1])
        if status < 200:
            if _values(fields, b"content-length") or _values(fields, b"transfer-encoding"):
                raise Ambiguous("framing on an interim response")
            found.append(Message(line.groups(), fields, b"", []))
            continue
        method = asked.pop(0) if asked else b"GET"
        if status == 204 and (_values(fields, b"content-length") or _values(fields, b"transfer-encoding")):
            raise Ambiguous("framing on 204")
        content, trailers = b"", list[tuple[bytes, bytes]]()
        if method != b"HEAD" and status not in (204, 304):
            content, trailers, data = _content(fields, data, needed=True, until_close=closed)
        found.append(Message(line.groups(), fields, content, trailers))
    return found


def _head(data: bytes) -> tuple[list[bytes], bytes]:
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        raise Incomplete("no end of the head")
    lines = head.split(b"\r\n")
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise Ambiguous("control characters")
    return lines, rest


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    fields = []
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise Ambiguous(line)
        fields.append((field[1], field[2]))
    return fields


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in fields if key.lower() == name]


def _content(
    fields: list[tuple[bytes, bytes]], data: bytes, needed: bool, until_close: bool
) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    codings, lengths = _values(fields, b"transfer-encoding"), _values(fields, b"content-length")
    if len(codings) + len(lengths) > 1:
        raise Ambiguous("framed in two ways")
    if codings:
        if codings != [b"chunked"]:
            raise Ambiguous(codings[0])
        return _chunks(data)
    if lengths:
        length = int(lengths[0])
        if str(length).encode() != lengths[0]:
            raise Ambiguous("the length is not written plainly")
        if len(data) < length:
            raise Incomplete("the content is not as long as it says")
        return data[:length], [], data[length:]
    if not needed:
        return b"", [], data
    if not until_close:
        raise Ambiguous("content without a length on a connection that goes on")
    return data, [], b""


def _chunks(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    content = b""
    while True:
        size_line, end, data = data.partition(b"\r\n")
        if not end and len(size_line) < 20:
            raise Incomplete("no end of a chunk's size")
        if _SIZE.fullmatch(size_line) is None:
            raise Ambiguous(size_line)
        size = int(size_line, 16)
        if size == 0:
            break
        if not b"\r\n".startswith(data[size : size + 2]):
            raise Ambiguous("a chunk is not as long as it says")
        if len(data) < size + 2:
            raise Incomplete("no end of a chunk")
        content, data = content + data[:size], data[size + 2 :]
    if data.startswith(b"\r\n"):
        return content, [], data[2:]
    lines, data = _head(data)
    return content, _fields(lines), data
