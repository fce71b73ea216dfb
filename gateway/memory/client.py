"""A client in memory: writes octets, keeps what comes, and reads it as responses."""

from __future__ import annotations

import json
from typing import Any

from httptools import HttpParserUpgrade, HttpResponseParser

from gateway.headers import Headers
from gateway.memory.end import End


class Received:
    """A response as a client got it.

    Attributes:
        interims: Status codes of the 1xx before it.
        complete: Its end has come.
    """

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.headers = Headers()
        self.trailers = Headers()
        self.body = b""
        self.complete = False
        self.interims: list[int] = []

    @property
    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


class FakeClient(End):
    """One client connection."""

    def responses(self, *methods: bytes) -> list[Received]:
        """Read what came as responses to requests with these methods (GET where there are no more)."""
        return parse_responses(self.received, methods, ended=self.closed is not None or self.end_of_input)


def parse_responses(data: bytes, methods: tuple[bytes, ...] = (), ended: bool = False) -> list[Received]:
    """Read octets as responses; the last may be incomplete."""
    responses: list[Received] = []
    interims: list[int] = []
    while data:
        method = methods[len(responses)] if len(methods) > len(responses) else b"GET"
        response, data, until_close = _parse_one(data, method)
        if response.status < 200 and response.status != 101 and response.status:
            interims.append(response.status)
            continue
        response.interims, interims = interims, []
        response.complete = response.complete or (until_close and ended)
        if response.status == 101:
            response.body, data = data, b""  # another protocol, to the end
        responses.append(response)
    return responses


class _Reader:
    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.head: list[tuple[bytes, bytes]] | None = None
        self.reason = b""
        self.body = b""
        self.complete = False

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.head, self.fields = self.fields, []

    def on_body(self, data: bytes) -> None:
        self.body += data


def _end_of_chunks(data: bytes, position: int) -> tuple[int, bool]:
    """Return where content in chunks ends, or as far as it has come, and whether it is complete."""
    while (line := data.find(b"\r\n", position)) >= 0:
        size = int(data[position:line].partition(b";")[0], 16)
        if not size:
            blank = data.find(b"\r\n\r\n", line)
            return (len(data), False) if blank < 0 else (blank + 4, True)
        position = line + 2 + size + 2
    return len(data), False


def _parse_one(data: bytes, method: bytes) -> tuple[Received, bytes, bool]:
    """Return the first response, what follows it, and whether the connection's end ends it."""
    head_end = data.find(b"\r\n\r\n") + 4
    reader = _Reader()
    parser = HttpResponseParser(reader)
    response = Received()
    position = 0
    try:
        # No further than the message goes, so that what follows it is known.
        parser.feed_data(data[:head_end] if head_end > 3 else data)
        position = head_end if head_end > 3 else len(data)
        headers = Headers(reader.head or [])
        bodiless = method == b"HEAD" or parser.get_status_code() in (204, 304) or parser.get_status_code() < 200
        length = headers.get(b"content-length")
        if reader.head is None or bodiless:
            reader.complete = reader.head is not None
        elif length is not None:
            reader.body = data[position : position + int(length)]
            reader.complete = len(reader.body) == int(length)
            position += len(reader.body)
        elif headers.get(b"transfer-encoding") is None:
            reader.body, position = data[position:], len(data)
        else:
            end, reader.complete = _end_of_chunks(data, position)
            parser.feed_data(data[position:end])
            position = end
    except HttpParserUpgrade:
        position = head_end
        reader.complete = True
    response.status = parser.get_status_code()
    response.reason = reader.reason
    response.headers = Headers(reader.head or [])
    response.trailers = Headers(reader.fields if reader.complete else [])
    response.body = reader.body
    response.complete = reader.complete
    framed = {b"content-length", b"transfer-encoding"} & set(response.headers.index)
    # A head that broke off is no answer that ends with the connection.
    return response, data[position:], reader.head is not None and not framed and not response.complete
