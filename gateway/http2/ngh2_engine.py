"""The engine on ngh2, which brings libnghttp2 in its wheels.

Layer 1. What the library is told at the beginning of a connection is in `gateway.http2.ngh2_beginning`.

# Note [Fair shares]
Of answers that are equally urgent libnghttp2 sends one after the other, as RFC 9218 has it where nobody says anything:
a long download holds up what was asked for later. So an answer that is longer than a frame, and of which its client has
not said how urgent it is, shares the connection with others frame by frame (`incremental`, in the words of the RFC).
"""

from __future__ import annotations

from typing import Final

from gateway.http2 import codes
from gateway.http2.abuse import GLITCHES, HEADERS, Abuse
from gateway.http2.borders import Borders
from gateway.http2.engine import Counts, Engine, EngineOptions, OutwardFields
from gateway.http2.events import (
    Broken,
    Closed,
    Data,
    Event,
    GoAway,
    Head,
    Interim,
    Pairs,
    Pong,
    Reset,
    Room,
    Settings,
    split,
)
from gateway.http2.events import Trailers as TrailersCame
from gateway.http2.ngh2_beginning import SHARED, begun, ngh2
from gateway.http2.windows import (
    CONNECTION_HIGH_WATER,
    CONNECTION_LOW_WATER,
    HIGH_WATER,
    LOW_WATER,
    PULL,
)

_FRAME: Final = 16 * 1024
_MOST_STREAMS: Final = 2**31 - 1
_Contents = dict[int, tuple[Data, list[bytes]]]


class Ngh2Engine(Engine):
    """One end of a connection.

    Args:
        client: We open the streams.
        options: What the peer may do.
    """

    __slots__ = (
        "_abuse",
        "_borders",
        "_client",
        "_connection",
        "_full",
        "_last",
        "_last_words",
        "_max_fields",
        "_max_head",
        "_most",
        "_named",
        "_noticed",
        "_now",
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
        self._named = False  # the last stream that is taken: what comes behind is not acted upon
        self._open: set[int] = set()
        # Dictionaries, which take 64 octets where there is nothing in them, for 216 of a set.
        self._receiving: dict[int, None] = {}  # streams whose peer has more to send
        self._parting: dict[int, None] = {}
        self._full: dict[int, None] = {}
        self._prioritised: dict[int, None] = {}  # streams of which the client has said how urgent they are
        self._last = 0
        self._now = 0.0  # as of the last feed
        self._noticed = False  # a PING is to go out behind a notice
        self._told = False  # of the end
        self._last_words = b""
        self._connection: ngh2.Connection | None = begun(client, options)

    def feed(self, data: bytes, now: float) -> list[Event]:
        connection = self._connection
        if connection is None or self.ended:
            return []
        self._now = now
        borders = self._borders
        borders.follow(data)
        self.in_head = borders.in_head
        try:
            connection.receive_data(data)
        except ngh2.NGH2Error as error:
            return self._failed(error)
        events = self._translated(connection.events(), now)
        if not self._client:
            if borders.begun or borders.trailing:
                # The library says nothing of heads that it refuses or ignores. What comes behind a GOAWAY is ignored.
                self._abuse.untold(borders.begun, borders.trailing, self._named, now)
                borders.begun = borders.trailing = 0
            if self._abuse.flood and not self.ended:
                self.ended = self._told = True
                connection.terminate_connection(codes.ENHANCE_YOUR_CALM)
                return [Broken(codes.ENHANCE_YOUR_CALM, self._abuse.flood)]
        return events

    def pull(self, limit: int = PULL) -> tuple[bytes, list[Event]]:
        connection = self._connection
        if connection is None:
            words, self._last_words = self._last_words, b""
            return words, []
        try:
            data = connection.data_to_send(limit)
            if (self._parting or self._noticed) and len(data) < limit:
                data += self._after(connection)
        except ngh2.NGH2Error as error:
            return b"", self._failed(error)
        raw = connection.events()
        events = self._translated(raw, self._now) if raw else []
        if self._full and connection.queued_body_size() <= CONNECTION_LOW_WATER:
            for sid in [sid for sid in self._full if connection.queued_body_size(sid) <= LOW_WATER]:
                self._full.pop(sid, None)
                events.append(Room(sid))
        return data, events

    def respond(self, sid: int, status: int, fields: OutwardFields, body: bytes = b"", whole: bool = True) -> bool:
        connection = self._of(sid)
        if connection is None:
            return False
        connection.send_response(sid, [(b":status", b"%d" % status), *fields], end_stream=whole and not body)
        if (not whole or len(body) > _FRAME) and sid not in self._prioritised:
            # Note [Fair shares]
            connection.set_stream_priority(sid, SHARED)
        if not body:
            return False
        self._abuse.wrote(len(body))
        connection.send_data(sid, body, end_stream=whole)
        return self._is_full(sid, connection)

    def interim(self, sid: int, status: int, fields: OutwardFields) -> None:
        connection = self._of(sid)
        if connection is not None:
            connection.send_informational_response(sid, [(b":status", b"%d" % status), *fields])

    def request(self, pseudo: Pairs, fields: OutwardFields, body: bytes = b"", whole: bool = True) -> int:
        connection = self._connection
        if connection is None or self.ended or not connection.can_send_request:
            return 0
        sid = connection.send_request([*pseudo, *fields], end_stream=whole and not body)
        self._open.add(sid)
        self._receiving[sid] = None
        self._abuse.opened()
        if body:
            self._abuse.wrote(len(body))
            connection.send_data(sid, body, end_stream=whole)
        return sid

    def write(self, sid: int, data: bytes, end: bool) -> bool:
        connection = self._of(sid)
        if connection is None:
            return False
        if data:
            self._abuse.wrote(len(data))
            connection.send_data(sid, data, end_stream=end)
        elif end:
            connection.end_stream(sid)
        return self._is_full(sid, connection)

    def trailers(self, sid: int, fields: OutwardFields) -> None:
        connection = self._of(sid)
        if connection is not None:
            connection.send_trailers(sid, list(fields))

    def consume(self, sid: int, octets: int) -> None:
        connection = self._connection
        if connection is not None and not self.ended and octets:
            connection.acknowledge_received_data(octets, sid)

    def reset(self, sid: int, code: int) -> None:
        connection = self._of(sid)
        if connection is not None:
            if sid in self._receiving:
                self._receiving.pop(sid, None)
                self.worn += 1  # Note [Windows leak]
            connection.reset_stream(sid, code)

    def part(self, sid: int) -> None:
        if sid in self._receiving:
            self._parting[sid] = None

    def waiting(self, sid: int = 0) -> int:
        connection = self._connection
        return 0 if connection is None or self.ended else connection.queued_body_size(sid or None)

    def notice(self) -> None:
        if self._connection is not None and not self.ended:
            self._connection.send_shutdown_notice()
            self._noticed = True

    def goaway(self, code: int) -> None:
        if self._connection is None or self.ended:
            return
        if code == codes.NO_ERROR:
            self._named = True
            self._connection.send_goaway(code)
        else:
            self.ended = True
            self._connection.terminate_connection(code)

    def ping(self) -> None:
        if self._connection is not None and not self.ended:
            self._connection.ping(bytes(8))

    def counts(self) -> Counts:
        abuse = self._abuse
        came = abuse.resets, abuse.settings, abuse.pings, abuse.updates
        return Counts(len(self._open), *came, self.worn, self.waiting())

    def _of(self, sid: int) -> ngh2.Connection | None:
        return self._connection if sid in self._open and not self.ended else None

    def _is_full(self, sid: int, connection: ngh2.Connection) -> bool:
        if connection.queued_body_size(sid) < HIGH_WATER and connection.queued_body_size() < CONNECTION_HIGH_WATER:
            return False
        self._full[sid] = None
        return True

    def _after(self, connection: ngh2.Connection) -> bytes:
        """Return what has to go out behind all the rest: resets of streams whose answers are out, the PING of a notice.

        The library itself sends these before everything else.
        """
        for sid in [sid for sid in self._parting if not connection.queued_body_size(sid)]:
            self._parting.pop(sid, None)
            self.reset(sid, codes.NO_ERROR)
        if self._noticed:
            self._noticed = False
            if connection.want_read:  # else the peer has said that it parts, and no stream is open: nobody answers
                connection.ping(bytes(8))
        return connection.data_to_send()

    def _failed(self, error: ngh2.NGH2Error) -> list[Event]:
        """The library has given up, and its connection cannot be used: say why in its place."""
        flood = ""
        if isinstance(error, ngh2.DenialOfServiceError):
            code = codes.ENHANCE_YOUR_CALM
            flood = HEADERS if "header" in str(error).lower() else GLITCHES
        elif isinstance(error, ngh2.ProtocolError):
            code = codes.PROTOCOL_ERROR
        else:
            code = codes.INTERNAL_ERROR
        self._connection = None
        self.ended = True
        self._last_words = codes.goaway(self._last, code)
        return [] if self._told else [Broken(code, flood)]

    def _translated(self, raw: list[ngh2.Event], now: float) -> list[Event]:
        events: list[Event] = []
        content: _Contents = {}  # of each stream, in these events
        begun: set[int] = set()  # the client's streams whose head is in these events
        undone: set[int] = set()  # those of them that are over by an error already
        for event in raw:
            if isinstance(event, ngh2.RequestReceived | ngh2.ResponseReceived):
                head = self._head(event)
                if head is not None:
                    if not self._client:
                        begun.add(head.sid)
                    events.append(head)
            elif isinstance(event, ngh2.DataReceived):
                self._content(event, content, events, now)
            elif isinstance(event, ngh2.StreamClosed):
                sid, code = event.stream_id, event.error_code
                if self._is_over(sid, code, now):
                    if sid in begun and code:
                        undone.add(sid)
                    events.append(Closed(sid, code))
            elif isinstance(event, ngh2.StreamReset):
                sid = event.stream_id
                self._abuse.reset(now)
                self._receiving.pop(sid, None)
                if sid in begun:
                    undone.add(sid)
                events.append(Reset(sid, event.error_code))
            else:
                self._rest(event, events, now)
        for whole, pieces in content.values():
            whole.data = b"".join(pieces)  # of one piece, `join` returns that
        return self._without(undone, events) if undone else events

    def _head(self, event: ngh2.RequestReceived | ngh2.ResponseReceived) -> Head | None:
        sid, end = event.stream_id, event.end_stream
        pseudo, block, count, octets = split(event.headers)
        if not self._client:
            self._borders.begun -= 1
            self._open.add(sid)
            self._last = sid
            self._abuse.opened()
            if not end:
                self._receiving[sid] = None
            if b"priority: " in block and (b"\r\npriority: " in block or block.startswith(b"priority: ")):
                self._prioritised[sid] = None
        elif end:
            self._receiving.pop(sid, None)
        if block.count(b"\n") != count:
            # The library refuses such values; should it ever not, a line must not become two.
            self.reset(sid, codes.PROTOCOL_ERROR)
            return None
        return Head(sid, pseudo, block, end, count > self._max_fields or octets > self._max_head)

    def _is_over(self, sid: int, code: int, now: float) -> bool:
        """A stream is over; returns whether anybody was told of it."""
        if sid in self._receiving:
            # Within content, and neither of us had reset it: the peer broke a rule, and the library has.
            self._receiving.pop(sid, None)
            if code:
                self.worn += 1  # Note [Windows leak]
                self._abuse.reset(now)
        self._full.pop(sid, None)
        self._parting.pop(sid, None)
        self._prioritised.pop(sid, None)
        if sid in self._open:
            self._open.discard(sid)
            return True
        return False

    def _content(self, event: ngh2.DataReceived, content: _Contents, events: list[Event], now: float) -> None:
        """Take a DATA frame; Note [Small frames] in gateway.http2.engine."""
        sid, data, end = event.stream_id, event.data, event.end_stream
        if end:
            self._receiving.pop(sid, None)
        elif not data:
            self._abuse.ignored(1, now)
        known = content.get(sid)
        if known is None:
            whole = Data(sid, data, end)
            content[sid] = whole, [data]
            events.append(whole)
        else:
            known[0].end = end
            known[1].append(data)

    def _trailers(self, event: ngh2.TrailersReceived, events: list[Event]) -> None:
        sid = event.stream_id
        self._borders.trailing -= 1
        self._receiving.pop(sid, None)
        _, block, count, octets = split(event.headers)
        if block.count(b"\n") != count:
            self.reset(sid, codes.PROTOCOL_ERROR)
        else:
            events.append(TrailersCame(sid, block, count > self._max_fields or octets > self._max_head))

    def _rest(self, event: ngh2.Event, events: list[Event], now: float) -> None:
        """Translate what is rare."""
        abuse = self._abuse
        if isinstance(event, ngh2.WindowUpdated):
            abuse.updated()
        elif isinstance(event, ngh2.TrailersReceived):
            self._trailers(event, events)
        elif isinstance(event, ngh2.PriorityUpdateReceived):
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
            pseudo, block, _, _ = split(event.headers)
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
