from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.body import HIGH_WATER
from gateway.http1.content import CHUNK_OVERHEAD
from gateway.http1.request_parser import RequestMemo, RequestParser
from gateway.message import Request
from tests.http1.request_reading import MAX_FIELDS, MAX_HEAD, EagerMemo, Reader, Reading, Seen, read

PLAIN = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
OTHER = b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: websocket\r\n"


def post(*fields: bytes, content: bytes = b"") -> bytes:
    """Return a POST with these field lines."""
    return b"POST /a HTTP/1.1\r\nHost: h\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + content


def chunked(content: bytes) -> bytes:
    """Return a POST in chunks."""
    return post(b"Transfer-Encoding: chunked", content=content)


# -- what a request is


def test_a_request_is_its_line_its_fields_and_its_host() -> None:
    """Names, values, order and repetition stay as they were sent; white space around a value is none of it."""
    data = b"GET /a?b=c HTTP/1.1\r\nhOST: H.Example:80\r\nX-A:  1 \t\r\nX-B:\r\nX-A: 2\r\n\r\n"

    assert read(data) == [
        Seen(
            b"GET",
            b"/a?b=c",
            b"h.example:80",
            b"1.1",
            [(b"hOST", b"H.Example:80"), (b"X-A", b"1"), (b"X-B", b""), (b"X-A", b"2")],
        )
    ]


def test_content_that_came_with_the_head_does_not_wait_for_more() -> None:
    """A client may wait for the answer to its first octets before it sends others."""
    reading = Reading().feed(post(b"Content-Length: 9", content=b"abc"))
    assert reading.seen == [
        Seen(b"POST", b"/a", b"h", b"1.1", [(b"Host", b"h"), (b"Content-Length", b"9")], content=b"abc", complete=False)
    ]


def test_trailers_end_the_body() -> None:
    """Trailer fields stand on the body, not among the fields of the head."""
    (request,) = read(chunked(b"3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n"))
    assert isinstance(request, Seen)
    assert (request.content, request.trailers) == (b"abc", [(b"X-Sum", b"6")])
    assert b"X-Sum" not in dict(request.fields)


def test_a_long_body_passes_without_copies() -> None:
    """Between its ends a body of known length goes through as it was read; what follows it is a request."""
    content = b"x" * (3 * HIGH_WATER)
    reading = Reading().feed(post(b"Content-Length: %d" % len(content)), *_cut(content, 50_000)[:-1])
    last = _cut(content, 50_000)[-1]

    reading.feed(last + PLAIN)

    first, second = reading.seen
    assert isinstance(first, Seen)
    assert (first.content, first.complete) == (content, True)
    assert isinstance(second, Seen)
    assert second.target == b"/a"


def test_the_last_request_after_a_long_body_is_the_last() -> None:
    """`Connection: close` counts where the body passed without the parser, too."""
    content = b"x" * (3 * HIGH_WATER)
    reading = Reading().feed(
        post(b"Connection: close", b"Content-Length: %d" % len(content)), content[:-1], content[-1:] + PLAIN
    )
    assert reading.statuses == [0]
    assert reading.parser.stopped


def test_an_unread_body_stops_the_reader() -> None:
    """Nobody takes the content: after 64 KiB the connection is asked to read no more."""
    reader = Reader()
    parser = RequestParser(reader, MAX_HEAD, MAX_FIELDS, EagerMemo())
    parser.feed(chunked(b"8000\r\n" + b"x" * 0x8000 + b"\r\n"))
    assert reader.pauses == 0
    parser.feed(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
    assert reader.pauses == 1


# -- where the connection ends


@pytest.mark.parametrize(
    "reads", [(PLAIN[:-2] + b"Connection: close\r\n\r\n" + OTHER,), (PLAIN[:-2] + b"Connection: close\r\n\r\n", OTHER)]
)
def test_nothing_is_read_after_a_request_that_closes(reads: tuple[bytes, ...]) -> None:
    """RFC 9112 section 9.6, in one read or in two, and though the second head is known from before."""
    memo = EagerMemo()
    read(PLAIN, memo=memo)
    reading = Reading(memo).feed(*reads)
    assert reading.statuses == [0]
    assert reading.parser.stopped


def test_an_http_1_0_request_is_the_last_unless_it_says_otherwise() -> None:
    """RFC 9112 section 9.3."""
    old = b"GET /a HTTP/1.0\r\n\r\n"
    assert Reading().feed(old + old).statuses == [0]
    kept = b"GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    assert Reading().feed(kept + kept).statuses == [0, 0]


@pytest.mark.parametrize(
    "first",
    [PLAIN[:-2] + b"Proxy-Connection: close\r\n\r\n", chunked(b"0\r\nConnection: close\r\n\r\n")],
)
def test_what_is_no_word_about_the_connection_does_not_end_it(first: bytes) -> None:
    """RFC 9112 section 9.3: only Connection, in a head, does."""
    assert Reading().feed(first, OTHER).statuses == [0, 0]


def test_after_an_error_nothing_is_read() -> None:
    """What another parser would take for a request is none behind an error."""
    reading = Reading().feed(b"GET /a HTTP/1.1\r\n\r\n", PLAIN)
    assert reading.seen == ["request.malformed"]
    assert reading.parser.stopped


def test_a_request_whose_first_octets_of_content_are_malformed_is_never_delivered() -> None:
    """Head and error in one read: the error stands in place of the request."""
    assert read(chunked(b"zz\r\n")) == ["request.malformed"]


def test_a_body_that_goes_wrong_later_fails() -> None:
    """The exchange under way learns it from its body, the client from the error."""
    reading = Reading().feed(chunked(b"2\r\nab\r\n"), b"zz\r\n")
    request, error = reading.seen
    assert isinstance(request, Seen)
    assert not request.complete
    assert error == "request.malformed"


# -- heads that share a read with something else


def test_half_a_head_behind_a_request_is_a_head_under_way() -> None:
    """The time limit for heads holds for it, and a known head that follows is part of it, not a request."""
    memo = EagerMemo()
    read(OTHER, memo=memo)
    reading = Reading(memo).feed(PLAIN + b"GET /c HTTP/1.1\r\nX: ")
    assert reading.parser.in_head

    reading.feed(OTHER)

    second = reading.seen[1]
    assert isinstance(second, Seen)
    assert (second.target, second.fields) == (b"/c", [(b"X", b"GET /b HTTP/1.1"), (b"Host", b"h")])


def test_a_single_octet_is_a_head_under_way() -> None:
    """Behind a request, too."""
    assert Reading().feed(b"G").parser.in_head
    assert Reading().feed(PLAIN + b"G").parser.in_head
    assert not Reading().feed(PLAIN).parser.in_head


# -- limits


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("lead", [b"", PLAIN])
def test_a_head_without_end_is_cut_off(step: int, lead: bytes) -> None:
    """However it drips: 431 after at most twice the limit."""
    head = b"GET /a HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 2 * MAX_HEAD
    reading = Reading().feed(lead)
    fed = 0
    for data in _cut(head, step):
        if reading.parser.stopped:
            break
        reading.feed(data)
        fed += len(data)
    assert reading.statuses == [0] * bool(lead) + [431]
    assert step > MAX_HEAD or fed <= MAX_HEAD + step


def test_empty_lines_without_end_are_cut_off() -> None:
    """RFC 9112 section 2.2 lets a server skip one; it is not a way to hold a connection."""
    reading = Reading().feed(*[b"\r\n" * 16] * (MAX_HEAD // 16))
    assert reading.seen == ["request.header_too_large"]


def test_empty_lines_are_counted_for_each_head() -> None:
    """Those in front of the request before do not count; one octet more than a head may have is too many."""
    reading = Reading().feed(b"\r\n", PLAIN, b"\r\n" * (MAX_HEAD // 2))
    assert reading.statuses == [0]

    assert reading.feed(b"\n").statuses == [0, 431]


@pytest.mark.parametrize("blank", [b" ", b"\t", b"\x0b", b"\x0c"])
@pytest.mark.parametrize("lead", [b"", b"\r\n", PLAIN])
def test_only_empty_lines_are_skipped_in_front_of_a_request(lead: bytes, blank: bytes) -> None:
    """RFC 9112 section 2.2: another blank there is what a smuggled line begins with."""
    assert Reading().feed(lead + blank + OTHER).statuses == [0] * (lead == PLAIN) + [400]


@pytest.mark.parametrize("behind", [b"", PLAIN])
@pytest.mark.parametrize("lead", [b"", PLAIN])
def test_a_head_of_exactly_the_limit_passes(lead: bytes, behind: bytes) -> None:
    """The limit is on all of its octets, from the method to the empty line, whatever shares its read."""
    head = b"GET /a HTTP/1.1\r\nHost: h\r\nX: %b\r\n\r\n"
    room = MAX_HEAD - len(head % b"")
    others = [0] * (bool(lead) + bool(behind))
    assert Reading().feed(lead + head % (b"a" * room) + behind).statuses == [0, *others]
    assert Reading().feed(lead + head % (b"a" * (room + 1)) + behind).statuses == [0] * bool(lead) + [431]


@pytest.mark.parametrize(("count", "status"), [(MAX_FIELDS, 0), (MAX_FIELDS + 1, 431)])
@pytest.mark.parametrize("step", [3, 100_000])
def test_field_lines_are_counted(count: int, status: int, step: int) -> None:
    """`limits.header_fields`, Host included."""
    head = b"GET /a HTTP/1.1\r\nHost: h\r\n" + b"X: 1\r\n" * (count - 1) + b"\r\n"
    assert Reading().feed(*_cut(head, step)).statuses == [status]


@pytest.mark.parametrize("step", [5, 1000, 100_000])
@pytest.mark.parametrize("trailers", [b"X: " + b"a" * 2 * MAX_HEAD + b"\r\n", b"X: 1\r\n" * (MAX_FIELDS + 1)])
@pytest.mark.parametrize("content", [b"1\r\na\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"])
def test_trailers_are_limited_as_heads_are(step: int, trailers: bytes, content: bytes) -> None:
    """However much content stood before them."""
    reading = Reading().feed(chunked(content), *_cut(b"0\r\n" + trailers + b"\r\n", step))
    assert reading.statuses[-1] == 431
    assert not isinstance(reading.seen[0], Seen) or not reading.seen[0].complete


def test_a_chunk_extension_without_end_is_cut_off() -> None:
    """Small ones are skipped (RFC 9112 section 7.1.1), a flood is refused."""
    assert Reading().feed(chunked(b'1;a=b;c="d"\r\nx\r\n0\r\n\r\n')).statuses == [0]
    reading = Reading().feed(chunked(b"1;"))
    fed = 0
    while not reading.parser.stopped:
        reading.feed(b"a" * 512)
        fed += 512
    assert reading.statuses == [0, 400]
    assert fed <= MAX_HEAD + 1024


def test_chunks_of_one_octet_with_long_extensions_are_cut_off() -> None:
    """More than nine octets of framing for each of content, and 16 KiB on top, is no message."""
    reading = Reading().feed(chunked(b""))
    fed = 0
    while not reading.parser.stopped and fed < 1_000_000:
        reading.feed(b"1;" + b"a" * 500 + b"\r\nx\r\n")
        fed += 507
    assert reading.statuses == [0, 400]
    assert fed < 2 * CHUNK_OVERHEAD


def test_chunks_of_one_octet_pass() -> None:
    """Six octets a chunk is what a trickling sender makes."""
    reading = Reading().feed(chunked(b""), *[b"1\r\nx\r\n"] * 10_000, b"0\r\n\r\n")
    (request,) = reading.seen
    assert isinstance(request, Seen)
    assert request.content == b"x" * 10_000


# -- a change of protocol


def test_octets_behind_a_request_to_change_protocols_are_held() -> None:
    """They are the new protocol's, or requests if nothing comes of it."""
    reading = Reading().feed(PLAIN[:-2] + UPGRADE + b"\r\nab", b"cd")
    (request,) = reading.seen
    assert isinstance(request, Seen)
    assert request.upgrade == b"websocket"
    assert reading.parser.held == b"abcd"
    assert reading.parser.resume() == b"abcd"
    assert reading.feed(OTHER).statuses == [0, 0]


@pytest.mark.parametrize("protocol", [b"h2c", b"H2C", b"h2", b"HTTP/2.0", b"TLS/1.3", b"a, h2c", b"a,\th2c"])
def test_a_change_to_another_http_is_ignored(protocol: bytes) -> None:
    """RFC 9110 section 7.8: past every rule of the gateway it would lead."""
    (request,) = read(PLAIN[:-2] + b"Connection: upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n")
    assert isinstance(request, Seen)
    assert request.upgrade is None


@pytest.mark.parametrize("step", [1, 30, 100_000])
@pytest.mark.parametrize(
    ("framing", "content"), [(b"Content-Length: 3", b"abc"), (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")]
)
def test_a_request_with_content_does_not_change_protocols(step: int, framing: bytes, content: bytes) -> None:
    """Its content is read as content, however many of them there are, and what follows as a request."""
    one = post(framing, b"Connection: upgrade", b"Upgrade: websocket", content=content)
    data = one * 20 + OTHER
    seen = read(*_cut(data, step))
    assert [(item.content, item.upgrade, item.complete) for item in seen if isinstance(item, Seen)] == [
        (b"abc", None, True)
    ] * 20 + [(None, None, True)]


def test_malformed_content_of_a_request_to_change_protocols_is_an_error() -> None:
    """The parser does not raise."""
    assert read(post(b"Transfer-Encoding: chunked", b"Connection: upgrade", b"Upgrade: a", content=b"zz\r\n")) == [
        "request.malformed"
    ]


def test_a_request_to_change_protocols_behind_one_with_content() -> None:
    """Both in one read."""
    reading = Reading().feed(
        post(b"Content-Length: 2", b"Connection: upgrade", b"Upgrade: a", content=b"zz")
        + PLAIN[:-2]
        + UPGRADE
        + b"\r\nrest"
    )
    assert reading.statuses == [0, 0]
    assert reading.parser.held == b"rest"


def test_a_request_with_content_that_closes_is_the_last() -> None:
    """Though it asks to change protocols and its content was read by another parser."""
    data = post(b"Content-Length: 2", b"Connection: close, upgrade", b"Upgrade: a", content=b"zz") + OTHER
    reading = Reading().feed(data)
    assert reading.statuses == [0]
    assert reading.parser.stopped


# -- methods that are not forwarded


@pytest.mark.parametrize("method", [b"FOO", b"get", b"CONNECT", b"SOURCE", b"X-Y", b"GETS"])
def test_unknown_methods_are_501(method: bytes) -> None:
    """RFC 9110 section 15.6.2."""
    target = b"h:80" if method == b"CONNECT" else b"/a"
    assert Reading().feed(method + b" " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n").statuses == [501]


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x02", b"(GET) /a HTTP/1.1\r\n\r\n", b"\x00 /a HTTP/1.1\r\n\r\n"])
def test_what_is_no_method_is_400(data: bytes) -> None:
    """A TLS handshake on a plain port, for one."""
    assert Reading().feed(data).statuses == [400]


@pytest.mark.parametrize("lead", [b"", PLAIN, chunked(b"0\r\n\r\n")])
@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("line", [b"GET  /b HTTP/1.1", b"GET /b  HTTP/1.1", b"GET /b RTSP/1.0", b"GET /b RTSP/1.1"])
def test_a_line_that_llhttp_would_forgive_is_400(line: bytes, step: int, lead: bytes) -> None:
    """Wherever in a read it begins."""
    data = lead + line + b"\r\nHost: h\r\n\r\n"
    assert Reading().feed(*_cut(data, step)).statuses == [0] * bool(lead) + [400]


@pytest.mark.parametrize("line", [b"GET /b\r\n", b"GET /b\n", b"\r\nGET /b\r\n"])
def test_a_line_without_a_version_is_400_at_once(line: bytes) -> None:
    """A client of HTTP/0.9 sends nothing more."""
    assert Reading().feed(PLAIN, line).statuses == [0, 400]


def test_garbage_behind_a_request_is_400() -> None:
    """The method of the request before it is not what it begins with."""
    assert Reading().feed(PLAIN + b"\x16\x03\x01").statuses == [0, 400]


# -- the memo


def test_a_head_is_remembered_up_to_a_size_and_a_number() -> None:
    """What a client can make the gateway keep is bounded."""
    memo = EagerMemo()
    parser = RequestParser(Reader(), 10 * RequestMemo.longest, MAX_FIELDS, memo)
    parser.feed(PLAIN[:-2] + b"X: " + b"a" * RequestMemo.longest + b"\r\n\r\n")
    assert len(memo) == 0
    for number in range(2 * RequestMemo.most + 1):
        parser.feed(PLAIN[:-2] + b"X: %d\r\n\r\n" % number)
        assert 0 < len(memo) <= RequestMemo.most


@pytest.mark.parametrize("size", [len(PLAIN), MAX_HEAD])
def test_a_known_head_that_shares_its_read_comes_from_the_memo(size: int) -> None:
    """All requests of a pipeline have the fields of one block, up to the limit of a head."""
    head = PLAIN[:-2] + (b"X: " + b"a" * (size - len(PLAIN) - 5) + b"\r\n" if size > len(PLAIN) else b"") + b"\r\n"
    parser = RequestParser(Reader(), MAX_HEAD, MAX_FIELDS, EagerMemo())
    parser.feed(head)
    parser.feed(head * 2)

    blocks = [request.headers.base for request in parser.requests if isinstance(request, Request)]
    assert len(head) == size
    assert len(blocks) == 3
    assert blocks[1] is not None
    assert blocks[1] is blocks[2]


def test_what_is_changed_on_a_request_is_not_changed_in_the_memo() -> None:
    """Middleware may change the fields of its exchange, of that only."""
    memo = EagerMemo()
    parser = RequestParser(Reader(), MAX_HEAD, MAX_FIELDS, memo)
    for _ in range(3):
        parser.feed(PLAIN)
        request = parser.requests.pop(0)
        assert isinstance(request, Request)
        assert list(request.headers) == [(b"Host", b"h")]
        request.headers.add(b"X", b"1")
        request.headers.remove(b"Host")


# -- properties


def _cut(data: bytes, step: int) -> list[bytes]:
    return [data[start : start + step] for start in range(0, len(data), step)]


def _cut_at(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % len(data) for place in places} - {0})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


TOKEN = st.sampled_from([b"X-A", b"x-b", b"Accept", b"Cookie", b"X_C"])
VALUE = st.sampled_from([b"", b"1", b"a, b", b"caf\xc3\xa9", b'"x"; y=1'])
FIELDS = st.lists(st.tuples(TOKEN, VALUE), max_size=4)
CONTENT = st.one_of(st.binary(max_size=40), st.sampled_from([b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", b"0\r\n\r\n"]))


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, Seen]:
    """Draw a valid request: its octets, and what they mean."""
    kind = draw(st.sampled_from(["none", "length", "chunked", "upgrade-with-content"]))
    method = draw(st.sampled_from([b"GET", b"HEAD", b"PROPFIND"])) if kind == "none" else b"POST"
    target = draw(st.sampled_from([b"/", b"/a?b", b"/%7E/|", b"*" if method == b"OPTIONS" else b"/x"]))
    fields = [(b"Host", b"h"), *draw(FIELDS)]
    content: bytes | None = None
    trailers: list[tuple[bytes, bytes]] | None = None
    tail = b""
    if kind == "upgrade-with-content":
        fields += [(b"Connection", b"upgrade"), (b"Upgrade", b"websocket")]
    if kind in ("length", "upgrade-with-content"):
        content = draw(CONTENT.filter(bool))
        fields.append((b"Content-Length", b"%d" % len(content)))
        tail = content
    elif kind == "chunked":
        parts = draw(st.lists(CONTENT.filter(bool), max_size=3))
        trailers = draw(FIELDS) or None
        fields.append((b"Transfer-Encoding", b"chunked"))
        content = b"".join(parts)
        extension = draw(st.sampled_from([b"", b";a", b';a="b"']))
        tail = b"".join(b"%X%b\r\n%b\r\n" % (len(part), extension, part) for part in parts) + b"0\r\n"
        tail += b"".join(b"%b: %b\r\n" % field for field in trailers or []) + b"\r\n"
    head = b"%b %b HTTP/1.1\r\n" % (method, target) + b"".join(b"%b: %b\r\n" % field for field in fields)
    empty_line = draw(st.sampled_from([b"", b"", b"\r\n"]))
    return empty_line + head + b"\r\n" + tail, Seen(method, target, b"h", b"1.1", fields, content, trailers)


@given(st.lists(messages(), min_size=1, max_size=5), st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_however_the_octets_are_split_the_requests_are_the_same(
    stream: list[tuple[bytes, Seen]], places: list[int], warm: bool
) -> None:
    """Requests, content and trailers are what was meant, whatever a read holds."""
    data = b"".join(octets for octets, _ in stream)
    memo = EagerMemo()
    if warm:
        for octets, _ in stream:
            read(octets, memo=memo)
    assert read(*_cut_at(data, places), memo=memo) == [meant for _, meant in stream]


@given(st.lists(messages(), min_size=1, max_size=3))
def test_octet_by_octet_the_requests_are_the_same(stream: list[tuple[bytes, Seen]]) -> None:
    """The smallest reads there are."""
    data = b"".join(octets for octets, _ in stream)
    assert read(*_cut(data, 1)) == [meant for _, meant in stream]


HEADS = st.sampled_from(
    [
        PLAIN,
        OTHER,
        PLAIN * 2,
        PLAIN + b"GET /c HTTP/1.1\r\nX: ",
        PLAIN + b"GET /c",
        PLAIN + b"\r\n",
        PLAIN[:-2],
        b"\r\n",
        PLAIN[:-2] + b"Connection: close\r\n\r\n",
        PLAIN[:-2] + b"Connection: keep-alive, close x\r\n\r\n",
        PLAIN[:-2] + b"Connection: Close\r\n\r\n",
        b"GET /a HTTP/1.0\r\nHost: h\r\n\r\n",
        PLAIN[:-2] + UPGRADE + b"\r\n",
        PLAIN[:-2] + b"Upgrade: websocket\r\n\r\n",
        PLAIN[:-2] + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        post(b"Content-Length: 0"),
        post(b"Content-Length: 3", content=b"abc"),
        post(b"Content-Length: 3", content=b"a"),
        b"bc",
        chunked(b"3\r\nabc\r\n0\r\n\r\n"),
        chunked(b"3\r\nab"),
        b"GET /a HTTP/1.1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        PLAIN[:-2] + b"X: 1\r\n" * MAX_FIELDS + b"\r\n",
        PLAIN[:-2] + b"X: " + b"a" * MAX_HEAD + b"\r\n\r\n",
    ]
)


@given(st.lists(HEADS, max_size=6), st.lists(st.lists(HEADS, max_size=4), max_size=4))
@example([PLAIN + b"GET /c HTTP/1.1\r\nX: ", PLAIN], [[PLAIN]])
@example([PLAIN[:-2] + b"Connection: close\r\n\r\n", PLAIN], [[PLAIN]])
def test_what_was_read_before_changes_no_outcome(reads: list[bytes], others: list[list[bytes]]) -> None:
    """Note [The same head again]: a memo that other connections filled, and one that is empty, give the same."""
    memo = EagerMemo()
    for other in others:
        read(*other, memo=memo)
    for data in reads:
        read(data, memo=memo)
    warm, cold = Reading(memo).feed(*reads), Reading().feed(*reads)
    assert warm.seen == cold.seen
    for state in ("stopped", "held", "in_head", "reading_body"):
        assert getattr(warm.parser, state) == getattr(cold.parser, state)


@given(st.binary(min_size=1, max_size=30))
def test_a_target_is_taken_or_refused_alike(octets: bytes) -> None:
    """The pattern that recognises a request line takes no octet that the long way refuses."""
    memo = EagerMemo()
    read(PLAIN, memo=memo)
    data = b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n" % octets
    assert read(data, memo=memo) == read(data)


VALID = b"".join(
    [
        PLAIN,
        post(b"Content-Length: 3", content=b"abc"),
        chunked(b"3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n"),
        post(b"Content-Length: 2", b"Connection: upgrade", b"Upgrade: a", content=b"zz"),
        PLAIN,
    ]
)
PIECES = st.one_of(
    st.binary(min_size=0, max_size=3),
    st.sampled_from(
        [
            b"\r",
            b"\n",
            b"\r\n",
            b"\r\n\r\n",
            b"\0",
            b" ",
            b"\t",
            b":",
            b"Content-Length: 3\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n",
            b"Connection: upgrade\r\nUpgrade: a\r\n",
            b"Connection: close\r\n",
            b"Host: x\r\n",
            b"0\r\n\r\n",
            b"+",
            b"0x",
            b"HTTP/1.0",
        ]
    ),
)


@given(
    st.lists(st.tuples(st.integers(0, len(VALID)), st.integers(0, 12), PIECES), min_size=1, max_size=4),
    st.lists(st.integers(0, 10_000), max_size=6),
)
def test_mutations_have_one_reading_or_none(changes: list[tuple[int, int, bytes]], places: list[int]) -> None:
    """Only requests and errors come out, the same ones however the octets are split and whatever was read before."""
    data = VALID
    for place, dropped, piece in changes:
        data = data[:place] + piece + data[place + dropped :]
    if not data:
        return
    memo = EagerMemo()
    for known in (PLAIN, post(b"Content-Length: 0")):
        read(known, memo=memo)
    whole = read(data)
    split = read(*_cut_at(data, places), memo=memo)
    assert _readings(whole) == _readings(split)


def _readings(seen: list[Seen | str]) -> list[Seen]:
    """Return the requests whose end has come: one that broke off may or may not have been delivered before."""
    return [item for item in seen if isinstance(item, Seen) and item.complete]


_IN_CHUNKS = b"1;\r\na\r\n2;x\r\n\r\n\r\n0;\r\nX: 1\r\n\r\n"
_MESSAGES = {
    b"GET /chunked HTTP/1.1\r\nHost: h\r\n\r\n": None,
    b"\r\n" + chunked(_IN_CHUNKS): b"a\r\n",
    chunked(b"0\r\n\r\n"): b"",
    **{
        post(b"Content-Length: %d" % len(content), content=content): content
        for content in (b"c", b"\r\n", b"\r\n\r\n", b"chunked\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1;\r\n")
    },
}
"""Requests, each with the content that is read."""


@given(st.lists(st.sampled_from(list(_MESSAGES)), max_size=5), st.lists(st.integers(0, 500), max_size=6))
@example([post(b"Content-Length: 1", content=b"c"), chunked(b"0\r\n\r\n")], [])
def test_chunks_are_found_wherever_a_read_ends(messages: list[bytes], cuts: list[int]) -> None:
    """Requests of all kinds, cut anywhere: each line of a chunk is looked at, and nothing else is."""
    data = b"".join(messages)
    places = sorted({min(cut, len(data)) for cut in cuts})

    reading = Reading().feed(*(data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)))

    assert reading.statuses == [0] * len(messages)
    assert [one.content for one in reading.seen if isinstance(one, Seen)] == [_MESSAGES[one] for one in messages]
    overflow = Reading().feed(data + chunked(b"FFFFFFFFFFFFFFFF\r\n"))
    assert overflow.statuses[len(messages) :] == [400]


LINES = st.one_of(
    st.sampled_from(
        [
            b"Host: h",
            b"Host: h",
            b"host: other",
            b"Host: a b",
            b"Host:",
            b"X: 1",
            b"X: 1 \t",
            b"X:",
            b" folded",
            b"\tfolded: 1",
            b"X : 1",
            b"no colon",
            b"",
            b"X: a\rb",
            b"X: a\nb",
            b"X: a\r",
            b"X: \0",
            b"Connection: close",
            b"connection: Keep-Alive, host",
            b"Connection: upgrade",
            b"Upgrade: websocket",
            b"Content-Length: 0",
            b"content-length: 00",
            b"Content-Length: 3",
            b"Content-Length: 3, 3",
            b"Content-Length: +3",
            b"Content-Length: 3 ",
            b"Content-Length: " + b"9" * 19,
            b"Content-Length:\t3",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding : chunked",
            b"Transfer-Encoding:\tchunked",
            b"transfer-encoding: identity",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer_Encoding: chunked",
            b"Expect: 100-continue",
            b"Proxy-Connection: close",
            b"X: " + b"a" * (MAX_HEAD - 40),
        ]
    ),
    st.binary(max_size=6).map(lambda octets: b"X: " + octets),
    st.binary(max_size=6),
)
STARTS = st.sampled_from([b"GET /a HTTP/1.1", b"HEAD / HTTP/1.1", b"POST /a?b HTTP/1.1", b"GET / HTTP/1.0"])
TAILS = st.sampled_from([b"", b"", b"", b"abc", PLAIN, b"\r\n", b"0\r\n\r\n"])


@given(STARTS, st.lists(LINES, max_size=6), TAILS, st.sampled_from([0, 0, MAX_FIELDS - 2, MAX_FIELDS - 1]))
@example(b"GET / HTTP/1.1", [b"Host: h", b"X: 1"], b"", MAX_FIELDS - 1)
@example(b"GET / HTTP/1.1", [b"Host: h", b"Content-Length: 3", b"content-length: 3"], b"", 0)
@example(b"GET / HTTP/1.1", [b"Host: h", b"Content-Length: 0", b"Transfer-Encoding: chunked"], b"0\r\n\r\n", 0)
@example(b"GET / HTTP/1.1", [b"Host: h", b"Host: h"], b"", 0)
@example(b"GET / HTTP/1.1", [b"Connection: close", b"Host: h"], b"", 0)
@example(b"GET / HTTP/1.1", [b"Host: h", b"Content-Length: 3"], b"", 0)
@example(b"GET / HTTP/1.1", [b"Connection: upgrade", b"Upgrade: websocket", b"Host: h"], b"", 0)
@example(b"GET / HTTP/1.1", [b"Host: a b"], b"", 0)
def test_a_head_of_lines_that_came_before_is_read_as_llhttp_reads_it(
    start: bytes, lines: list[bytes], tail: bytes, more: int
) -> None:
    """Note [A new head of known lines]: its lines came before, alone; a head that comes in two reads is for llhttp."""
    for line in lines:
        for _ in range(2):
            read(b"GET / HTTP/1.1\r\nHost: h\r\n%b\r\n\r\n" % line)
            read(b"GET / HTTP/1.1\r\n%b\r\n\r\n" % line)
    data = b"\r\n".join([start, *lines, *[b"X: 1"] * more, b"", b""]) + tail
    whole, cut = Reading().feed(data), Reading().feed(data[:1], data[1:])
    assert whole.seen == cut.seen
    assert whole.reasons == cut.reasons
    for state in ("stopped", "held", "in_head", "reading_body"):
        assert getattr(whole.parser, state) == getattr(cut.parser, state)
    assert whole.parser.refused().headers == cut.parser.refused().headers
    assert whole.parser.refused().target == cut.parser.refused().target
