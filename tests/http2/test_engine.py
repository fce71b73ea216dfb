"""What every engine keeps, with another library's HTTP/2 at the other end; one suite, on each implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h2.events
import pytest

from gateway.http2 import codes, windows
from gateway.http2.engine import WORN_BY, Engine, EngineOptions
from gateway.http2.events import (
    Broken,
    Closed,
    Data,
    Event,
    GoAway,
    Head,
    Interim,
    Reset,
    Room,
    Settings,
    Trailers,
)
from gateway.http2.ngh2_engine import Ngh2Engine
from tests.http2.wire import (
    DATA,
    END_HEADERS,
    GET,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    POST,
    RST_STREAM,
    START,
    WINDOW_UPDATE,
    Wire,
    block,
    feed,
    frame,
    frames,
    headers,
)

Make = Callable[..., Engine]


@pytest.fixture(params=[Ngh2Engine])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes engines of one kind, servers unless told otherwise."""

    def make(client: bool = False, **options: Any) -> Engine:
        engine: Engine = request.param(client, EngineOptions(**options))
        return engine

    return make


@pytest.fixture
def server(make: Make) -> Wire:
    """A server, and a client of another make."""
    return Wire(make(), client=False)


@pytest.fixture
def client(make: Make) -> Wire:
    """A client, and a server of another make."""
    return Wire(make(client=True), client=True)


def only(events: list[Event], kind: type) -> Any:
    """The one event of a kind."""
    (event,) = [event for event in events if isinstance(event, kind)]
    return event


def kinds(events: list[Event]) -> list[str]:
    """What events are."""
    return [type(event).__name__ for event in events]


ASK = ((b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"b"), (b":path", b"/x"))


# Requests in, answers out.


def test_a_head_is_its_pseudo_fields_and_one_block(server: Wire) -> None:
    """In the order in which they came."""
    sid = server.open([*GET, ("accept", "*/*"), ("x-a", "")])
    head = only(server.pump(), Head)

    assert (head.sid, head.end, head.too_large) == (sid, True, False)
    assert head.pseudo == tuple((name.encode(), value.encode()) for name, value in GET)
    assert head.block == b"accept: */*\r\nx-a: \r\n"


def test_pseudo_fields_come_in_any_order(server: Wire) -> None:
    """Clients of note send the method last."""
    server.open([GET[3], GET[2], GET[1], GET[0]])

    assert [name for name, _ in only(server.pump(), Head).pseudo] == [b":path", b":authority", b":scheme", b":method"]


def test_content_comes_as_it_is_sent(server: Wire) -> None:
    """A part for what came at once, and the end with the last one or after it."""
    sid = server.open(POST, end=False)
    server.peer.send_data(sid, b"ab")
    server.peer.send_data(sid, b"cd", end_stream=True)
    parts = [(event.data, event.end) for event in server.pump() if isinstance(event, Data)]

    assert parts == [(b"abcd", True)]


def test_trailers_end_a_message(server: Wire) -> None:
    """They are a block as a head's."""
    sid = server.open(POST, end=False)
    server.peer.send_headers(sid, [("x-sum", "7")], end_stream=True)
    trailers = only(server.pump(), Trailers)

    assert (trailers.sid, trailers.block, trailers.too_large) == (sid, b"x-sum: 7\r\n", False)


def test_an_answer_in_one_piece(server: Wire) -> None:
    """Head, content and end; the stream is over then."""
    sid = server.open()
    server.pump()
    server.engine.respond(sid, 200, [(b"content-type", b"text/plain")], b"seven")
    closed = only(server.pump(), Closed)

    (answer,) = server.of(h2.events.ResponseReceived)
    assert answer.headers == [(b":status", b"200"), (b"content-type", b"text/plain")]
    assert server.content(sid) == b"seven"
    assert len(server.of(h2.events.StreamEnded)) == 1
    assert (closed.sid, closed.code) == (sid, codes.NO_ERROR)
    assert server.engine.counts().streams == 0


def test_an_answer_without_content(server: Wire) -> None:
    """Its head is its end."""
    sid = server.open()
    server.pump()
    server.engine.respond(sid, 204, [])
    server.pump()

    assert len(server.of(h2.events.StreamEnded)) == 1
    assert server.of(h2.events.DataReceived) == []


def test_an_answer_as_it_comes_with_trailers(server: Wire) -> None:
    """Interim answers before it, trailers behind it."""
    sid = server.open()
    server.pump()
    server.engine.interim(sid, 103, [(b"link", b"</a>")])
    server.engine.respond(sid, 200, [], b"ab", whole=False)
    server.pump()
    assert server.of(h2.events.StreamEnded) == []
    server.engine.write(sid, b"cd", False)
    server.engine.trailers(sid, [(b"grpc-status", b"0")])
    server.pump()

    assert [event.headers[0] for event in server.of(h2.events.InformationalResponseReceived)] == [(b":status", b"103")]
    assert server.content(sid) == b"abcd"
    assert [event.headers for event in server.of(h2.events.TrailersReceived)] == [[(b"grpc-status", b"0")]]
    assert len(server.of(h2.events.StreamEnded)) == 1


@pytest.mark.parametrize("content", [b"", b"abcd", bytes(40_000)], ids=len)
def test_a_whole_answer_with_trailers(server: Wire, content: bytes) -> None:
    """Said in one; nothing has to pause for it, however long it is."""
    sid = server.open()
    server.pump()
    assert not server.engine.respond(sid, 200, [], content, trailers=[(b"grpc-status", b"0")])
    server.pump()

    assert server.content(sid) == content
    assert [event.headers for event in server.of(h2.events.TrailersReceived)] == [[(b"grpc-status", b"0")]]
    assert len(server.of(h2.events.StreamEnded)) == 1


WIDE = frame(WINDOW_UPDATE, 0, 0, (1 << 30).to_bytes(4)) + frame(4, 0, 0, b"\0\4\x3f\xff\xff\xff")
"""A client that takes as much as anybody sends."""


def order(engine: Engine, octets: int, sent: bytes = b"") -> list[int]:
    """Whose content goes out next, behind what was sent."""
    while len(sent) < octets:
        more, _ = engine.pull()
        sent += more
    return [sid for kind, _, sid, _ in frames(sent) if kind == DATA]


@pytest.mark.parametrize("whole", [True, False])
def test_a_download_does_not_hold_up_small_answers(make: Make, whole: bool) -> None:
    """What is asked for behind it goes out with the next frames, though the client would take all of it first."""
    engine = make()
    feed(engine, START + WIDE + b"".join(headers(sid) for sid in (1, 3, 5, 7)))
    engine.respond(1, 200, [], bytes(10_000_000), whole=whole)
    engine.respond(3, 200, [], bytes(10_000_000), whole=whole)
    begun, _ = engine.pull(16_384 + 100)
    engine.respond(5, 200, [], b"small")
    engine.respond(7, 200, [], b"small")
    following = order(engine, 200_000, begun)

    assert {5, 7} <= set(following[:8])
    assert following.count(1) > 2
    assert following.count(3) > 2  # the two downloads share what is left


def test_who_says_that_parts_are_of_no_use_gets_one_after_the_other(make: Make) -> None:
    """A `priority` field without `i` (RFC 9218 section 4.2), or PRIORITY_UPDATE."""
    update = frame(16, 0, 0, (3).to_bytes(4) + b"u=3")
    engine = make()
    feed(engine, START + WIDE + headers(1, [*GET, ("priority", "u=3")]) + headers(3) + update)
    for sid in (1, 3):
        engine.respond(sid, 200, [], bytes(100_000))
    following = order(engine, 190_000)

    assert following == sorted(following)


def test_urgent_answers_go_first(make: Make) -> None:
    """RFC 9218: what waits for one connection's window goes by the urgency that the client said."""
    engine = make()
    feed(engine, START + headers(1, [*GET, ("priority", "u=7")]) + headers(3, [*GET, ("priority", "u=0")]))
    for sid in (1, 3):
        engine.respond(sid, 200, [], bytes(60_000))
    _, sent = feed(engine, b"")
    order = [sid for kind, _, sid, _ in frames(sent) if kind == DATA]

    assert order[0] == 3
    assert sum(len(payload) for kind, _, sid, payload in frames(sent) if kind == DATA and sid == 3) == 60_000


def test_a_refused_head_is_not_told(server: Wire) -> None:
    """What breaks RFC 9113 section 8 is reset, and the connection goes on."""
    for number, fields in enumerate(
        [
            [*GET, ("Upper", "x")],
            [*GET, ("x", "a"), (":path", "/b")],
            [*GET, GET[0]],
            [*GET, (":foo", "x")],
            [*GET, (":status", "200")],
            GET[1:],
            [*GET[:1], *GET[2:]],
            GET[:3],
            [*GET[:3], (":path", "")],
            [*GET, ("connection", "close")],
            [*GET, ("keep-alive", "1")],
            [*GET, ("proxy-connection", "x")],
            [*GET, ("transfer-encoding", "chunked")],
            [*GET, ("upgrade", "h2c")],
            [*GET, ("te", "gzip")],
            [*GET, ("host", "h"), ("host", "h")],
            [*GET, ("content-length", "5")],
            [*GET, ("content-length", "x")],
            [*GET, ("x", "a\r\nb: c")],
            [*GET, ("x", "a\x00")],
            [*GET, ("x y", "a")],
            [*GET, ("", "a")],
        ]
    ):
        server.open(fields)
        assert kinds(server.pump()) == [], fields
        assert [event.error_code for event in server.of(h2.events.StreamReset)] == [codes.PROTOCOL_ERROR] * (number + 1)
    server.open()
    assert kinds(server.pump()) == ["Head"]


@pytest.mark.parametrize(("length", "sent"), [(5, b"abc"), (2, b"abc")])
def test_content_of_another_length_than_said(server: Wire, length: int, sent: bytes) -> None:
    """The stream is over, by an error."""
    sid = server.open([*POST, ("content-length", str(length))], end=False)
    server.pump()
    server.peer.send_data(sid, sent, end_stream=True)
    events = server.pump()

    assert only(events, Closed).code == codes.PROTOCOL_ERROR
    assert not any(event.end for event in events if isinstance(event, Data))


def test_a_head_over_the_limits_is_told_as_such(make: Make) -> None:
    """Somewhat over: its stream can be answered. Far over: the connection is broken."""
    wire = Wire(make(head=1000, fields=10), client=False)
    for fields, too_large in [
        ([("x", "a" * 900)], False),
        ([("x", "a" * 1100)], True),
        ([(f"x{number}", "") for number in range(10)], False),
        ([(f"x{number}", "") for number in range(11)], True),
    ]:
        wire.open([*GET, *fields])
        assert only(wire.pump(), Head).too_large is too_large
    sid = wire.open(POST, end=False)
    wire.peer.send_headers(sid, [("x", "a" * 1100)], end_stream=True)
    assert only(wire.pump(), Trailers).too_large
    wire.open([*GET, *[(f"x{number}", "") for number in range(41)]])
    broken = only(wire.pump(), Broken)

    assert (broken.code, broken.flood) == (codes.ENHANCE_YOUR_CALM, "headers")
    assert wire.of(h2.events.ConnectionTerminated)[-1].error_code == codes.ENHANCE_YOUR_CALM


# Resets.


def test_a_reset_by_the_peer(server: Wire) -> None:
    """It is told, and that the stream is over; what is still said on it is dropped."""
    sid = server.open(POST, end=False)
    server.pump()
    server.peer.reset_stream(sid, codes.CANCEL)
    events = server.pump()
    assert kinds(events) == ["Reset", "Closed"]
    assert only(events, Reset).code == codes.CANCEL
    server.engine.interim(sid, 103, [])
    server.engine.respond(sid, 200, [], b"x")
    server.engine.write(sid, b"x", False)
    server.engine.trailers(sid, [])
    server.engine.reset(sid, codes.CANCEL)
    server.engine.part(sid)

    assert server.pump() == []
    assert server.of(h2.events.ResponseReceived) == []


def test_what_never_was_is_sent_nothing(server: Wire) -> None:
    """A number that no stream has is dropped as well."""
    server.engine.respond(99, 200, [], b"x")
    server.engine.reset(99, codes.CANCEL)

    assert not server.engine.write(99, b"x", True)
    assert server.pump() == []
    assert server.seen[-1].__class__ is not h2.events.StreamReset


def test_head_and_reset_in_one_feed_are_not_told(make: Make) -> None:
    """Nothing was dispatched, so nothing has to be cancelled; the content's window is given back."""
    engine = make()
    feed(engine, START)
    for sid in range(1, 201, 2):  # a hundred windows of 64 KiB: the connection's would be gone long before
        content = frame(DATA, 0, sid, bytes(16_000)) * 4
        cancel = frame(RST_STREAM, 0, sid, codes.CANCEL.to_bytes(4))
        events, _ = feed(engine, headers(sid, POST, end=False) + content + cancel, now=sid * 10.0)
        assert events == []
        assert not engine.ended
    cancelled = headers(201, end=False) + frame(RST_STREAM, 0, 201, bytes(4))
    events, _ = feed(engine, cancelled + headers(203), now=2010.0)

    assert [(type(event).__name__, event.sid) for event in events] == [("Head", 203)]


def test_our_own_reset(server: Wire) -> None:
    """What waits on the stream is dropped with it."""
    sid = server.open()
    server.pump()
    server.engine.respond(sid, 200, [], bytes(1_000_000))
    server.engine.reset(sid, codes.CANCEL)
    assert only(server.pump(), Closed).code == codes.CANCEL

    assert [event.error_code for event in server.of(h2.events.StreamReset)] == [codes.CANCEL]
    assert server.engine.waiting() == 0


def test_parting_waits_for_the_answer(server: Wire) -> None:
    """The whole answer goes out, and only then the reset that says that the rest of the request is not wanted."""
    sid = server.open(POST, end=False)
    server.pump()
    server.engine.respond(sid, 413, [], bytes(100_000))
    server.engine.part(sid)
    server.pump()
    assert server.of(h2.events.StreamReset) == []  # the peer's window is full
    server.peer.increment_flow_control_window(100_000)
    server.peer.increment_flow_control_window(100_000, sid)
    events = server.pump()

    assert len(server.content(sid)) == 100_000
    assert [event.error_code for event in server.of(h2.events.StreamReset)] == [codes.NO_ERROR]
    assert only(events, Closed).code == codes.NO_ERROR


def test_who_gives_up_what_lingers_is_no_flood(server: Wire) -> None:
    """Its answer was complete: nothing was done in vain."""
    for lingers in (True, False):
        sid = server.open(POST, end=False)
        server.pump()
        server.engine.respond(sid, 413, [], b"x")
        if lingers:
            server.engine.linger(sid)
        server.pump()
        assert server.of(h2.events.StreamReset) == []
        server.peer.reset_stream(sid, codes.NO_ERROR)
        assert kinds(server.pump()) == ["Reset", "Closed"]
        assert server.engine.counts().resets == (0 if lingers else 1)


def test_who_gives_up_what_lingers_without_taking_it_is_counted(server: Wire) -> None:
    """A client that gives no window takes nothing of the answer, whether its request is complete or not (D-410)."""
    given = 100_000
    for count, taken in enumerate((False, True)):
        sid = server.open(POST, end=False)
        server.pump()
        server.engine.respond(sid, 413, [], bytes(given))
        server.engine.linger(sid)
        server.pump()
        if taken:
            server.peer.increment_flow_control_window(2 * given)
            server.peer.increment_flow_control_window(given, sid)
            server.pump()
            assert server.engine.waiting(sid) == 0
        server.peer.reset_stream(sid, codes.NO_ERROR)
        assert kinds(server.pump()) == ["Reset", "Closed"]
        assert server.engine.counts().resets == 1, count


def test_parting_where_the_request_is_complete(server: Wire) -> None:
    """There is nothing to part from."""
    sid = server.open()
    server.pump()
    server.engine.respond(sid, 200, [], b"x")
    server.engine.part(sid)
    server.pump()

    assert server.of(h2.events.StreamReset) == []


@pytest.mark.parametrize("complete", [True, False])
def test_parting_from_an_answer_that_breaks_off(server: Wire, complete: bool) -> None:
    """What there was of it goes out, and then the reset that says why it ends."""
    sid = server.open(GET if complete else POST, end=complete)
    server.pump()
    server.engine.respond(sid, 200, [], bytes(100_000), False)
    server.engine.part(sid, codes.CANCEL)
    server.pump()
    assert server.of(h2.events.StreamReset) == []
    server.peer.increment_flow_control_window(100_000)
    server.peer.increment_flow_control_window(100_000, sid)
    server.pump()

    assert len(server.content(sid)) == 100_000
    assert server.of(h2.events.StreamEnded) == []
    assert [event.error_code for event in server.of(h2.events.StreamReset)] == [codes.CANCEL]


# Windows.


def test_a_window_is_given_back_for_what_is_consumed(server: Wire) -> None:
    """A peer sends one stream's window, and no more until some of it was taken."""
    sid = server.open(POST, end=False)
    server.pump()
    window = server.peer.local_flow_control_window(sid)
    assert window == windows.STREAM
    for _ in range(4):
        server.peer.send_data(sid, bytes(16_000))
    server.pump()
    assert server.peer.local_flow_control_window(sid) == window - 64_000
    server.engine.consume(sid, 64_000)
    server.pump()

    assert server.peer.local_flow_control_window(sid) == window


def test_a_stalled_stream_holds_its_own_window_only(server: Wire) -> None:
    """Others go on."""
    stalled = [server.open(POST, end=False) for _ in range(8)]
    for sid in stalled:
        for _ in range(4):
            server.peer.send_data(sid, bytes(16_000))
    server.pump()
    sid = server.open(POST, end=False)
    for _ in range(20):
        server.peer.send_data(sid, bytes(16_000))
        taken = sum(len(event.data) for event in server.pump() if isinstance(event, Data))
        server.engine.consume(sid, taken)
        server.pump()

    assert all(server.peer.local_flow_control_window(each) < 16_000 for each in stalled)


def test_padding_costs_no_window(server: Wire) -> None:
    """What is not content is given back by the engine itself: nobody else knows of it."""
    sid = server.open(POST, end=False)
    for _ in range(1000):
        server.peer.send_data(sid, b"x", pad_length=200)
        taken = [event for event in server.pump() if isinstance(event, Data)]
        assert [event.data for event in taken] == [b"x"]
        server.engine.consume(sid, 1)
        server.pump()


def test_what_a_dead_stream_owes_can_be_consumed(server: Wire) -> None:
    """Who drops a body gives its window back, whatever became of the stream."""
    for _ in range(40):
        sid = server.open(POST, end=False)
        for _ in range(4):
            server.peer.send_data(sid, bytes(16_000))
        server.pump()
        server.now += 10
        server.peer.reset_stream(sid, codes.CANCEL)
        server.pump()
        server.engine.consume(sid, 64_000)
        server.pump()


def test_much_waits_and_then_there_is_room(server: Wire) -> None:
    """`write` says what waits; `Room` comes when little is left."""
    sid = server.open()
    server.pump()
    server.engine.respond(sid, 200, [], whole=False)
    assert not server.engine.write(sid, bytes(1000), False)
    assert server.engine.write(sid, bytes(199_000), False)
    assert server.pump() == []
    waiting = 200_000 - 65_535
    assert server.engine.waiting(sid) == server.engine.waiting() == waiting
    for size in (65_535, waiting - 65_535 - windows.LOW_WATER - 1):
        server.peer.increment_flow_control_window(size)
        server.peer.increment_flow_control_window(size, sid)
        assert server.pump() == []
    server.peer.increment_flow_control_window(1)
    server.peer.increment_flow_control_window(1, sid)

    assert kinds(server.pump()) == ["Room"]
    assert server.engine.waiting(sid) == windows.LOW_WATER


def rooms(events: list[Event]) -> list[int]:
    """Which streams were told of room."""
    return [event.sid for event in events if isinstance(event, Room)]


def test_little_on_each_of_many_streams_is_much(make: Make) -> None:
    """A connection holds a quarter of a megabyte, however many streams share it; they go on a few at a time."""
    engine = make()
    feed(engine, START + b"".join(headers(sid) for sid in range(1, 101, 2)))
    full = [sid for sid in range(1, 101, 2) if engine.respond(sid, 200, [], bytes(30_000), whole=False)]

    assert min(full) > 2 * (windows.CONNECTION_HIGH_WATER // 30_000)
    assert len(full) == 50 - windows.CONNECTION_HIGH_WATER // 30_000
    told: list[int] = []
    for _ in range(60):
        engine.feed(frame(WINDOW_UPDATE, 0, 0, (40_000).to_bytes(4)), 0.0)
        _, events = engine.pull()
        crowded = engine.waiting() > windows.CONNECTION_LOW_WATER
        assert all(engine.waiting(sid) <= (0 if crowded else windows.LOW_WATER) for sid in rooms(events))
        assert len(rooms(events)) <= windows.ROOMS
        told += rooms(events)
    while engine.has_rooms:
        _, events = engine.pull()
        assert 0 < len(rooms(events)) <= windows.ROOMS
        told += rooms(events)

    assert sorted(told) == full


def test_streams_that_stand_still_do_not_hold_up_the_others(make: Make) -> None:
    """Their windows are full, and what waits on them alone makes the connection crowded."""
    engine = make()
    feed(engine, START + b"".join(headers(sid) for sid in range(1, 41, 2)))
    feed(engine, frame(WINDOW_UPDATE, 0, 0, (100_000_000).to_bytes(4)))
    for sid in range(1, 41, 2):
        engine.respond(sid, 200, [], bytes(2 * 65_535), whole=False)
    feed(engine, headers(41))
    feed(engine, frame(WINDOW_UPDATE, 0, 41, (100_000_000).to_bytes(4)))
    assert engine.waiting() == 20 * 65_535 > windows.CONNECTION_HIGH_WATER
    assert engine.respond(41, 200, [], bytes(30_000), whole=False)
    for _ in range(10):
        _, events = engine.pull()
        assert rooms(events) == [41]
        assert engine.write(41, bytes(30_000), False)


def test_a_pull_is_bounded(server: Wire) -> None:
    """What is not pulled is not framed yet."""
    sid = server.open()
    server.pump()
    server.engine.respond(sid, 200, [], bytes(60_000))
    sizes = []
    while data := server.engine.pull(10_000)[0]:
        sizes.append(len(data))

    assert max(sizes) <= 10_000
    assert sum(sizes) > 60_000


def test_resets_within_content_wear_a_connection(make: Make) -> None:
    """So many of them, and it is to be given up: until then uploads go on (Note [Windows leak])."""
    engine = make()
    feed(engine, START)
    sid = 1
    for number in range(WORN_BY):
        feed(engine, headers(sid, POST, end=False), now=number * 10.0)
        feed(engine, frame(DATA, 0, sid, bytes(16_384))[:-1])  # the frame is not complete
        engine.reset(sid, codes.CANCEL)
        feed(engine, b"\0")
        sid += 2
        assert engine.worn == number + 1
    feed(engine, headers(sid, POST, end=False))
    received = 0
    for _ in range(200):  # 3 MB go through a window of 1 MiB all the same
        events, _ = feed(engine, frame(DATA, 0, sid, bytes(16_384)))
        received += sum(len(event.data) for event in events if isinstance(event, Data))
        engine.consume(sid, 16_384)
        feed(engine, b"")

    assert received == 200 * 16_384
    assert not engine.ended


def test_resets_at_the_end_do_not_wear_it(server: Wire) -> None:
    """A stream whose peer has said all has no frame half in."""
    sid = server.open()
    server.pump()
    server.engine.reset(sid, codes.CANCEL)
    server.pump()

    assert server.engine.worn == 0


# The connection.


def test_settings_are_told(server: Wire, client: Wire) -> None:
    """How many streams the peer takes; the peer learns of ours."""
    assert server.peer.remote_settings.max_concurrent_streams == 100
    assert server.peer.remote_settings.initial_window_size == windows.STREAM
    assert client.peer.remote_settings.enable_push == 0
    client.peer.update_settings({3: 7})

    assert only(client.pump(), Settings).most == 7


def test_extended_connect_is_offered_where_it_is_taken(make: Make) -> None:
    """And refused where it was not offered."""
    fields = [(":method", "CONNECT"), (":protocol", "websocket"), *GET[1:]]
    offered, without = Wire(make(connect=True), client=False), Wire(make(), client=False)
    assert offered.peer.remote_settings.enable_connect_protocol == 1
    offered.open(fields, end=False)
    without.open(fields, end=False)

    assert dict(only(offered.pump(), Head).pseudo)[b":protocol"] == b"websocket"
    assert without.pump() == []


def test_a_ping_is_answered_and_ours_is_told(server: Wire) -> None:
    """Both ways."""
    server.peer.ping(b"12345678")
    server.engine.ping()

    assert kinds(server.pump()) == ["Pong"]
    assert [event.ping_data for event in server.of(h2.events.PingAckReceived)] == [b"12345678"]


def test_the_end_in_good_order(make: Make) -> None:
    """First a notice, then no further stream, then nothing more when the last is over."""
    engine = make()
    feed(engine, START + headers(1, POST, end=False))
    engine.notice()
    events, sent = feed(engine, headers(3))
    assert kinds(events) == ["Head"]
    assert [payload[:4] for kind, _, _, payload in frames(sent) if kind == GOAWAY] == [b"\x7f\xff\xff\xff"]
    assert frames(sent)[-1][0] == PING  # its answer says that the client has heard
    engine.goaway(codes.NO_ERROR)
    _, sent = feed(engine, b"")
    assert [payload for kind, _, _, payload in frames(sent) if kind == GOAWAY] == [b"\0\0\0\3\0\0\0\0"]
    assert feed(engine, headers(5)) == ([], b"")
    engine.respond(1, 200, [], b"x")
    engine.respond(3, 200, [], b"y")
    events, sent = feed(engine, frame(DATA, 1, 1, b"end"))

    assert [payload for kind, _, _, payload in frames(sent) if kind == DATA] == [b"x", b"y"]
    assert kinds(events) == ["Data", "Closed", "Closed", "Broken"]
    assert only(events, Broken).code == codes.NO_ERROR
    assert engine.ended
    assert feed(engine, headers(7)) == ([], b"")


def test_the_end_at_once(server: Wire) -> None:
    """A GOAWAY with an error, and nothing after it."""
    sid = server.open()
    server.pump()
    server.engine.goaway(codes.INTERNAL_ERROR)
    server.engine.respond(sid, 200, [], b"x")
    server.pump()

    assert [event.error_code for event in server.of(h2.events.ConnectionTerminated)] == [codes.INTERNAL_ERROR]
    assert server.of(h2.events.ResponseReceived) == []
    assert server.engine.ended


def test_no_preface_is_no_connection(make: Make) -> None:
    """What speaks another protocol is told so, in HTTP/2."""
    events, sent = feed(make(), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")

    assert only(events, Broken).code == codes.PROTOCOL_ERROR
    assert [kind for kind, _, _, _ in frames(sent)] == [GOAWAY]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(HEADERS, END_HEADERS, 2, block(GET)), codes.PROTOCOL_ERROR),
        (frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff"), codes.COMPRESSION_ERROR),
        (frame(DATA, 0, 0, b"x"), codes.PROTOCOL_ERROR),
        (frame(DATA, 0, 1, b"x"), codes.PROTOCOL_ERROR),
        (frame(DATA, PADDED, 1, b"\xffx"), codes.PROTOCOL_ERROR),
        (frame(HEADERS, 0, 1, block(GET)) + frame(DATA, 0, 1, b"x"), codes.PROTOCOL_ERROR),
        (frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"), codes.FLOW_CONTROL_ERROR),
        (frame(WINDOW_UPDATE, 0, 0, bytes(3)), codes.FRAME_SIZE_ERROR),
        (frame(DATA, 0, 1, bytes(16_385)), codes.FRAME_SIZE_ERROR),
        (frame(9, END_HEADERS, 1, b""), codes.PROTOCOL_ERROR),
        (frame(5, END_HEADERS, 1, bytes(4)), codes.PROTOCOL_ERROR),
        (frame(4, 0, 0, b"\0\4\x80\0\0\0"), codes.FLOW_CONTROL_ERROR),
        (frame(4, 0, 0, bytes(5)), codes.FRAME_SIZE_ERROR),
        (frame(4, 0, 1, bytes(6)), codes.PROTOCOL_ERROR),
        (frame(6, 0, 0, bytes(7)), codes.FRAME_SIZE_ERROR),
    ],
)
def test_frames_that_break_the_rules_end_the_connection(make: Make, data: bytes, code: int) -> None:
    """With a GOAWAY that says why; no stream begins."""
    engine = make()
    feed(engine, START)
    events, sent = feed(engine, data)

    assert kinds(events) == ["Broken"]
    assert events[0].code == code  # type: ignore[attr-defined]  # it is a Broken
    assert [int.from_bytes(payload[4:8]) for kind, _, _, payload in frames(sent) if kind == GOAWAY] == [code]


# A client.


def test_a_request_and_its_answer(client: Wire) -> None:
    """What is sent with the head, what follows it, and all that comes back."""
    sid = client.engine.request(ASK, [(b"x-a", b"1")], b"ab", whole=False)
    client.engine.write(sid, b"cd", True)
    assert client.pump() == []
    (asked,) = client.of(h2.events.RequestReceived)
    assert asked.headers == [*ASK, (b"x-a", b"1")]
    assert client.content(sid) == b"abcd"
    client.peer.send_headers(sid, [(":status", "103"), ("link", "</a>")])
    client.peer.send_headers(sid, [(":status", "200"), ("x-b", "2")])
    client.peer.send_data(sid, b"seven")
    client.peer.send_headers(sid, [("x-sum", "7")], end_stream=True)
    interim, head, data, trailers, closed = client.pump()

    assert isinstance(interim, Interim)
    assert (interim.pseudo, interim.block) == (((b":status", b"103"),), b"link: </a>\r\n")
    assert isinstance(head, Head)
    assert (head.pseudo, head.block, head.end) == (((b":status", b"200"),), b"x-b: 2\r\n", False)
    assert isinstance(data, Data)
    assert data.data == b"seven"
    assert isinstance(trailers, Trailers)
    assert isinstance(closed, Closed)
    assert closed.code == codes.NO_ERROR


def test_content_is_there_before_the_head_has_left(client: Wire) -> None:
    """A stream can be written to at once, though its head is not serialised yet."""
    sid = client.engine.request(ASK, [], whole=False)
    client.engine.write(sid, b"ab", False)
    client.engine.write(sid, b"", True)
    client.pump()

    assert client.content(sid) == b"ab"
    assert len(client.of(h2.events.StreamEnded)) == 1


def test_an_answer_before_the_request_is_complete(client: Wire) -> None:
    """The reset with NO_ERROR behind it does not take the answer away."""
    sid = client.engine.request(ASK, [], b"ab", whole=False)
    client.pump()
    client.peer.send_headers(sid, [(":status", "200"), ("grpc-status", "4")], end_stream=True)
    client.peer.reset_stream(sid, codes.NO_ERROR)
    events = client.pump()

    assert kinds(events)[0] == "Head"
    assert only(events, Head).end
    assert only(events, Reset).code == codes.NO_ERROR


def test_a_goaway_says_what_was_not_processed(client: Wire) -> None:
    """Streams behind its last are over; no further one is opened."""
    first, second = (client.engine.request(ASK, []) for _ in range(2))
    client.pump()
    events, _ = feed(client.engine, frame(GOAWAY, 0, 0, first.to_bytes(4) + bytes(4)))

    assert only(events, GoAway).last == first
    assert client.engine.request(ASK, []) == 0
    assert [event.sid for event in events if isinstance(event, Closed)] == [second]
    assert client.engine.counts().streams == 1


def test_a_refused_stream_is_told(client: Wire) -> None:
    """Nobody acted on it."""
    sid = client.engine.request(ASK, [])
    client.pump()
    client.peer.reset_stream(sid, codes.REFUSED_STREAM)

    assert only(client.pump(), Reset).code == codes.REFUSED_STREAM


def test_more_streams_than_the_peer_takes_wait(client: Wire) -> None:
    """They are sent when there is room; who counts does not open them."""
    client.peer.update_settings({3: 1})
    client.pump()
    first, second = (client.engine.request(ASK, []) for _ in range(2))
    client.pump()
    assert [event.stream_id for event in client.of(h2.events.RequestReceived)] == [first]
    client.peer.send_headers(first, [(":status", "204")], end_stream=True)
    client.pump()

    assert [event.stream_id for event in client.of(h2.events.RequestReceived)] == [first, second]
