"""The engine on ngh2, which brings libnghttp2 in its wheels.

Layer 1. What the library is told at the beginning of a connection is in `gateway.http2.ngh2_beginning`, and what it
tells in `gateway.http2.ngh2_streams`.

# Note [Fair shares]
Of answers that are equally urgent libnghttp2 sends one after the other, as RFC 9218 has it where nobody says anything:
a long download holds up what was asked for later. So an answer that is longer than a frame, and of which its client has
not said how urgent it is, shares the connection with others frame by frame (`incremental`, in the words of the RFC).
"""

from __future__ import annotations

from typing import Final

from gateway.http2 import codes
from gateway.http2.abuse import GLITCHES, HEADERS
from gateway.http2.engine import Counts, EngineOptions, OutwardFields
from gateway.http2.events import Broken, Event, Pairs, Room
from gateway.http2.ngh2_beginning import SHARED, begun, ngh2
from gateway.http2.ngh2_streams import Ngh2Streams
from gateway.http2.windows import (
    CONNECTION_HIGH_WATER,
    CONNECTION_LOW_WATER,
    HIGH_WATER,
    LOW_WATER,
    PULL,
    ROOMS,
)

_FRAME: Final = 16 * 1024


class Ngh2Engine(Ngh2Streams):
    """One end of a connection.

    Args:
        client: We open the streams.
        options: What the peer may do.
    """

    __slots__ = ("_connection", "_last_words", "_named", "_noticed", "_now")

    def __init__(self, client: bool, options: EngineOptions) -> None:
        super().__init__(client, options)
        self._named = False  # the last stream that is taken: what comes behind is not acted upon
        self._now = 0.0  # as of the last feed
        self._noticed = False  # a PING is to go out behind a notice
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
        if self._held_up or self._lingering:
            # Asked before: with its reset the library forgets what waited on a stream.
            self._held_up = (
                {sid: None for sid in self._lingering if connection.queued_body_size(sid)}
                if connection.queued_body_size()
                else {}
            )
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
        if self._full or self.has_rooms:
            self._tell_rooms(connection, events)
        return data, events

    def respond(
        self,
        sid: int,
        status: int,
        fields: OutwardFields,
        body: bytes = b"",
        whole: bool = True,
        trailers: OutwardFields = (),
    ) -> bool:
        connection = self._of(sid)
        if connection is None:
            return False
        ends = whole and not trailers
        connection.send_response(sid, [(b":status", b"%d" % status), *fields], end_stream=ends and not body)
        if (not whole or len(body) > _FRAME) and sid not in self._prioritised:
            # Note [Fair shares]
            connection.set_stream_priority(sid, SHARED)
        if body:
            self._abuse.wrote(len(body))
            connection.send_data(sid, body, end_stream=ends)
        if trailers:
            connection.send_trailers(sid, list(trailers))
        return not whole and self._is_full(sid, connection)

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
        return not end and self._is_full(sid, connection)

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

    def linger(self, sid: int) -> None:
        if sid in self._receiving:
            self._lingering[sid] = None

    def part(self, sid: int, code: int = codes.NO_ERROR) -> None:
        if sid in self._receiving or (code and sid in self._open):
            self._parting[sid] = code

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

    def _tell_rooms(self, connection: ngh2.Connection, events: list[Event]) -> None:
        """Let sources go on; Note [A crowded connection] in gateway.http2.windows."""
        least = LOW_WATER if connection.queued_body_size() <= CONNECTION_LOW_WATER else 0
        told: list[int] = []
        self.has_rooms = False
        for sid in self._full:
            if connection.queued_body_size(sid) <= least:
                if len(told) == ROOMS:
                    self.has_rooms = True
                    break
                told.append(sid)
        for sid in told:
            del self._full[sid]
            events.append(Room(sid))

    def _after(self, connection: ngh2.Connection) -> bytes:
        """Return what has to go out behind all the rest: resets of streams whose answers are out, the PING of a notice.

        The library itself sends these before everything else.
        """
        for sid in [sid for sid in self._parting if not connection.queued_body_size(sid)]:
            self.reset(sid, self._parting.pop(sid))
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
