"""Heads of answers over HTTP/2: what came before is read as what did not."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.headers import Headers
from gateway.http2.events import Head
from gateway.http2.fields import AnswerBlocks, answer_fields
from gateway.message import Request
from gateway.upstream.http2_answer import head_of

NAMES = st.sampled_from(
    [
        b"x-a",
        b"set-cookie",
        b"content-length",
        b"content-type",
        b"date",
        b"www-authenticate",
        b"trailer",
        b"te",
        b"Upper",
    ]
)
VALUES = st.sampled_from([b"", b"0", b"5", b"a b", b"application/grpc", b"negotiate", b"trailers", b"x" * 5000])
BLOCKS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(
    lambda lines: b"".join([b"%b: %b\r\n" % line for line in lines])
)
ANSWERS = st.tuples(
    st.sampled_from([b"200", b"204", b"304", b"404", b"101", b"2"]), BLOCKS, st.sampled_from([b"GET", b"HEAD", b"POST"])
)


def read(status: bytes, block: bytes, method: bytes, memo: AnswerBlocks) -> object:
    """All that is known of a head, and what the client gets of it; what a step adds is its own."""
    try:
        response, length, personal = head_of(Head(1, ((b":status", status),), block, False, False), method, memo)
    except GatewayError as error:
        return type(error), error.detail
    fields = list(response.headers), dict(response.headers.index)
    response.headers.add(b"X-Added", b"1")
    sent = answer_fields(Request(method, b"/", Headers()), response, lambda: b"now")
    response.headers.put(b"x-a", b"X-A", b"changed")
    changed = answer_fields(Request(method, b"/", Headers()), response, lambda: b"now")
    return response.status, fields, response.length, length, personal, sent, changed


@settings(deadline=None)
@given(answers=st.lists(ANSWERS, min_size=1, max_size=30), order=st.randoms())
def test_warm_is_as_cold(answers: list[tuple[bytes, bytes, bytes]], order: Any) -> None:
    """The same block with other statuses, for other methods; what is remembered is bounded."""
    memo = AnswerBlocks()
    asked = answers * 3
    order.shuffle(asked)

    assert [read(*each, memo) for each in asked] == [read(*each, AnswerBlocks()) for each in asked]
    assert len(memo) <= AnswerBlocks.most


def test_an_answer_without_content_has_its_length() -> None:
    """The length of what a HEAD did not ask for is passed on, known or not."""
    memo = AnswerBlocks()
    for _ in range(3):
        for method, content in ((b"HEAD", 0), (b"GET", 7)):
            head = Head(1, ((b":status", b"200"),), b"content-length: 7\r\n", False, False)
            response, length, personal = head_of(head, method, memo)
            assert (response.length, length, personal) == (7, content, False)
