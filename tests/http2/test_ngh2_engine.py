"""Floods and cuts: what libnghttp2 and our counters make of them. What every engine keeps is in test_engine.py."""

from __future__ import annotations

from collections.abc import Callable

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http2 import codes
from gateway.http2.engine import EngineOptions
from gateway.http2.events import Broken, Closed, Data, Reset
from gateway.http2.ngh2_engine import Ngh2Engine
from tests.http2.telling import facts_of, parts, told
from tests.http2.wire import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    POST,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    START,
    WINDOW_UPDATE,
    block,
    feed,
    frame,
    frames,
    headers,
)


def engine(**options: int) -> Ngh2Engine:
    """A server whose client has begun."""
    made = Ngh2Engine(False, EngineOptions(**options))  # type: ignore[arg-type]  # no options but whole numbers
    feed(made, START)
    return made


CANCEL = codes.CANCEL.to_bytes(4)

FLOODS: dict[str, tuple[Callable[[int], bytes], str, int, int]] = {
    # What comes again and again, the limit's name, from how many on it may end, and until when it has to.
    "rapid reset": (
        lambda n: headers(2 * n + 1, POST, end=False) + frame(RST_STREAM, 0, 2 * n + 1, CANCEL), "resets", 200, 210
    ),
    "resets without a word": (
        lambda n: headers(2 * n + 1, [*GET, ("Bad", "")], end=False), "resets", 200, 210
    ),
    "SETTINGS": (lambda n: frame(SETTINGS, 0, 0, bytes((0, 4, 0, 0, 255, n % 250))), "settings", 99, 110),
    "PING": (lambda n: frame(PING, 0, 0, bytes(8)), "pings", 100, 110),
    "answers to PING": (lambda n: frame(PING, ACK, 0, bytes(8)), "pings", 100, 110),
    "WINDOW_UPDATE": (lambda n: frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"), "window_updates", 5, 10),
    "empty DATA": (
        lambda n: (b"" if n else headers(1, POST, end=False)) + frame(DATA, 0, 1), "glitches", 1000, 1200
    ),
    "DATA of padding alone": (
        lambda n: (b"" if n else headers(1, POST, end=False)) + frame(DATA, PADDED, 1, b"\2\0\0"),
        "glitches", 1000, 1200,
    ),
    "PRIORITY": (lambda n: frame(PRIORITY, 0, 2 * n + 1, bytes(5)), "glitches", 1000, 1200),
    "streams beyond the limit": (lambda n: headers(2 * n + 1, POST, end=False), "resets", 300, 310),
    "heads of streams that are over": (
        lambda n: headers(1 if n else 3, GET, end=True), "glitches", 1000, 1200
    ),
    "frames of no known kind": (lambda n: frame(77, 0, 0), "glitches", 1000, 1200),
    "heads without fields": (lambda n: headers(2 * n + 1, [], end=False), "resets", 200, 210),
    "CONTINUATION": (
        lambda n: frame(CONTINUATION, 0, 1) if n else frame(HEADERS, 0, 1, block(GET)), "headers", 8, 12
    ),
    "CONTINUATION with fields": (
        lambda n: frame(CONTINUATION, 0, 1, block([("x", "a" * 8000)])) if n else frame(HEADERS, 0, 1, block(GET)),
        "headers", 7, 12,
    ),
    "references to one field": (
        # The HTTP/2 bomb: one octet each, for a field of 4 KB that is in the table.
        lambda n: frame(
            HEADERS, END_HEADERS, 2 * n + 1, block(GET) + b"\x40\1x\x7f\x81\x1e" + b"v" * 4000 + b"\xbe" * 10_000
        ),
        "headers", 0, 1,
    ),
    "crumbs of Cookie": (
        lambda n: frame(HEADERS, END_HEADERS, 2 * n + 1, block(GET) + b"\x40\6cookie\1a" + b"\xbe" * 10_000),
        "headers", 0, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.parametrize("at_once", [1, 5])
def test_a_flood_ends_the_connection(name: str, at_once: int) -> None:
    """ENHANCE_YOUR_CALM, when it is a flood and not before; nothing is taken from then on."""
    unit, flood, least, most = FLOODS[name]
    attacked = engine()
    sent = b""
    for number in range(0, most + at_once, at_once):
        events, more = feed(attacked, b"".join(unit(number + each) for each in range(at_once)), now=1.0)
        sent += more
        broken = [event for event in events if isinstance(event, Broken)]
        if broken:
            break
        assert not attacked.ended
    else:
        pytest.fail(f"{most} of them go through")

    assert (broken[0].code, broken[0].flood) == (codes.ENHANCE_YOUR_CALM, flood)
    assert number + at_once > least
    last = frames(sent)[-1]
    assert (last[0], int.from_bytes(last[3][4:8])) == (GOAWAY, codes.ENHANCE_YOUR_CALM)
    assert attacked.ended
    assert feed(attacked, unit(0)) == ([], b"")


def test_a_client_that_makes_us_reset_its_streams() -> None:
    """MadeYouReset (CVE-2025-8671): content behind the end, or a window enlarged by nothing, ends the connection."""
    for provoke in (frame(DATA, 0, 1, b"x"), frame(WINDOW_UPDATE, 0, 1, bytes(4))):
        attacked = engine()
        events, sent = feed(attacked, headers(1))
        events, sent = feed(attacked, provoke)
        assert attacked.ended or [event.code for event in events if isinstance(event, Closed)]
        assert {kind for kind, _, _, _ in frames(sent)} <= {GOAWAY, RST_STREAM}


def test_who_says_the_length_wrong_again_and_again() -> None:
    """The library resets each stream by itself; that is counted as if the client had."""
    attacked = engine()
    fields = [*POST, ("content-length", "1")]
    for number in range(210):
        sid = 2 * number + 1
        feed(attacked, headers(sid, fields, end=False), now=1.0)
        feed(attacked, frame(DATA, END_STREAM, sid, b"xx"), now=1.0)
        if attacked.ended:
            break

    # The engine finds out when it has sent the resets: one feed later.
    assert 200 <= number <= 201


def test_refused_streams_are_counted_at_once() -> None:
    """Over the limit, and with a malformed head: a client that goes on gets as many as it may reset, and no more."""
    attacked = engine(streams=2, resets=3)
    told, _ = feed(attacked, headers(1, POST, end=False) + headers(3, POST, end=False) + headers(5, POST, end=False))
    assert [event.sid for event in told] == [1, 3]
    assert attacked.counts().resets == 1

    told, _ = feed(attacked, headers(7, [*GET, ("Bad", "")]))
    assert (told, attacked.counts().resets) == ([], 2)

    whole = headers(9, [*GET, ("Bad", "")])
    assert feed(attacked, whole[:20])[0] == []
    assert attacked.counts().resets == 2  # nobody knows yet what it is
    assert feed(attacked, whole[20:])[0] == []
    assert attacked.counts().resets == 3

    told, sent = feed(attacked, headers(11, POST, end=False))
    assert [(event.code, event.flood) for event in told if isinstance(event, Broken)] == [
        (codes.ENHANCE_YOUR_CALM, "resets")
    ]
    assert frames(sent)[-1][0] == GOAWAY


def test_what_is_on_its_way_behind_a_goaway_is_no_refused_stream() -> None:
    """The client has not heard yet that no stream is taken: what it sends meanwhile is ignored."""
    leaving = engine(resets=3)
    feed(leaving, headers(1, POST, end=False))
    leaving.goaway(codes.NO_ERROR)
    feed(leaving, b"")
    told, _ = feed(leaving, b"".join(headers(3 + 2 * number) for number in range(100)))
    told += feed(leaving, frame(DATA, END_STREAM, 1, b"x"))[0]

    assert [type(event) for event in told] == [Data]
    assert leaving.counts().resets == 0
    told, _ = feed(leaving, b"".join(headers(203 + 2 * number) for number in range(1100)))
    assert [(event.code, event.flood) for event in told if isinstance(event, Broken)] == [
        (codes.ENHANCE_YOUR_CALM, "glitches")
    ]


def test_trailers_of_a_stream_that_was_reset_are_no_refused_stream() -> None:
    """They were on their way."""
    attacked = engine()
    feed(attacked, headers(1, POST, end=False))
    attacked.reset(1, codes.NO_ERROR)
    feed(attacked, headers(1, [("a", "b")]))
    feed(attacked, headers(3))

    assert not attacked.ended
    assert attacked.counts().resets == 0


def test_answers_that_nobody_reads_are_bounded() -> None:
    """SETTINGS and PING in one feed, past the library's own bound for answers that wait."""
    attacked = engine()
    events, sent = feed(attacked, frame(PING, 0, 0, bytes(8)) * 5000)

    assert [event.code for event in events if isinstance(event, Broken)] == [codes.ENHANCE_YOUR_CALM]
    assert len(sent) < 50_000


def test_tables_are_bounded() -> None:
    """HPACK: a peer cannot have us keep more than 4,096 octets for either direction, whatever it says."""
    for update in (b"\x3f\xe2\x1f", b"\x3f\xff\xff\xff\x07"):  # 4,097, and 16 million
        attacked = engine()
        events, _ = feed(attacked, frame(HEADERS, END_HEADERS | END_STREAM, 1, update + block(GET)))
        assert [event.code for event in events if isinstance(event, Broken)] == [codes.COMPRESSION_ERROR]

    greedy = engine()
    feed(greedy, frame(SETTINGS, 0, 0, b"\0\1\xff\xff\xff\xff"))
    reader = hpack.Decoder()
    reader.max_allowed_table_size = 2**32 - 1
    for number in range(300):
        sid = 2 * number + 1
        feed(greedy, headers(sid))
        greedy.respond(sid, 200, [(b"x-number", b"%d" % number * 50)])
        for kind, _, _, payload in frames(greedy.pull()[0]):
            if kind == HEADERS:
                reader.decode(payload)
    assert reader.header_table_size <= 4096


def test_an_honest_client_is_no_flood() -> None:
    """A browser for ten minutes: requests, a few of them given up, pings, windows given back for what it reads."""
    honest = engine()
    sid, now = 1, 0.0
    for second in range(600):
        now = float(second)
        for _ in range(20):
            feed(honest, headers(sid), now)
            honest.respond(sid, 200, [], bytes(30_000))
            honest.feed(frame(WINDOW_UPDATE, 0, 0, (30_000).to_bytes(4)), now)
            feed(honest, frame(WINDOW_UPDATE, 0, sid, (30_000).to_bytes(4)) if second % 2 else b"", now)
            sid += 2
        for _ in range(6):
            feed(honest, headers(sid), now)
            feed(honest, frame(RST_STREAM, 0, sid, CANCEL), now)
            sid += 2
        feed(honest, frame(PING, 0, 0, bytes(8)), now)
    assert not honest.ended
    assert honest.counts().streams == 0
    assert honest.worn == 0


def downloaded(window: int, taken: int) -> tuple[bool, int]:
    """Read 200,000 octets with a small window, of which so many are given back at once; returns whether it went well.

    The second is how many octets came.
    """
    reader = engine()
    feed(reader, frame(SETTINGS, 0, 0, b"\0\4" + window.to_bytes(4)) + headers(1), now=1.0)
    reader.respond(1, 200, [], bytes(60_000), whole=False)
    came, left, owed = 0, 140_000, 0
    said = b""
    for _ in range(20_000):
        _, sent = feed(reader, said, now=1.0)
        owed += sum(len(payload) for kind, _, _, payload in frames(sent) if kind == DATA)
        if reader.ended or came == 200_000:
            break
        if left and reader.waiting(1) <= 32_000:
            part = min(left, 20_000)
            reader.write(1, bytes(part), left == part)
            left -= part
        back = min(taken, owed)
        came += back
        owed -= back
        update = back.to_bytes(4)
        said = frame(WINDOW_UPDATE, 0, 0, update) + frame(WINDOW_UPDATE, 0, 1, update) if back else b""
    return not reader.ended, came


@pytest.mark.parametrize("window", [512, 1_000, 4_096, 65_535])
def test_small_windows_are_no_flood(window: int) -> None:
    """Small devices have them, and give back what each frame brought."""
    assert downloaded(window, window) == (True, 200_000)


def test_windows_given_back_octet_by_octet_are_one() -> None:
    """Frames of one octet each, and two of theirs for each of them (CVE-2019-9511)."""
    well, came = downloaded(1, 1)

    assert not well
    assert came < 2_000


def test_who_measures_how_far_away_we_are_is_no_flood() -> None:
    """Clients of gRPC send a PING for each answer that they get, thousands a second."""
    measuring = engine()
    for number in range(1_000):
        sid = 2 * number + 1
        feed(measuring, headers(sid), now=1.0)
        measuring.respond(sid, 200, [], b"message", whole=False)
        measuring.trailers(sid, [(b"grpc-status", b"0")])
        feed(measuring, frame(PING, 0, 0, bytes(8)), now=1.0)

    assert not measuring.ended
    assert measuring.counts().pings == 1_000


def test_small_frames_are_one_piece_of_content() -> None:
    """Two streams in turn, an octet in each frame; trailers, and an end, come behind what they end."""
    server = engine()
    feed(server, headers(1, POST, end=False) + headers(3, POST, end=False))
    octets = b"".join(frame(DATA, 0, sid, bytes((97 + n % 26,))) for n in range(260) for sid in (1, 3))
    ends = headers(1, [("x-sum", "7")]) + frame(DATA, END_STREAM, 3, b"!")
    events, _ = feed(server, octets + ends)
    alphabets = bytes(range(97, 123)) * 10

    told = [facts_of(event) for event in events]
    assert told == [
        ("data", 1, alphabets, False),
        ("data", 3, alphabets + b"!", True),
        ("trailers", 1, b"x-sum: 7\r\n"),
    ]


def test_who_parts_without_a_stream_is_told_of_no_error() -> None:
    """The client's GOAWAY ends an idle connection; a notice of ours, and a PING behind it, have nobody to answer."""
    server = Ngh2Engine(False, EngineOptions())
    events = server.feed(START + frame(GOAWAY, 0, 0, bytes(8)), 0.0)
    server.notice()
    later, sent = feed(server, b"")

    assert [event.code for event in events + later if isinstance(event, Broken)] in ([], [codes.NO_ERROR])
    assert [payload[4:8] for kind, _, _, payload in frames(sent) if kind == GOAWAY] in ([], [bytes(4)])


def test_counts_say_what_came() -> None:
    """For the tests, and for figures."""
    counted = engine()
    feed(counted, headers(1) + frame(PING, 0, 0, bytes(8)) + frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"))
    feed(counted, headers(3, POST, end=False))
    counted.respond(1, 200, [], bytes(100_000), whole=False)
    feed(counted, frame(RST_STREAM, 0, 3, CANCEL))

    # All but a window of 65,535 octets, and the one more, waits.
    assert counted.counts() == (1, 1, 1, 1, 1, 0, 100_000 - 65_535)


# What comes is the same, however it is cut.

FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["x-a", "cookie", "accept", "te", "host", "content-length", "Upper", "connection", "a b"]),
        st.sampled_from(["", "a", "1", "trailers", "h", "a\r\nb: c", " x", "x" * 300]),
    ),
    max_size=5,
)
PRIORITIES = frame(PRIORITY, 0, 1, bytes(4) + b"x") + frame(16, 0, 0, b"\0\0\0\1u=1")
"""The old kind, and PRIORITY_UPDATE (RFC 9218)."""


@st.composite
def conversations(draw: st.DrawFn) -> bytes:
    """What a client may say on a few streams, malformed things among it."""
    said = START
    for number in range(draw(st.integers(1, 4))):
        sid = 2 * number + 1
        end = draw(st.booleans())
        fields = draw(st.sampled_from([GET, POST, POST[1:], [*GET, GET[0]]])) + draw(FIELDS)
        octets = block(fields)
        cuts = sorted(draw(st.lists(st.integers(0, len(octets)), max_size=3)))
        pieces = [octets[i:j] for i, j in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
        for index, piece in enumerate(pieces):
            flags = (END_STREAM if end and not index else 0) | (END_HEADERS if index == len(pieces) - 1 else 0)
            said += frame(CONTINUATION if index else HEADERS, flags, sid, piece)
        if not end:
            for size in draw(st.lists(st.integers(0, 400), max_size=3)):
                said += frame(DATA, 0, sid, b"d" * size)
            last = draw(st.sampled_from(["data", "trailers", "bad trailers", "nothing"]))
            if last == "data":
                said += frame(DATA, END_STREAM, sid, b"e")
            elif last != "nothing":
                said += headers(sid, [("x-sum", "1")] if last == "trailers" else [(":path", "/")])
        if draw(st.booleans()):
            said += draw(st.sampled_from([frame(PING, 0, 0, bytes(8)), frame(77, 0, 0, b"x"), PRIORITIES]))
    return said


@settings(max_examples=200, deadline=None)
@given(said=conversations(), cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_no_cut_changes_what_is_told(said: bytes, cuts: list[int]) -> None:
    """In one piece, in a few, and octet by octet: the same requests, contents and trailers."""
    whole = told([said])

    assert told(parts(said, cuts)) == whole
    assert told([said[place : place + 1] for place in range(len(said))]) == whole


def test_a_server_may_reset_and_ask_as_it_likes() -> None:
    """Ours are limits for clients: servers of gRPC reset streams behind their answers, and send PING after PING."""
    made = Ngh2Engine(True, EngineOptions(resets=2))
    feed(made, frame(SETTINGS, 0, 0))
    asked = ((b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"h"), (b":path", b"/"))
    for _ in range(300):
        sid = made.request(asked, [], b"", False)
        feed(made, b"")
        events, _ = feed(made, frame(PING, 0, 0, bytes(8)) + frame(RST_STREAM, 0, sid, CANCEL))
        assert [event for event in events if isinstance(event, Reset)]

    assert not made.ended
    assert made.counts().resets == 300
