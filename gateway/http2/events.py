"""What an engine tells of what came, and of what went out.

Layer 1. `gateway.http2.engine` says when each of them comes.

Tests: `tests/http2/test_engine.py`.
"""

from __future__ import annotations

Pairs = tuple[tuple[bytes, bytes], ...]
"""Names and values."""


class Event:
    """Something happened on a stream.

    Attributes:
        sid: The stream's number; 0 for the connection.
    """

    __slots__ = ("sid",)

    def __init__(self, sid: int = 0) -> None:
        self.sid = sid


class Head(Event):
    """A message begins.

    Attributes:
        pseudo: Its pseudo-fields in the order in which they came.
        block: Its other fields, as lines: `name: value` and CRLF each, names in lower case. No value has a CR or LF.
        end: It has no content and no trailers.
        too_large: It is over the limits for heads; pseudo-fields and block are what came all the same.
    """

    __slots__ = ("block", "end", "pseudo", "too_large")

    def __init__(self, sid: int, pseudo: Pairs, block: bytes, end: bool, too_large: bool) -> None:
        self.sid = sid
        self.pseudo = pseudo
        self.block = block
        self.end = end
        self.too_large = too_large


class Interim(Event):
    """An interim (1xx) response came.

    Attributes:
        pseudo: As of a head.
        block: As of a head.
    """

    __slots__ = ("block", "pseudo")

    def __init__(self, sid: int, pseudo: Pairs, block: bytes) -> None:
        self.sid = sid
        self.pseudo = pseudo
        self.block = block


class Data(Event):
    """Content came; it is owed until it is consumed.

    Attributes:
        data: May be empty at the end.
        end: The message is complete.
    """

    __slots__ = ("data", "end")

    def __init__(self, sid: int, data: bytes, end: bool) -> None:
        self.sid = sid
        self.data = data
        self.end = end


class Trailers(Event):
    """Trailers came: the message is complete.

    Attributes:
        block: As of a head.
        too_large: As of a head.
    """

    __slots__ = ("block", "too_large")

    def __init__(self, sid: int, block: bytes, too_large: bool) -> None:
        self.sid = sid
        self.block = block
        self.too_large = too_large


class Reset(Event):
    """The peer has given the stream up; `Closed` follows.

    Attributes:
        code: Why.
    """

    __slots__ = ("code",)

    def __init__(self, sid: int, code: int) -> None:
        self.sid = sid
        self.code = code


class Closed(Event):
    """The stream is over, and its number means nothing any more.

    Attributes:
        code: NO_ERROR where both sides have said all.
    """

    __slots__ = ("code",)

    def __init__(self, sid: int, code: int) -> None:
        self.sid = sid
        self.code = code


class Room(Event):
    """A stream on which much waited (`Engine.write`) has sent most of it."""

    __slots__ = ()


class GoAway(Event):
    """The peer takes no further streams.

    Attributes:
        last: Streams of ours with a higher number were not, and will not be, acted upon.
        code: Why.
    """

    __slots__ = ("code", "last")

    def __init__(self, last: int, code: int) -> None:
        self.sid = 0
        self.last = last
        self.code = code


class Settings(Event):
    """The peer's settings came, or changed.

    Attributes:
        most: Streams that it lets us have open at once.
        connect: It takes extended CONNECT (RFC 8441).
    """

    __slots__ = ("connect", "most")

    def __init__(self, most: int, connect: bool) -> None:
        self.sid = 0
        self.most = most
        self.connect = connect


class Pong(Event):
    """The peer has answered a PING."""

    __slots__ = ()


class Broken(Event):
    """The connection is over: what was pulled is all that is still to be sent, and no stream lives on.

    Attributes:
        code: Why; NO_ERROR where a GOAWAY was said and no stream was left.
        flood: Which limit the peer went over, as the metric names it; empty for other reasons.
    """

    __slots__ = ("code", "flood")

    def __init__(self, code: int, flood: str = "") -> None:
        self.sid = 0
        self.code = code
        self.flood = flood


def split(headers: Pairs) -> tuple[Pairs, bytes, int, int, bool]:
    """Return pseudo-fields, the block of the others, how many those are, octets of all, whether it says `priority`."""
    first = octets = 0
    prioritised = False
    for name, value in headers:
        if name[:1] != b":":
            break
        first += 1
        octets += len(name) + len(value) + 4
    pieces: list[bytes] = []
    for name, value in headers[first:] if first else headers:
        pieces.append(b"%b: %b\r\n" % (name, value))
        if name == b"priority":
            prioritised = True
    block = b"".join(pieces)
    return headers[:first], block, len(headers) - first, octets + len(block), prioritised
