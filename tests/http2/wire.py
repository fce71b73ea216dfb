"""The other end of an HTTP/2 connection: `h2`, which others wrote, and frames written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import h2.config
import h2.connection
import h2.events
import hpack

from gateway.http2.codes import PREFACE
from gateway.http2.engine import Engine
from gateway.http2.events import Event

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8

GET = [(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/a")]
POST = [(":method", "POST"), *GET[1:]]


def frame(kind: int, flags: int, sid: int, payload: bytes = b"") -> bytes:
    """One frame, whatever the rules say."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + sid.to_bytes(4) + payload


def block(fields: Iterable[tuple[str, str]]) -> bytes:
    """A header block that uses no table, so that it can be sent on any connection, at any time."""
    return b"".join(b"\x10" + _text(name.encode("latin-1")) + _text(value.encode("latin-1")) for name, value in fields)


def _text(text: bytes) -> bytes:
    if len(text) < 127:
        return bytes((len(text),)) + text
    rest, octets = len(text) - 127, b"\x7f"
    while rest >= 128:
        octets += bytes((rest % 128 + 128,))
        rest //= 128
    return octets + bytes((rest,)) + text


def headers(sid: int, fields: Iterable[tuple[str, str]] = GET, end: bool = True) -> bytes:
    """HEADERS in one frame."""
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), sid, block(fields))


START = PREFACE + frame(SETTINGS, 0, 0)
"""What a client says first."""


def frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Octets as frames: kind, flags, stream, payload."""
    found = []
    while data:
        size = int.from_bytes(data[:3])
        found.append((data[3], data[4], int.from_bytes(data[5:9]), data[9 : 9 + size]))
        data = data[9 + size :]
    return found


def feed(engine: Engine, data: bytes, now: float = 0.0) -> tuple[list[Event], bytes]:
    """Feed an engine and pull until it is quiet; returns all events, and what it sends."""
    events, sent = engine.feed(data, now), b""
    while True:
        more, later = engine.pull()
        events += later
        sent += more
        if not more and not later:
            return events, sent


class Wire:
    """An engine, and `h2` at the other end.

    Attributes:
        peer: The other end's connection.
        seen: What the other end was told so far.
    """

    def __init__(self, engine: Engine, client: bool) -> None:
        """Make the other end: a client where the engine serves."""
        self.engine = engine
        self.peer = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=not client, validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        self.peer.initiate_connection()
        self.seen: list[Any] = []
        self.now = 0.0
        self.pump()

    def pump(self) -> list[Event]:
        """Carry octets both ways until all is quiet; returns what the engine told."""
        told: list[Event] = []
        while True:
            data = self.peer.data_to_send()
            if data:
                told += self.engine.feed(data, self.now)
            sent, later = self.engine.pull()
            told += later
            if sent:
                self.seen += self.peer.receive_data(sent)
            if not data and not sent and not later:
                return told

    def open(self, fields: list[tuple[str, str]] | None = None, end: bool = True) -> int:
        """Let the other end, a client, begin a request."""
        sid: int = self.peer.get_next_available_stream_id()
        self.peer.send_headers(sid, GET if fields is None else fields, end_stream=end)
        return sid

    def of(self, kind: type) -> list[Any]:
        """What the other end was told of one kind."""
        return [event for event in self.seen if isinstance(event, kind)]

    def content(self, sid: int) -> bytes:
        """The content that the other end got on a stream."""
        return b"".join(event.data for event in self.of(h2.events.DataReceived) if event.stream_id == sid)


def decoded(blocks: bytes) -> list[tuple[bytes, bytes]]:
    """Read a header block that uses no table of before."""
    return [(bytes(name), bytes(value)) for name, value in hpack.Decoder().decode(blocks, raw=True)]
