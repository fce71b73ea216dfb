"""The streams of a connection of ngh2, and what the library tells of them, in the words of `gateway.http2.events`.

Layer 1. The lower half of `gateway.http2.ngh2_engine`, which feeds the library and has it send.

Tests: `tests/http2/test_ngh2_engine.py::test_a_flood_ends_the_connection`.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.http2 import codes
from gateway.http2.abuse import GLITCHES, Abuse
from gateway.http2.borders import Borders
from gateway.http2.engine import Engine, EngineOptions
from gateway.http2.events import (
    Broken,
    Closed,
    Data,
    Event,
    GoAway,
    Head,
    Interim,
    Pong,
    Reset,
    Settings,
    split,
)
from gateway.http2.events import Trailers as TrailersCame
from gateway.http2.ngh2_beginning import CLOSED, DATA, HEAD, KINDS, RARE, RESET, TRAILERS, WINDOW, ngh2

_MOST_STREAMS: Final = 2**31 - 1


class Ngh2Streams(Engine):
    """One end of a connection, as far as it hears.

    Args:
        client: We open the streams.
        options: What the peer may do.
    """

    __slots__ = (
        "_abuse",
        "_borders",
        "_client",
        "_full",
        "_held_up",
        "_last",
        "_lingering",
        "_max_fields",
        "_max_head",
        "_most",
        "_open",
        "_parting",
        "_prioritised",
        "_receiving",
        "_told",
    )

    def __init__(self, client: bool, options: EngineOptions) -> None:
        super().__init__()
        self._client = client
        self._max_head = options.head
        self._max_fields = options.fields
        self._most = _MOST_STREAMS
        self._abuse = Abuse(options.resets, options.window)
        self._borders = Borders(0 if client else len(codes.PREFACE))
        self._open: set[int] = set()
        # Dictionaries, which take 64 octets where there is nothing in them, for 216 of a set.
        self._receiving: dict[int, None] = {}  # streams whose peer has more to send
        self._lingering: dict[int, None] = {}  # streams that are answered, and whose peer has more to send
        self._held_up: dict[int, None] = {}  # those of them whose answers were not all sent when this feed began
        self._parting: dict[int, int] = {}  # and the codes with which streams are to be reset
        self._full: dict[int, None] = {}
        self._prioritised: dict[int, None] = {}  # streams of which the client has said how urgent they are
        self._last = 0
        self._told = False  # of the end

    def _translated(self, raw: list[Any], now: float) -> list[Event]:
        events: list[Event] = []
        content: dict[int, Data] = {}  # of each stream, in these events
        pieces: dict[int, list[bytes]] = {}  # of those that came in more than one frame
        begun: set[int] = set()  # the client's streams whose head is in these events
        undone: set[int] = set()  # those of them that are over by an error already
        kinds = KINDS
        for event in raw:
            kind = kinds.get(type(event), RARE)
            if kind == DATA:
                self._content(event, content, pieces, events, now)
            elif kind == HEAD:
                head = self._head(event)
                if head is not None:
                    if not self._client:
                        begun.add(head.sid)
                    events.append(head)
            elif kind in (CLOSED, RESET):
                sid, code = event.stream_id, event.error_code
                over = self._closed(sid, code, now) if kind == CLOSED else self._reset(sid, code, now)
                if over is not None:
                    events.append(over)
                    if begun and sid in begun and (code or kind == RESET):
                        undone.add(sid)
            elif kind == WINDOW:
                self._abuse.updated()
            elif kind == TRAILERS:
                self._trailers(event, events)
            else:
                self._rest(event, events, now)
        for sid, parts in pieces.items():
            content[sid].data = b"".join(parts)
        return self._without(undone, events) if undone else events

    def _head(self, event: Any) -> Head | None:
        sid, end = event.stream_id, event.end_stream
        pseudo, block, count, octets, prioritised = split(event.headers)
        if not self._client:
            self._borders.begun -= 1
            self._open.add(sid)
            self._last = sid
            self._abuse.opened()
            if not end:
                self._receiving[sid] = None
            if prioritised:
                self._prioritised[sid] = None
        elif end:
            self._receiving.pop(sid, None)
        if block.count(b"\n") != count:
            # The library refuses such values; should it ever not, a line must not become two.
            self.reset(sid, codes.PROTOCOL_ERROR)
            return None
        return Head(sid, pseudo, block, end, count > self._max_fields or octets > self._max_head)

    def _reset(self, sid: int, code: int, now: float) -> Event | None:
        """The peer has given a stream up."""
        if sid not in self._lingering or sid in self._held_up:
            self._abuse.reset(now)
        self._receiving.pop(sid, None)
        return Reset(sid, code)

    def _closed(self, sid: int, code: int, now: float) -> Event | None:
        """A stream is over; returns None where nobody was told of it."""
        was_told = sid in self._open
        if self._receiving and sid in self._receiving:
            # Within content, and neither of us had reset it: the peer broke a rule, and the library has.
            self._receiving.pop(sid, None)
            if code:
                self.worn += 1  # Note [Windows leak]
                self._abuse.reset(now)
        if self._full:
            self._full.pop(sid, None)
        if self._lingering:
            self._lingering.pop(sid, None)
        if self._parting:
            self._parting.pop(sid, None)
        if self._prioritised:
            self._prioritised.pop(sid, None)
        if not was_told:
            return None
        self._open.discard(sid)
        return Closed(sid, code)

    def _content(
        self, event: Any, content: dict[int, Data], pieces: dict[int, list[bytes]], events: list[Event], now: float
    ) -> None:
        """Take a DATA frame; Note [Small frames] in gateway.http2.engine."""
        sid, data, end = event.stream_id, event.data, event.end_stream
        if end:
            self._receiving.pop(sid, None)
        elif not data:
            self._abuse.ignored(1, now)
        whole = content.get(sid)
        if whole is None:
            content[sid] = whole = Data(sid, data, end)
            events.append(whole)
            return
        whole.end = end
        parts = pieces.get(sid)
        if parts is None:
            pieces[sid] = [whole.data, data]
        else:
            parts.append(data)

    def _trailers(self, event: Any, events: list[Event]) -> None:
        sid = event.stream_id
        self._borders.trailing -= 1
        self._receiving.pop(sid, None)
        _, block, count, octets, _ = split(event.headers)
        if block.count(b"\n") != count:
            self.reset(sid, codes.PROTOCOL_ERROR)
        else:
            events.append(TrailersCame(sid, block, count > self._max_fields or octets > self._max_head))

    def _rest(self, event: ngh2.Event, events: list[Event], now: float) -> None:
        """Translate what is rare."""
        abuse = self._abuse
        if isinstance(event, ngh2.PriorityUpdateReceived):
            if event.prioritized_stream_id in self._open:
                self._prioritised[event.prioritized_stream_id] = None
        elif isinstance(event, ngh2.PingReceived):
            abuse.pinged(now)
        elif isinstance(event, ngh2.SettingsReceived):
            abuse.asked_settings(now)
            theirs = event.settings
            # RFC 9113 section 6.5.3: what is not said stays as it was.
            self._most = theirs.get(codes.MAX_CONCURRENT_STREAMS, self._most)
            events.append(Settings(self._most, bool(theirs.get(codes.ENABLE_CONNECT_PROTOCOL, 0))))
        elif isinstance(event, ngh2.InformationalResponseReceived):
            pseudo, block, _, _, _ = split(event.headers)
            events.append(Interim(event.stream_id, pseudo, block))
        elif isinstance(event, ngh2.GoAwayReceived):
            events.append(GoAway(event.last_stream_id, event.error_code))
        elif isinstance(event, ngh2.PingAcknowledged):
            abuse.pinged(now)  # whether we asked or not: we ask once in a while
            events.append(Pong())
        elif isinstance(event, ngh2.ConnectionClosed):
            self.ended = True
            if not self._told:
                self._told = True
                events.append(Broken(event.error_code, GLITCHES if event.error_code == codes.ENHANCE_YOUR_CALM else ""))

    def _without(self, undone: set[int], events: list[Event]) -> list[Event]:
        """Leave out all that concerns streams that began and ended in error at once, and let their windows go."""
        kept: list[Event] = []
        for event in events:
            if event.sid not in undone:
                kept.append(event)
            elif isinstance(event, Data):
                self.consume(event.sid, len(event.data))
        return kept
