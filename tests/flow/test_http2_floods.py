"""Clients that take, hold or ask for too much over HTTP/2: what bounds each of them, with the whole gateway.

Limits, and where each is proved. E is tests/http2/test_ngh2_engine.py, C is tests/http2/test_engine.py, F is
tests/flow/test_http2.py; others are here. `flood` is E `test_a_flood_ends_the_connection`.

* Streams at once: flood `[streams beyond the limit]`, E `test_refused_streams_are_counted_at_once`, F
  `test_the_limits_are_the_configuration_s`.
* Windows: tests/http2/test_windows.py, C `test_a_stalled_stream_holds_its_own_window_only`.
* Size of frames: C `test_frames_that_break_the_rules_end_the_connection`.
* HPACK tables and bombs: E `test_tables_are_bounded`, flood `[references to one field]`, `[crumbs of Cookie]`.
* Heads, 431 and beyond: C `test_a_head_over_the_limits_is_told_as_such`, and those two floods.
* CONTINUATION: flood `[CONTINUATION]`, `[CONTINUATION with fields]`.
* Resets by the client: flood `[rapid reset]`, F `test_a_flood_ends_its_own_connection`.
* Resets that the client provokes (MadeYouReset): E `test_who_says_the_length_wrong_again_and_again`,
  `test_streams_that_a_client_breaks_are_counted`.
* Frames without content, of no known kind: flood `[empty DATA]`, `[DATA of padding alone]`, `[PRIORITY]`,
  `[frames of no known kind]`.
* Frames with an octet each: E `test_small_frames_are_one_piece_of_content`,
  `test_an_octet_in_each_frame_costs_the_backend_one_chunk`.
* Resets of ours within content: F `test_resets_of_ours_wear_a_connection`.
* SETTINGS, PING, their answers: flood, E `test_answers_that_nobody_reads_are_bounded`, `test_settings_without_end`.
* WINDOW_UPDATE: flood, E `test_windows_given_back_octet_by_octet_are_one`, `test_small_windows_are_no_flood`.
* A head that is not complete: F `test_a_head_that_takes_its_time`.
* An answer that stands still: F `test_a_client_that_reads_nothing_is_given_up`,
  `test_where_all_answers_stand_still_no_more_are_taken`.
* A connection that is not read: `test_a_client_that_does_not_read_its_connection_is_cut`, F
  `test_what_waits_for_a_client_that_does_not_read_is_little`.
* No stream, no settings: F `test_a_connection_without_requests`, `test_a_client_without_settings`.
* Requests of a connection, its age: F `test_a_connection_has_its_share_of_requests`, `test_a_connection_that_is_old`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.http2 import codes
from gateway.memory.backend import ok
from gateway.serving.http2_channel import Http2Channel
from gateway.serving.http2_outlet import UNREAD
from gateway.testing import FakeClient, Harness
from tests.flow.test_http2 import connect
from tests.http2.wire import GET, POST, START, frame, headers


def test_where_all_answers_stand_still_no_more_are_taken(gateway: Harness) -> None:
    """The bomb that holds windows at zero (2026): its streams are given up, and the connection ends."""
    gateway.backend("orders").answers(ok(bytes(50_000)))
    client = connect(gateway, window=0)
    client.reads = False
    answers = [client.request("GET", f"/orders/{number}") for number in range(100)]
    gateway.network.pump()
    honest = connect(gateway)
    gateway.advance(34)

    assert {answer.reset for answer in answers} == {codes.CANCEL}
    assert client.goaways[-1][1] == codes.NO_ERROR
    assert client.closed is not None
    assert honest.request("GET", "/orders/7").reset is None
    gateway.network.pump()
    assert honest.answers[1].status == 200
    assert honest.goaways == []


def test_a_client_that_does_not_read_its_connection_is_cut(gateway: Harness) -> None:
    """Nothing can be said to it, not even a reset: what waits would be held as long as the client likes."""
    gateway.backend("orders").answers(ok(bytes(100_000)))
    client = connect(gateway, window=1_000_000)
    client.peer.increment_flow_control_window(10_000_000)
    client.flush()
    gateway.network.pump()
    client.stop_reading()
    for number in range(60):
        client.request("GET", f"/orders/{number}")
    gateway.network.pump()
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http2Channel)
    assert channel.engine.waiting() > 1_000_000
    gateway.advance(UNREAD - 1)
    assert channel in gateway.gateway.site.channels
    gateway.advance(2)

    assert gateway.gateway.site.channels == {}
    assert channel.streams == {}
    gateway.check_quiet()


def test_a_client_that_reads_on_in_time_is_not_cut(gateway: Harness) -> None:
    """However often it pauses."""
    gateway.backend("orders").answers(ok(bytes(400_000)))
    client = connect(gateway, window=1_000_000)
    client.peer.increment_flow_control_window(10_000_000)
    client.flush()
    gateway.network.pump()
    for number in range(4):
        client.stop_reading()
        answer = client.request("GET", f"/orders/{number}")
        gateway.advance(25)
        client.read_on()
        gateway.network.pump()
        assert len(answer.body) == 400_000

    gateway.advance(UNREAD + 2)
    assert client.closed is None


def attacker(gateway: Harness) -> FakeClient:
    """A client that sends whatever it likes."""
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.66")
    gateway.send(START, client)
    return client


PATH = (":path", "/orders/7")


@pytest.mark.parametrize(
    ("fields", "provoke"),
    [
        ([*POST[:3], PATH], lambda sid: frame(8, 0, sid, bytes(4))),
        ([*POST[:3], PATH], lambda sid: frame(0, 1, sid, b"x") + frame(0, 0, sid, b"x")),
        ([*POST[:3], PATH], lambda sid: frame(8, 0, sid, b"\x7f\xff\xff\xff")),
        ([*POST[:3], PATH, ("content-length", "1")], lambda sid: frame(0, 0, sid, b"xx")),
        ([*POST[:3], PATH], lambda sid: headers(sid, [("a", "b")], end=False)),
        ([*POST[:3], PATH], lambda sid: frame(2, 0, sid, sid.to_bytes(4) + b"\0")),
    ],
    ids=[
        "window-by-nothing",
        "content-behind-the-end",
        "window-overflow",
        "length",
        "trailers-without-end",
        "own-parent",
    ],
)
def test_streams_that_a_client_breaks_are_counted(
    gateway: Harness, fields: list[tuple[str, str]], provoke: Callable[[int], bytes]
) -> None:
    """MadeYouReset (CVE-2025-8671): what makes us reset a stream ends the connection, at once or when it is often."""
    backend = gateway.backend("orders")
    backend.stall()
    client = attacker(gateway)
    for number in range(1_100):
        sid = 2 * number + 1
        gateway.send(headers(sid, fields, end=False) + provoke(sid), client)
        if client.closed is not None:
            break

    assert client.closed is not None
    assert len(backend.requests) <= 210
    backend.answers(ok(b"served"))
    honest = connect(gateway).request("GET", "/orders/7")
    gateway.network.pump()
    assert honest.body == b"served"
    gateway.check_quiet()


def test_an_octet_in_each_frame_costs_the_backend_one_chunk(gateway: Harness) -> None:
    """Each frame of its own way through the gateway would let two connections keep a core busy."""
    backend = gateway.backend("orders")
    client = attacker(gateway)
    octets = b"".join(frame(0, 0, 1, b"x") for _ in range(2_000))
    gateway.send(headers(1, [*POST[:3], PATH], end=False) + octets, client)
    gateway.send(octets + frame(0, 1, 1), client)

    (asked,) = backend.requests
    assert asked.body == b"x" * 4_000
    assert backend.connections[0].received.count(b"\r\n7d0\r\n") == 2


def test_settings_without_end(gateway: Harness) -> None:
    """More entries in one frame than there are settings by far."""
    client = attacker(gateway)
    gateway.send(frame(4, 0, 0, bytes((0, 4, 0, 0, 255, 255)) * 2_000), client)

    assert client.closed is not None


def test_many_requests_in_one_read_are_answered_in_one_write(gateway: Harness) -> None:
    """Each system call costs more than the rest of a small answer."""
    client = attacker(gateway)
    gateway.backend("orders").answers(ok(b"seven"))
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http2Channel)
    writes: list[int] = []
    write = channel.transport.write

    def counted(data: bytes) -> None:
        writes.append(len(data))
        write(data)

    channel.transport.write = counted
    gateway.send(b"".join(headers(2 * number + 1, [*GET[:3], PATH]) for number in range(32)), client)

    assert len(gateway.logs) == 32
    assert len(writes) <= 3
