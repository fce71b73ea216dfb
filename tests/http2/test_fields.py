from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BackendProtocolError, GatewayError, HeaderTooLarge, MalformedRequest, MethodUnknown
from gateway.headers import Headers
from gateway.http1.framing import CHUNKED
from gateway.http2 import fields
from gateway.http2.events import Head, Trailers
from gateway.http2.fields import AnswerBlocks, OutwardLines, RequestBlocks, TrailerBlocks
from gateway.message import Request

PSEUDO = {b":method": b"GET", b":scheme": b"https", b":authority": b"Api.Example:443", b":path": b"/a?b=c"}


def head(block: bytes = b"", end: bool = True, too_large: bool = False, **pseudo: bytes | None) -> Head:
    """A head; pseudo-fields that are None are left out."""
    changed = PSEUDO | {b":" + name.encode(): value for name, value in pseudo.items()}
    pairs = tuple((name, value) for name, value in changed.items() if value is not None)
    return Head(1, pairs, block, end, too_large)


def read(head: Head, **options: Any) -> tuple[Request, int]:
    """Read a head that nobody has seen before."""
    return fields.request_of(head, RequestBlocks(), **options)


def test_a_request_is_made_of_its_head() -> None:
    """As HTTP/1.1 would have said it: Host is there, and in one spelling where it counts."""
    request, length = read(head(b"accept: */*\r\nx-a: 1\r\n"))

    assert (request.method, request.target, request.path, request.query) == (b"GET", b"/a?b=c", b"/a", b"b=c")
    assert (request.host, request.version, length) == (b"api.example:443", b"2", 0)
    assert request.headers.get(b"Host") == b"Api.Example:443"
    assert list(request.headers) == [(b"accept", b"*/*"), (b"x-a", b"1"), (b"Host", b"Api.Example:443")]


def test_host_stands_for_an_authority() -> None:
    """A request that came through a gateway from HTTP/1.1 may have it alone (RFC 9113 section 8.3.1)."""
    request, _ = read(head(b"host: Other\r\n", authority=None))

    assert request.host == b"other"
    assert list(request.headers) == [(b"host", b"Other")]


def test_both_may_be_there_where_they_are_the_same() -> None:
    """In whatever spelling."""
    assert read(head(b"host: API.example:443\r\n"))[0].host == b"api.example:443"


def test_crumbs_of_cookie_are_one_field() -> None:
    """In the place of the first (RFC 9113 section 8.2.3)."""
    request, _ = read(head(b"cookie: a=b\r\nx: 1\r\ncookie: c=d\r\ncookie: e\r\n"))

    assert list(request.headers)[:2] == [(b"cookie", b"a=b; c=d; e"), (b"x", b"1")]
    assert request.headers.get_all(b"cookie") == [b"a=b; c=d; e"]


@pytest.mark.parametrize(
    ("block", "end", "length"),
    [
        (b"", True, 0),
        (b"content-length: 0\r\n", True, 0),
        (b"", False, CHUNKED),
        (b"content-length: 5\r\n", False, 5),
        (b"content-length: 0\r\n", False, 0),
    ],
)
def test_how_much_content_follows(block: bytes, end: bool, length: int) -> None:
    """None at the end of the stream; without a length it is not known."""
    assert read(head(block, end))[1] == length


def test_the_same_block_may_come_with_and_without_an_end() -> None:
    """What is remembered of a block does not say whether content follows."""
    memo = RequestBlocks()

    assert [fields.request_of(head(end=end), memo)[1] for end in (True, True, False, True, False)] == [
        0, 0, CHUNKED, 0, CHUNKED,
    ]  # fmt: skip


def test_for_options_the_target_may_be_an_asterisk() -> None:
    """And for no other method."""
    assert read(head(method=b"OPTIONS", path=b"*"))[0].target == b"*"
    with pytest.raises(MalformedRequest):
        read(head(path=b"*"))


BAD: list[tuple[str, Head]] = [
    ("pseudo twice", Head(1, (*PSEUDO.items(), (b":path", b"/b")), b"", True, False)),
    ("unknown pseudo", head(foo=b"x")),
    ("pseudo of an answer", head(status=b"200")),
    ("pseudo behind a field", head(b"x: 1\r\n:path: /b\r\n")),
    ("no method", head(method=None)),
    ("method of two words", head(method=b"GET /")),
    ("method in no ASCII", head(method=b"G\xe9T")),
    ("no scheme", head(scheme=None)),
    ("another scheme", head(scheme=b"ftp")),
    ("scheme in upper case", head(scheme=b"HTTP")),
    ("no path", head(path=None)),
    ("empty path", head(path=b"")),
    ("path without slash", head(path=b"a")),
    ("a URL for a path", head(path=b"http://other/a")),
    ("a URL without path", head(method=b"OPTIONS", path=b"http://other")),
    ("a fragment", head(path=b"/a#b")),
    ("a blank in the path", head(path=b"/a b")),
    ("a line in the path", head(path=b"/a HTTP/1.1\r\nx: y")),
    ("no ASCII in the path", head(path=b"/\xe9")),
    ("no authority", head(authority=None)),
    ("empty authority", head(authority=b"")),
    ("empty host alone", head(b"host: \r\n", authority=None)),
    ("a user in the authority", head(authority=b"user@h")),
    ("a path in the authority", head(authority=b"h/a")),
    ("a line in the authority", head(authority=b"h\r\nx: y")),
    ("a list in the authority", head(authority=b"a,b")),
    ("host of another name", head(b"host: other\r\n")),
    ("host of another port", head(b"host: api.example\r\n")),
    ("host twice", head(b"host: api.example:443\r\nhost: api.example:443\r\n")),
    ("content-length twice", head(b"content-length: 5\r\ncontent-length: 5\r\n", end=False)),
    ("content-length that is none", head(b"content-length: +5\r\n", end=False)),
    ("content-length as a list", head(b"content-length: 5, 5\r\n", end=False)),
    ("content-length at the end", head(b"content-length: 5\r\n")),
    ("upper case", head(b"Accept: x\r\n")),
    ("a blank in a name", head(b"a b: x\r\n")),
    ("a blank behind a name", head(b"a : x\r\n")),
    ("an empty name", head(b": x\r\n")),
    ("blank before a value", head(b"a:  x\r\n")),
    ("blank behind a value", head(b"a: x \r\n")),
    ("tab behind a value", head(b"a: x\t\r\n")),
    ("CR in a value", head(b"a: x\ry\r\n")),
    ("LF in a value", head(b"a: x\ny\r\n")),
    ("NUL in a value", head(b"a: x\0y\r\n")),
    ("DEL in a value", head(b"a: x\x7fy\r\n")),
    ("a folded value", head(b"a: x\r\n y\r\n")),
    ("no colon", head(b"a\r\n")),
    ("no end of the line", head(b"a: x")),
    ("connection", head(b"connection: close\r\n")),
    ("keep-alive", head(b"keep-alive: 1\r\n")),
    ("proxy-connection", head(b"proxy-connection: x\r\n")),
    ("transfer-encoding", head(b"transfer-encoding: chunked\r\n", end=False)),
    ("upgrade", head(b"upgrade: h2c\r\n")),
    ("te", head(b"te: gzip\r\n")),
    ("te with more", head(b"te: trailers, deflate\r\n")),
    ("protocol", head(protocol=b"websocket")),
    ("protocol of a CONNECT", head(method=b"CONNECT", protocol=b"websocket")),
]


@pytest.mark.parametrize("head", [head for _, head in BAD], ids=[name for name, _ in BAD])
def test_what_breaks_the_rules_is_refused(head: Head) -> None:
    """Whatever the engine has let through, and however often it comes."""
    memo = RequestBlocks()
    for _ in range(3):
        with pytest.raises(MalformedRequest):
            fields.request_of(head, memo)


def test_te_may_say_trailers() -> None:
    """It is what gRPC says."""
    assert read(head(b"te: trailers\r\n"))[0].headers.get(b"te") == b"trailers"


@pytest.mark.parametrize("method", [b"CONNECT", b"get", b"FOO"])
def test_a_method_that_is_not_forwarded(method: bytes) -> None:
    """501, as with HTTP/1."""
    with pytest.raises(MethodUnknown):
        read(head(method=method))


def test_a_head_over_the_limits() -> None:
    """431."""
    with pytest.raises(HeaderTooLarge):
        read(head(too_large=True))


def test_extended_connect_where_it_is_taken() -> None:
    """RFC 8441: the protocol is what an `Upgrade` names."""
    request, length = read(head(end=False, method=b"CONNECT", protocol=b"websocket"), connect=True)

    assert (request.method, request.target, request.upgrade, length) == (b"CONNECT", b"/a?b=c", b"websocket", CHUNKED)
    with pytest.raises(MalformedRequest):
        read(head(protocol=b"websocket"), connect=True)
    with pytest.raises(MalformedRequest):
        read(head(method=b"CONNECT", protocol=b"web socket"), connect=True)


def test_what_is_known_of_a_request_that_is_refused() -> None:
    """What it asked for and how it is to be told; no target that would be a line of its own in a log."""
    refused = fields.asked_for(head(b"accept: a\r\nx: y\r\naccept: b\r\n", path=b"/x"))
    odd = fields.asked_for(head(path=b"/a\r\nb"))

    assert (refused.target, refused.headers.get(b"accept"), refused.version) == (b"/x", b"a, b", b"2")
    assert (odd.target, len(odd.headers)) == (b"", 0)


# Answers, trailers.


def answer(*pseudo: tuple[bytes, bytes], block: bytes = b"x-a: 1\r\n") -> tuple[int, Headers]:
    """Read an answer."""
    status, known = fields.answer_of(Head(1, pseudo, block, True, False), AnswerBlocks())
    return status, Headers.over(known.fields)


def test_an_answer_is_its_status_and_fields() -> None:
    """Cookies of answers are not joined: each Set-Cookie is a field."""
    status, headers = answer((b":status", b"404"), block=b"set-cookie: a\r\nset-cookie: b\r\n")

    assert (status, list(headers)) == (404, [(b"set-cookie", b"a"), (b"set-cookie", b"b")])


@pytest.mark.parametrize(
    ("pseudo", "block"),
    [
        ((), b""),
        (((b":status", b"200"), (b":status", b"200")), b""),
        (((b":status", b"200"), (b":path", b"/")), b""),
        (((b":status", b"20"),), b""),
        (((b":status", b"099"),), b""),
        (((b":status", b"2 0"),), b""),
        (((b":status", b"101"),), b""),
        (((b":status", b"200"),), b"connection: close\r\n"),
        (((b":status", b"200"),), b"transfer-encoding: chunked\r\n"),
        (((b":status", b"200"),), b"Upper: x\r\n"),
        (((b":status", b"200"),), b"content-length: 1\r\ncontent-length: 1\r\n"),
    ],
)
def test_an_answer_that_breaks_the_rules(pseudo: tuple[tuple[bytes, bytes], ...], block: bytes) -> None:
    """502."""
    with pytest.raises(BackendProtocolError):
        answer(*pseudo, block=block)


def test_trailers_are_fields() -> None:
    """None where there are none; those of framing, of pseudo-fields, of one connection are refused."""

    def trailers(block: bytes, too_large: bool = False) -> Headers | None:
        return fields.trailers_of(Trailers(1, block, too_large), MalformedRequest, HeaderTooLarge)

    assert trailers(b"") is None
    assert list(trailers(b"x-sum: 1\r\n") or ()) == [(b"x-sum", b"1")]
    for block in (b"content-length: 1\r\n", b":path: /\r\n", b"connection: x\r\n", b"X: y\r\n"):
        with pytest.raises(MalformedRequest):
            trailers(block)
    with pytest.raises(HeaderTooLarge):
        trailers(b"x: y\r\n", too_large=True)


# Outward.


def test_fields_go_out_in_lower_case() -> None:
    """Without those of one connection."""
    headers = Headers(
        [
            (b"Content-Type", b"X"), (b"Connection", b"close"), (b"Keep-Alive", b"1"), (b"Proxy-Connection", b"x"),
            (b"Transfer-Encoding", b"chunked"), (b"Upgrade", b"x"), (b"TE", b"gzip"), (b"te", b"Trailers"),
        ]
    )  # fmt: skip

    assert fields.outward(headers.fields) == [(b"content-type", b"X"), (b"te", b"Trailers")]


def test_lines_of_http1_go_out_as_fields() -> None:
    """Such as those that steps and forwarding rules write."""
    written = b"X-A: 1: 2\r\nConnection: x\r\nEmpty: \r\n"

    assert fields.lines_outward(written, OutwardLines()) == ((b"x-a", b"1: 2"), (b"empty", b""))


NAMES = st.sampled_from([b"X-A", b"x-a", b"Te", b"Connection", b"Upgrade", b"Content-Type", b"Authorization"])
LINES = st.lists(st.tuples(NAMES, st.sampled_from([b"", b"1", b"a: b", b"trailers", b"gzip", b"y" * 5000]))).map(
    lambda pairs: b"".join(b"%b: %b\r\n" % pair for pair in pairs)
)


@settings(deadline=None)
@given(written=st.lists(LINES, min_size=1, max_size=30), order=st.randoms())
def test_lines_that_came_before_go_out_the_same(written: list[bytes], order: Any) -> None:
    """Warm is as cold, and bounded."""
    memo = OutwardLines()
    asked = written * 3
    order.shuffle(asked)

    assert [fields.lines_outward(each, memo) for each in asked] == [
        fields.lines_outward(each, OutwardLines()) for each in asked
    ]
    assert len(memo) <= OutwardLines.most


# The memo.

VALUES = st.sampled_from([b"", b"1", b"a b", b" a", b"x" * 5000, b"5", b"0", b"trailers", b"h", b"H", b"a\r\nb: c"])
BLOCKS = st.lists(
    st.tuples(st.sampled_from([b"x-a", b"host", b"cookie", b"te", b"content-length", b"Upper", b"upgrade"]), VALUES),
    max_size=4,
).map(lambda lines: b"".join([b"%b: %b\r\n" % line for line in lines]))
HEADS = st.builds(
    head,
    BLOCKS,
    st.booleans(),
    authority=st.sampled_from([None, b"", b"h", b"H", b"other", b"h\nx-a: 1"]),
    path=st.sampled_from([b"/", b"/b", b"*"]),
    method=st.sampled_from([b"GET", b"OPTIONS", b"NONE"]),
)


def outcome(head: Head, memo: RequestBlocks) -> object:
    """All that is known of a head."""
    try:
        request, length = fields.request_of(head, memo)
    except GatewayError as error:
        return type(error), error.detail
    return request.method, request.target, request.host, list(request.headers), dict(request.headers.index), length


@settings(deadline=None)
@given(heads=st.lists(HEADS, min_size=1, max_size=30), order=st.randoms())
def test_warm_is_as_cold(heads: list[Head], order: Any) -> None:
    """What a memo has seen before changes no answer; it is bounded."""
    memo = RequestBlocks()
    asked = heads * 3
    order.shuffle(asked)

    assert [outcome(head, memo) for head in asked] == [outcome(head, RequestBlocks()) for head in asked]
    assert len(memo) <= RequestBlocks.most


def trailing(block: bytes, memo: AnswerBlocks) -> object:
    """All that is known of trailers."""
    try:
        found = fields.trailers_of(Trailers(1, block, False), MalformedRequest, HeaderTooLarge, memo.trailers)
    except GatewayError as error:
        return type(error), error.detail
    return None if found is None else (list(found), dict(found.index))


@settings(deadline=None)
@given(blocks=st.lists(BLOCKS, min_size=1, max_size=30), order=st.randoms())
def test_trailers_that_came_before_are_the_same(blocks: list[bytes], order: Any) -> None:
    """Warm is as cold, and bounded; what is a head's is not theirs."""
    memo = AnswerBlocks()
    for block in blocks * 2:
        try:
            fields.answer_of(Head(1, ((b":status", b"200"),), block, False, False), memo)
        except GatewayError:
            continue
    asked = blocks * 3
    order.shuffle(asked)

    assert [trailing(block, memo) for block in asked] == [trailing(block, AnswerBlocks()) for block in asked]
    assert len(memo.trailers) <= TrailerBlocks.most


def test_trailers_are_a_message_s_own() -> None:
    """What a step adds to them is not in the next ones."""
    memo = AnswerBlocks()
    for _ in range(4):
        found = fields.trailers_of(Trailers(1, b"a: 1\r\n", False), MalformedRequest, HeaderTooLarge, memo.trailers)
        assert found is not None
        assert list(found) == [(b"a", b"1")]
        found.add(b"b", b"2")


def test_an_empty_authority_is_not_taken_for_one_that_is_absent() -> None:
    """A block with a host comes without an authority, twice, and is known then; with an empty one it is refused."""
    memo = RequestBlocks()
    for _ in range(3):
        assert fields.request_of(head(b"host: h\r\n", authority=None), memo)[0].host == b"h"

    with pytest.raises(MalformedRequest):
        fields.request_of(head(b"host: h\r\n", authority=b""), memo)


def test_a_message_of_its_own_is_changed() -> None:
    """What a step changes in one request is not in the next one with the same head."""
    memo = RequestBlocks()
    for _ in range(5):
        request, _ = fields.request_of(head(b"x-a: 1\r\n"), memo)
        assert request.headers.get(b"x-a") == b"1"
        request.headers.set(b"X-A", b"2")
