from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.body import HIGH_WATER, Body
from gateway.http1.response_parser import MAX_INTERIM, ResponseMemo, ResponseParser
from tests.http1 import request_reading
from tests.http1.response_reading import MAX_HEAD, EagerMemo, Reader, Reading, Seen, read


def answer(*fields: bytes, content: bytes = b"", status: bytes = b"200 OK") -> bytes:
    """Return an answer with these field lines."""
    return b"HTTP/1.1 " + status + b"\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + content


OK = answer(b"Content-Length: 2", content=b"ok")
CHUNKED = answer(b"Transfer-Encoding: chunked", content=b"2\r\nok\r\n0\r\n\r\n")


def test_an_answer_is_its_status_its_fields_and_its_content() -> None:
    """Order, case and repetition stay; what is for this hop only is dropped."""
    seen = read(
        answer(
            b"Set-Cookie: a", b"SET-Cookie: b", b"X-Hop: 1", b"Connection: x-hop", b"Content-Length: 2", content=b"ok"
        )
    )
    assert seen == Seen(
        200, b"OK", [(b"Set-Cookie", b"a"), (b"SET-Cookie", b"b")], 2, b"ok", True, True, None, [], None
    )


@pytest.mark.parametrize(
    ("data", "section"),
    [
        (answer(b"Content-Length: 2", b"Transfer-Encoding: chunked", content=b"0\r\n\r\n"), "9112 6.3"),
        (answer(b"Transfer-Encoding: chunked", b"Content-Length: 2", content=b"0\r\n\r\n"), "9112 6.3"),
        (answer(b"Content-Length: 2", b"Content-Length: 2", content=b"ok"), "9112 6.3"),
        (answer(b"Content-Length: 2", b"Content-Length: 3", content=b"ok"), "9112 6.3"),
        (answer(b"Content-Length: 2, 2", content=b"ok"), "9112 6.3"),
        (answer(b"Content-Length: +2", content=b"ok"), "9110 8.6"),
        (answer(b"Content-Length: -2", content=b"ok"), "9110 8.6"),
        (answer(b"Content-Length: 0x2", content=b"ok"), "9110 8.6"),
        (answer(b"Content-Length: 99999999999999999999"), "9110 8.6"),
        (answer(b"Content-Length: 9999999999999999999"), "9110 8.6"),
        (answer(b"Content-Length:"), "9110 8.6"),
        (answer(b"Transfer-Encoding: gzip", content=b"ok"), "9112 6.1"),
        (answer(b"Transfer-Encoding: gzip, chunked", content=b"0\r\n\r\n"), "9112 6.1"),
        (answer(b"Transfer-Encoding: chunked, chunked", content=b"0\r\n\r\n"), "9112 6.1"),
        (answer(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", content=b"0\r\n\r\n"), "9112 6.1"),
        (answer(b"Transfer-Encoding: identity", content=b"ok"), "9112 6.1"),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 6.1"),
        (answer(b"Content-Length : 2", content=b"ok"), "9112 5.1"),
        (answer(b"X: a", b" b", b"Content-Length: 2", content=b"ok"), "9112 5.2"),
        (answer(b"X: a\0b", b"Content-Length: 2", content=b"ok"), "9110 5.5"),
        (answer(b"X: a\rb", b"Content-Length: 2", content=b"ok"), "9110 5.5"),
        (answer(b"X: a\x7fb", b"Content-Length: 2", content=b"ok"), "9110 5.5"),
        (answer(b"X\x80: a", b"Content-Length: 2", content=b"ok"), "9110 5.1"),
        (answer(b"X", b"Content-Length: 2", content=b"ok"), "9112 5"),
        (answer(b": a", b"Content-Length: 2", content=b"ok"), "9112 5"),
        (OK.replace(b"\r\n", b"\n"), "9112 2.2"),
        (OK.replace(b"\r\n", b"\r"), "9112 2.2"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok", "9112 2.2"),
        (b"\r\n" + OK, "9112 2.2"),
        (b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "9112 2.3"),
        (b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok", "9112 2.3"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "9112 2.3"),
        (b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok", "9112 2.3"),
        (b"http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "9112 2.3"),
        (b"ok", "9112 4"),
        (b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok", "9112 4"),
        (answer(b"Content-Length: 0", status=b"20 OK"), "9112 4"),
        (answer(b"Content-Length: 0", status=b"2000 OK"), "9112 4"),
        (answer(b"Content-Length: 0", status=b"2x0 OK"), "9112 4"),
        (answer(b"Content-Length: 0", status=b"000 OK"), "9110 15"),
        (answer(b"Content-Length: 0", status=b"099 OK"), "9110 15"),
        (answer(b"Upgrade: a", b"Connection: upgrade", status=b"101 X"), "9110 15.2.2"),
        (answer(b"Transfer-Encoding: chunked", content=b"zz\r\n"), "9112 7.1"),
        (answer(b"Transfer-Encoding: chunked", content=b"-1\r\n"), "9112 7.1"),
        (answer(b"Transfer-Encoding: chunked", content=b"2\nok\r\n0\r\n\r\n"), "9112 7.1"),
        (answer(b"Transfer-Encoding: chunked", content=b"2\r\nokX\r\n0\r\n\r\n"), "9112 7.1"),
        (answer(b"Transfer-Encoding: chunked", content=b"fffffffffffffffff\r\n"), "9112 7.1"),
        (answer(b"Transfer-Encoding: chunked", content=b"FFFFFFFFFFFFFFFF\r\n"), "9112 7.1"),
        (answer(b"Transfer-Encoding: chunked", content=b"8000000000000000"), "9112 7.1"),
        (answer(b"Transfer-Encoding: chunked", content=b"\r\n"), "9112 7.1"),
        (answer(b"Transfer-Encoding: chunked", content=b"0\r\nX: a\nb: c\r\n\r\n"), "9112 7.1.2"),
        (answer(b"Transfer-Encoding: chunked", content=b"0\r\nX : a\r\n\r\n"), "9112 7.1.2"),
        (answer(b"Transfer-Encoding : chunked", content=b"0\r\n\r\n"), "9112 5.1"),
        (answer(b"X : a", b"Content-Length : 2", content=b"ok"), "9112 5.1"),
        (answer(b"X : a\x01", b"Content-Length: 2", content=b"ok"), "9110 5.5"),
        (answer(b"X : a", b" b", b"Content-Length: 2", content=b"ok"), "9112 5.2"),
        (answer(b"X: " + b"a" * 2 * MAX_HEAD, b"Content-Length: 0"), "limits.response_header"),
        (answer(b"X: " + b"a" * 2 * MAX_HEAD), "limits.response_header"),
    ],
)
def test_a_bad_answer_is_an_error(data: bytes, section: str) -> None:
    """RFC 9110 and 9112, in one read and octet by octet; a memo that knows good heads changes nothing."""
    memo = EagerMemo()
    read(OK, memo=memo)
    read(answer(b"Content-Length: 0"), memo=memo)
    assert read(data, memo=memo).error, section
    assert read(*_cut(data, 1), memo=memo).error, section


@pytest.mark.parametrize(
    "first",
    [
        answer(b"Proxy-Connection: close", b"Content-Length: 0"),
        answer(b"Transfer-Encoding: chunked", content=b"0\r\nConnection: close\r\n\r\n"),
        answer(b"Transfer-Encoding: chunked", content=b"0\r\nTransfer-Encoding: a\r\n\r\n"),
        b"HTTP/1.0 100 Continue\r\n\r\n" + OK,
    ],
)
def test_what_is_no_word_about_the_connection_spoils_no_later_answer(first: bytes) -> None:
    """RFC 9112 section 9.3: only Connection, in the head of the answer itself, says that it ends."""
    reading = Reading()
    assert reading.answer(first).complete
    assert reading.parser.keep_alive
    assert reading.answer(CHUNKED).complete


@pytest.mark.parametrize("content", [b"ok", b"x" * 2 * MAX_HEAD])
def test_a_head_of_exactly_the_limit_passes(content: bytes) -> None:
    """The limit is on all of its octets, from the version to the empty line."""
    fields = (b"Content-Length: %d" % len(content), b"X: %b")
    room = MAX_HEAD - len(answer(*fields)) + len(b"%b")
    assert read(answer(*fields, content=content).replace(b"%b", b"a" * room)).status == 200
    assert read(answer(*fields, content=content).replace(b"%b", b"a" * (room + 1))).error


@pytest.mark.parametrize("method", [b"HEAD", b"GET"])
@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified", b"200 OK"])
@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"X: none"])
def test_answers_without_content_end_with_their_head(method: bytes, status: bytes, framing: bytes) -> None:
    """RFC 9112 section 6.3: to HEAD, and with 204 and 304, whatever the fields say."""
    if method == b"GET" and status == b"200 OK":
        return
    reading = Reading()
    for _ in range(2):
        seen = reading.answer(answer(framing, status=status), method=method)
        assert (seen.complete, seen.content) == (True, b"")
        assert seen.length == (5 if b"5" in framing else None)
    assert reading.answer(OK).content == b"ok"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_content_where_there_is_none_costs_the_connection(status: bytes) -> None:
    """It is never passed on, and never read as the next answer."""
    seen = read(answer(b"Content-Length: 5", content=b"hello", status=status))
    assert (seen.complete, seen.content, seen.keep_alive) == (True, b"", False)
    assert read(answer(b"Content-Length: 5", content=b"hello"), method=b"HEAD").keep_alive is False


@pytest.mark.parametrize("extra", [b"x", OK, b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n", b"\0\0"])
@pytest.mark.parametrize("data", [OK, CHUNKED])
@pytest.mark.parametrize("known", [True, False])
def test_octets_behind_the_answer_cost_the_connection(extra: bytes, data: bytes, known: bool) -> None:
    """RFC 9112 section 9.2: the answer is good, what nobody asked for is never read."""
    memo = EagerMemo()
    if known:
        read(data, memo=memo)
    seen = read(data + extra, memo=memo)
    assert (seen.status, seen.content, seen.complete, seen.keep_alive) == (200, b"ok", True, False)


def test_content_without_a_length_ends_with_the_connection() -> None:
    """RFC 9112 section 6.3 rule 8; the connection cannot be used again."""
    reads = [answer(b"X: 1", content=b"a" * 100_000), b"b" * 100_000]
    assert read(*reads).complete is False
    seen = read(*reads, closed=True)
    assert (seen.content, seen.complete, seen.keep_alive) == (b"a" * 100_000 + b"b" * 100_000, True, False)


@pytest.mark.parametrize("data", [OK[:-1], OK[:-2], CHUNKED[:-1], CHUNKED[:-2], CHUNKED[:-9], OK[:20], b""])
def test_a_connection_that_closes_early_does_not_complete_an_answer(data: bytes) -> None:
    """Nothing is cut short silently."""
    assert read(*[data] * bool(data), closed=True).complete is False


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        (OK, True),
        (answer(b"Content-Length: 2", b"Connection: close", content=b"ok"), False),
        (answer(b"Content-Length: 2", b"Connection: a, CLOSE", content=b"ok"), False),
        (OK.replace(b"1.1", b"1.0"), False),
        (answer(b"Content-Length: 2", b"Connection: keep-alive", content=b"ok").replace(b"1.1", b"1.0"), True),
    ],
)
def test_whether_the_connection_goes_on(data: bytes, keeps: bool) -> None:
    """RFC 9112 section 9.3."""
    seen = read(data)
    assert (seen.complete, seen.keep_alive) == (True, keeps)


def test_a_long_body_of_known_length_needs_no_parser() -> None:
    """What is behind its end is not part of it."""
    content = b"x" * (3 * HIGH_WATER)
    reads = _cut(answer(b"Content-Length: %d" % len(content), content=content), 50_000)
    for tail, keeps in ((b"", True), (b"y", False)):
        seen = read(*reads[:-1], reads[-1] + tail)
        assert (seen.content, seen.complete, seen.keep_alive) == (content, True, keeps)


@pytest.mark.parametrize(("framing", "length"), [(b"Content-Length: 200000", 200_000), (b"X: 1", None)])
def test_an_unread_body_stops_the_reader(framing: bytes, length: int | None) -> None:
    """A slow client holds the backend back; what stops at the body says its length, where the head has."""
    reader = request_reading.Reader()
    parser = ResponseParser(reader, MAX_HEAD, EagerMemo())
    parser.expect(b"GET", None)
    parser.feed(answer(framing, content=b"x" * (HIGH_WATER // 2)))
    assert reader.pauses == 0

    parser.feed(b"x" * (HIGH_WATER // 2))

    assert reader.pauses == 1
    assert parser.response is not None
    assert isinstance(parser.response.body, Body)
    assert parser.response.body.length == length


def test_trailers_come_with_the_end() -> None:
    """They are no fields of the head."""
    seen = read(answer(b"Transfer-Encoding: chunked", content=b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"))
    assert seen.trailers == [(b"X-Sum", b"1")]
    assert seen.fields == []


@pytest.mark.parametrize("content", [b"2\r\nok\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"])
@pytest.mark.parametrize("step", [500, 1_000_000])
def test_trailers_are_limited(content: bytes, step: int) -> None:
    """However much content stood before them."""
    trailers = b"0\r\nX: " + b"a" * 40_000 + b"\r\n\r\n"
    data = answer(b"Transfer-Encoding: chunked", content=content)
    assert read(data, *_cut(trailers, step)).error


def test_chunk_extensions_are_limited() -> None:
    """A small one is skipped, one without end is an error."""
    assert read(answer(b"Transfer-Encoding: chunked", content=b"2;a=b\r\nok\r\n0\r\n\r\n")).content == b"ok"
    assert read(answer(b"Transfer-Encoding: chunked"), b"2;", *[b"a" * 500] * 100).error
    assert read(answer(b"Transfer-Encoding: chunked"), *[b"1;" + b"a" * 500 + b"\r\nx\r\n"] * 100).error


def test_interim_answers_come_before_the_final_one() -> None:
    """RFC 9110 section 15.2; each with its own fields, those of this hop dropped."""
    parser = ResponseParser(Reader(), MAX_HEAD, EagerMemo())
    parser.expect(b"GET", None)
    parser.feed(
        answer(b"Link: </a>", b"X-Hop: 1", b"Connection: x-hop", status=b"103 Early Hints")
        + answer(status=b"100 Continue")
    )
    assert [(status, reason, list(headers)) for status, reason, headers in parser.interims] == [
        (103, b"Early Hints", [(b"Link", b"</a>")]),
        (100, b"Continue", []),
    ]
    parser.feed(OK)
    assert parser.complete
    assert parser.keep_alive


def test_an_interim_answer_has_no_content() -> None:
    """RFC 9110 section 8.6: what its framing fields say is nothing."""
    seen = read(answer(b"Content-Length: 5", status=b"103 X") + OK)
    assert (seen.content, seen.interims) == (b"ok", [103])


@pytest.mark.parametrize("split", [True, False])
def test_interim_answers_without_end_are_an_error(split: bool) -> None:
    """Thirty-two are patience enough."""
    flood = [answer(status=b"103 X")] * (MAX_INTERIM + 1)
    assert read(*flood[:-1], OK).interims == [103] * MAX_INTERIM
    assert read(*(flood if split else [b"".join(flood)]), OK).error


def test_a_change_of_protocol_that_was_asked_for() -> None:
    """Octets behind the 101 are the new protocol's."""
    switch = answer(b"Upgrade: websocket", b"Connection: upgrade", b"X: 1", status=b"101 Switching Protocols")
    seen = read(switch + b"abc", upgrade=True)
    assert (seen.status, seen.switched, seen.fields) == (101, b"abc", [(b"X", b"1"), (b"Upgrade", b"websocket")])
    assert seen.keep_alive is False


@pytest.mark.parametrize("fields", [[b"Upgrade: websocket"], [b"Connection: upgrade"], []])
def test_a_change_of_protocol_that_is_not_said_properly(fields: list[bytes]) -> None:
    """RFC 9110 section 7.8: both fields, or neither end knows what it speaks."""
    assert read(answer(*fields, status=b"101 X"), upgrade=True).error


def test_a_final_answer_to_a_request_to_change_protocols() -> None:
    """The backend may decline."""
    seen = read(answer(b"Connection: upgrade", b"Upgrade: a", b"Content-Length: 2", content=b"no"), upgrade=True)
    assert (seen.content, seen.complete, seen.switched) == (b"no", True, None)


def test_a_reason_phrase_is_kept_as_it_came() -> None:
    """Who writes it judges it."""
    assert read(OK.replace(b"OK", b"Fine \xe9")).reason == b"Fine \xe9"
    assert read(OK.replace(b" OK", b"")).reason == b""


def test_a_head_that_came_before_comes_from_the_memo() -> None:
    """Both answers have the fields of one block."""
    memo, blocks = EagerMemo(), []
    for _ in range(3):
        reading = Reading(memo)
        assert reading.answer(OK).complete
        assert reading.parser.response is not None
        blocks.append(reading.parser.response.headers.base)

    assert blocks[1] is not None
    assert blocks[1] is blocks[2]


def test_the_memo_is_bounded() -> None:
    """A backend whose every head is new fills no memory."""
    memo = EagerMemo()
    for number in range(2 * ResponseMemo.most + 1):
        read(answer(b"X: %d" % number, b"Content-Length: 2", content=b"ok"), memo=memo)
        assert 0 < len(memo) <= ResponseMemo.most
    memo = EagerMemo()
    assert read(answer(b"X: " + b"a" * 2048, b"Content-Length: 2", content=b"ok"), memo=memo).complete
    assert len(memo) == 0


# -- properties


def _cut(data: bytes, step: int) -> list[bytes]:
    return [data[start : start + step] for start in range(0, len(data), step)]


def _cut_at(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % len(data) for place in places} - {0})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


ANSWERS = st.sampled_from(
    [
        OK,
        OK + b"x",
        OK + OK,
        OK[:-1],
        CHUNKED,
        CHUNKED + b"0\r\n\r\n",
        answer(b"Content-Length: 2", b"Connection: close", content=b"ok"),
        answer(b"Content-Length: 0"),
        answer(b"Content-Length: 0", content=b"x"),
        answer(b"Content-Length: 0", status=b"204 No Content"),
        answer(b"Content-Length: 7", status=b"304 Not Modified"),
        answer(b"Content-Length: 7", content=b"1234567"),
        answer(b"Content-Length: 7", content=b"123"),
        answer(b"X: until-close", content=b"abc"),
        answer(status=b"103 X") + OK,
        answer(status=b"100 Continue"),
        answer(b"Content-Length: 0", status=b"103 X") + OK,
        answer(b"Upgrade: a", b"Connection: upgrade", status=b"101 X") + b"abc",
        answer(b"Upgrade: a", b"Connection: upgrade", b"Content-Length: 0", status=b"101 X") + b"abc",
        answer(b"Content-Length: 2", b"Content-Length: 2", content=b"ok"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"\r\n\n\r\n\r\n" + OK,
        b"\r\n\n\r\n\r\n" + b"ok",
        b"garbage",
    ]
)
ASKED = st.tuples(ANSWERS, st.sampled_from([b"GET", b"HEAD"]), st.booleans(), st.lists(st.integers(0, 500), max_size=2))


@given(st.lists(ASKED, min_size=1, max_size=5), st.lists(ASKED, max_size=4))
@example([(OK + b"x", b"GET", False, [])], [(OK, b"GET", False, [])])
def test_what_was_read_before_changes_no_outcome(
    asked: list[tuple[bytes, bytes, bool, list[int]]], before: list[tuple[bytes, bytes, bool, list[int]]]
) -> None:
    """Note [The same head again]: a memo that was filled, and one that is empty, give the same."""
    memo = EagerMemo()
    for data, method, upgrade, places in [*before, *asked]:
        read(*_cut_at(data, places), memo=memo, method=method, upgrade=upgrade)
    warm, cold = Reading(memo), Reading()
    for data, method, upgrade, places in asked:
        reads = _cut_at(data, places)
        one = warm.answer(*reads, method=method, upgrade=upgrade)
        # A memo of its own for each answer: none of them is known.
        other = Reading().answer(*reads, method=method, upgrade=upgrade)
        assert one == other == cold.answer(*reads, method=method, upgrade=upgrade)
        if one.error or not (one.complete and one.keep_alive):
            break  # the connection is not used again


@given(ASKED)
@example((CHUNKED + b"0\r\n\r\n", b"HEAD", False, [47]))
@example((OK + OK, b"GET", False, [39]))
def test_however_an_answer_is_split_it_says_the_same(asked: tuple[bytes, bytes, bool, list[int]]) -> None:
    """Content, end and trailers; only what stands behind the end may go unseen."""
    data, method, upgrade, places = asked
    whole = read(data, method=method, upgrade=upgrade)
    split = read(*_cut_at(data, places), method=method, upgrade=upgrade)
    same = {"keep_alive": True, "switched": None} if whole.complete else {}
    assert split._replace(**same) == whole._replace(**same)  # type: ignore[arg-type]  # names of fields


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9), st.binary(max_size=4)), min_size=1, max_size=4))
def test_mutations_are_read_or_refused(changes: list[tuple[int, int, bytes]]) -> None:
    """Nothing but an answer or BackendProtocolError comes out, the same in one read as octet by octet."""
    for data in (OK, CHUNKED, answer(status=b"103 X") + OK):
        for place, dropped, piece in changes:
            data = data[:place] + piece + data[place + dropped :]
        if not data:
            continue
        memo = EagerMemo()
        read(OK, memo=memo)
        whole, split = read(data, memo=memo), read(*_cut(data, 1))
        if whole.complete and split.complete:
            assert (whole.status, whole.fields, whole.content, whole.trailers) == (
                split.status,
                split.fields,
                split.content,
                split.trailers,
            )
        else:
            assert not whole.complete or whole.error == split.error


@pytest.mark.parametrize(("protocol", "well"), [(b"WebSocket", True), (b"a", True), (b"b", False), (b"a, b", False)])
def test_only_what_was_asked_for_is_changed_to(protocol: bytes, well: bool) -> None:
    """RFC 9110 section 7.8: a backend that speaks something else is not what the client talks to."""
    seen = read(answer(b"Upgrade: " + protocol, b"Connection: upgrade", status=b"101 X"), upgrade=True)

    assert seen.error is not well


# -- what follows an answer, and what servers write


BEHIND = [
    OK,
    answer(b"X-Other: 1", b"Content-Length: 5", content=b"other"),
    answer(status=b"103 X") * 40,
    CHUNKED,
    b"HTTP/1.1 999 X\r\n\r\n",
    b"\r\n\r\n",
    b"x",
]


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize(
    ("method", "data", "content"),
    [
        (b"HEAD", answer(b"X-First: 1", b"Content-Length: 7"), b""),
        (b"HEAD", answer(b"X-First: 1", b"Transfer-Encoding: chunked"), b""),
        (b"HEAD", answer(b"X-First: 1"), b""),
        (b"GET", answer(b"X-First: 1", status=b"204 No Content"), b""),
        (b"GET", answer(b"X-First: 1", b"Content-Length: 7", status=b"304 Not Modified"), b""),
        (b"GET", answer(b"X-First: 1", b"Content-Length: 0"), b""),
        (b"GET", answer(b"X-First: 1", b"Content-Length: 2", content=b"ok"), b"ok"),
        (b"GET", answer(b"X-First: 1", b"Transfer-Encoding: chunked", content=b"2\r\nok\r\n0\r\n\r\n"), b"ok"),
        (b"GET", answer(status=b"103 X") + answer(b"X-First: 1", b"Content-Length: 2", content=b"ok"), b"ok"),
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_what_follows_a_complete_answer_never_counts(
    method: bytes, data: bytes, content: bytes, behind: bytes, known: bool
) -> None:
    """In the same read: neither its fields nor its status nor its octets are the answer's; the connection ends."""
    memo = EagerMemo()
    if known:
        read(data, memo=memo, method=method)
    seen = read(data + behind, memo=memo, method=method)
    assert (seen.complete, seen.keep_alive, seen.content) == (True, False, content)
    assert [name for name, _ in seen.fields or ()].count(b"X-First") == 1
    assert b"X-Other" not in [name for name, _ in seen.fields or ()]
    assert seen.interims in ([], [103])


@pytest.mark.parametrize("status", [b"600", b"799", b"999"])
def test_a_status_that_nobody_has_registered_passes(status: bytes) -> None:
    """With its number and its reason (RFC 9110 section 15: clients take it for a 5xx)."""
    seen = read(answer(b"Content-Length: 2", content=b"ok", status=status + b" Odd"))
    assert (seen.status, seen.reason, seen.content) == (int(status), b"Odd", b"ok")


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_whitespace_before_a_colon_is_removed(step: int) -> None:
    """RFC 9112 section 5.1, however the head is cut; the fields that say where the answer ends are not mended."""
    data = answer(b"Content-Type : text/plain", b"X-A\t :1", b"X-B: a : b", b"Content-Length: 2", content=b"ok")
    seen = read(*_cut(data, step))
    assert seen.fields == [(b"Content-Type", b"text/plain"), (b"X-A", b"1"), (b"X-B", b"a : b")]
    assert (seen.status, seen.reason, seen.content, seen.keep_alive) == (200, b"OK", b"ok", True)


@pytest.mark.parametrize("extension", [b";", b";;", b";a=b", b';a="b c"', b"; a = b", b";" + b"a" * 4000])
@pytest.mark.parametrize("step", [1, 10_000])
def test_chunk_extensions_pass(extension: bytes, step: int) -> None:
    """Whatever they say is nothing to us, up to `limits.response_header`."""
    content = b"2" + extension + b"\r\nok\r\n0" + extension + b"\r\nX: 1\r\n\r\n"
    seen = read(*_cut(answer(b"Transfer-Encoding: chunked", content=content), step))
    assert (seen.content, seen.trailers, seen.complete) == (b"ok", [(b"X", b"1")], True)


def test_trailers_up_to_the_limit_of_a_head_pass() -> None:
    """`limits.response_header` is for them too."""
    trailers = b"X: " + b"a" * (MAX_HEAD - 7) + b"\r\n\r\n"
    seen = read(answer(b"Transfer-Encoding: chunked", content=b"0\r\n" + trailers))
    assert seen.trailers == [(b"X", b"a" * (MAX_HEAD - 7))]
    assert read(answer(b"Transfer-Encoding: chunked", content=b"0\r\nX" + trailers)).error


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"timeout=5, max=100", 4.0),
        (b"max=2, timeout=1", 0.5),
        (b"Timeout=0", 0.0),
        (b"timeout=60, max=0", 0.0),
        (b'timeout = "3"', 2.0),
        (b"mytimeout=1", float("inf")),
        (b"x", float("inf")),
    ],
)
def test_how_long_the_connection_is_kept(said: bytes, seconds: float) -> None:
    """A little less than the backend says; also where its head comes again."""
    memo = EagerMemo()
    for _ in range(2):
        reading = Reading(memo)
        reading.answer(answer(b"Keep-Alive: " + said, b"Content-Length: 2", content=b"ok"))
        assert reading.parser.idle_for == seconds
    assert Reading(memo).parser.idle_for == float("inf")


LINES = st.one_of(
    st.sampled_from(
        [
            b"Content-Length: 2",
            b"Content-Length: 2",
            b"content-length: 02",
            b"Content-Length: 0",
            b"Content-Length: 7",
            b"Content-Length: 2, 2",
            b"Content-Length: +2",
            b"Content-Length: 2 ",
            b"Content-Length : 2",
            b"Content-Length: " + b"9" * 19,
            b"Transfer-Encoding: chunked",
            b"transfer-encoding: gzip",
            b"Upgrade: a",
            b"Connection: close",
            b"Connection: X, keep-alive",
            b"Connection: upgrade",
            b"Keep-Alive: timeout=5, max=3",
            b"Persistent-Auth: true",
            b"WWW-Authenticate: Negotiate",
            b"Host: a",
            b"X: 1",
            b"X: 1\t ",
            b"x:",
            b"X : 1",
            b" folded",
            b"no colon",
            b"",
            b"X: a\rb",
            b"X: a\nb",
            b"X: a\r",
            b"X: \0",
            b"X: " + b"a" * MAX_HEAD,
        ]
    ),
    st.binary(max_size=6).map(lambda octets: b"X: " + octets),
    st.binary(max_size=6),
)
STARTS = st.one_of(
    st.sampled_from(
        [
            *[b"HTTP/1.1 200 OK"] * 4,
            b"HTTP/1.1 204 No Content",
            b"HTTP/1.1 304 Not Modified",
            b"HTTP/1.1 200 ",
            b"HTTP/1.1 200",
            b"HTTP/1.1 200 OK ",
            b"HTTP/1.1  200 OK",
            b"HTTP/1.1 200 a\tb",
            b"HTTP/1.1 200 \xe9",
            b"HTTP/1.1 099 X",
            b"HTTP/1.1 100 Continue",
            b"HTTP/1.1 101 X",
            b"HTTP/1.1 600 X",
            b"HTTP/1.1 2000 X",
            b"HTTP/1.0 200 OK",
            b"HTTP/1.2 200 OK",
            b"RTSP/1.1 200 OK",
            b"http/1.1 200 OK",
        ]
    ),
    st.binary(max_size=4).map(lambda octets: b"HTTP/1.1 200 " + octets),
)
TAILS = st.sampled_from([b"ok", b"ok", b"o", b"", b"okx", OK, b"0\r\n\r\n"])


@given(STARTS, st.lists(LINES, max_size=6), TAILS, st.sampled_from([b"GET", b"HEAD"]), st.booleans())
@example(b"HTTP/1.1 200 OK", [b"Content-Length: 2", b"content-length: 02"], b"ok", b"GET", False)
@example(b"HTTP/1.1 200 OK", [b"Content-Length: 2", b"Transfer-Encoding: chunked"], b"ok", b"GET", False)
@example(b"HTTP/1.1 200 OK", [b"Content-Length: 2", b"Connection: X", b"X: 1"], b"ok", b"GET", False)
@example(b"HTTP/1.1 200 OK", [b"Content-Length: 2", b"Host: a", b"Host: a"], b"ok", b"GET", False)
def test_a_head_of_lines_that_came_before_is_read_as_llhttp_reads_it(
    start: bytes, lines: list[bytes], tail: bytes, method: bytes, upgrade: bool
) -> None:
    """Note [A new head of known lines]: its lines came before, alone; a head that comes in two reads is for llhttp."""
    for line in lines:
        for _ in range(2):
            read(answer(b"Content-Length: 2", line, content=b"ok"))
            read(answer(line, content=b"ok"))
    data = b"\r\n".join([start, *lines, b"", b""]) + tail
    whole, cut = Reading(), Reading()
    one = whole.answer(data, method=method, upgrade=upgrade)
    # What stands behind the end of an answer is not read on, so it comes with the second read.
    other = cut.answer(data[:1], data[1:], method=method, upgrade=upgrade)
    assert one == other
    if start.startswith(b"H"):  # else the first read tells, whatever else is wrong
        assert whole.said == cut.said
    if not one.error:
        assert whole.parser.idle_for == cut.parser.idle_for
        assert whole.parser.personal == cut.parser.personal
