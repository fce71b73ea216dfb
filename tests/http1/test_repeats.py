"""Requests that come again octet for octet: known by them, and the same as when they are read."""

from __future__ import annotations

import pytest

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.http1.repeats import Repeats
from gateway.http1.request_parser import RequestMemo, RequestParser
from gateway.message import RepeatedRequest, Request

HEAD = b"GET /a/b?c=d HTTP/1.1\r\nHost: a.test\r\nX-One: 1\r\n\r\n"


class Reader:
    """Who reads."""

    def pause_reading(self) -> None:
        """Nothing is held back here."""

    def resume_reading(self) -> None:
        """Likewise."""

    def body_over_limit(self, body: Body) -> None:
        raise AssertionError("these bodies have no limit")


def parser(memo: RequestMemo, max_head: int = 2048, max_fields: int = 20) -> RequestParser:
    """Make the parser of a connection."""
    return RequestParser(Reader(), max_head, max_fields, memo)


def read(one: RequestParser, data: bytes = HEAD) -> Request:
    """Let a parser read a request."""
    one.feed(data)
    found = one.requests.pop(0)
    assert isinstance(found, Request)
    return found


def knowing(head: bytes = HEAD) -> RequestMemo:
    """Make a memo that knows a request whole."""
    memo = RequestMemo()
    one = parser(memo)
    for _ in range(5):
        one.expect_again(read(one, head))
    return memo


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        b"GET / HTTP/1.1\r\nHost: A.test:8080\r\nX-One: 1\r\nX-One: 2\r\n\r\n",
        b"GET /?? HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nCookie: a=b\r\n\r\n",
        b"DELETE //%2e HTTP/1.1\r\nContent-Length: 0\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_known_is_what_is_read(head: bytes) -> None:
    """To each attribute, on whichever connection."""
    fresh = read(parser(RequestMemo()), head)
    known = read(parser(knowing(head)), head)

    assert isinstance(known, RepeatedRequest)
    assert known.repeats is known.repeat is not None
    for name in ("method", "target", "path", "query", "host", "version", "body", "upgrade", "whole"):
        assert getattr(known, name) == getattr(fresh, name)
    assert list(known.headers) == list(fresh.headers)
    assert known.headers.index == fresh.headers.index


def test_a_change_of_one_request_is_not_one_of_the_next() -> None:
    """Fields are copied before the first change; who has changed a request finds nothing known of it any more."""
    one = parser(knowing())
    changed, retargeted, rehosted = read(one), read(one), read(one)
    changed.headers.add(b"X-Two", b"2")
    retargeted.target = b"/other"
    rehosted.host = b"b.test"

    assert changed.repeats is retargeted.repeats is rehosted.repeats is None
    again = read(one)
    assert again.repeats is not None
    assert (again.headers.get(b"X-Two"), again.target, again.host) == (None, b"/a/b?c=d", b"a.test")


def test_other_octets_are_another_request() -> None:
    """Whatever differs, and wherever."""
    memo = knowing()

    for other in (HEAD.replace(b"c=d", b"c=e"), HEAD.replace(b"X-One: 1", b"X-One: 2"), HEAD.replace(b"GET", b"PUT")):
        assert read(parser(memo), other).repeat is None


def test_what_stands_behind_a_known_request_is_read() -> None:
    """Two in one read, one that is cut, and one behind content that looks like a request."""
    one = parser(knowing())
    one.feed(HEAD + HEAD)
    assert len(one.requests) == 2
    one.requests.clear()

    one.feed(HEAD[:30])
    one.feed(HEAD[30:])
    assert len(one.requests) == 1
    one.requests.clear()

    one.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(HEAD))
    post = one.requests.pop()
    one.feed(HEAD)
    assert isinstance(post, Request)
    assert post.body is not None
    assert post.body.take() == HEAD
    assert not one.requests


@pytest.mark.parametrize("limits", [{"max_head": len(HEAD) - 1}, {"max_fields": 1}])
def test_limits_are_those_of_the_connection(limits: dict[str, int]) -> None:
    """A head that another connection was allowed is refused on one with less room."""
    one = parser(RequestMemo(knowing().repeats), **limits)
    one.feed(HEAD)

    assert isinstance(one.requests[0], GatewayError)


def test_only_what_the_memo_of_heads_has_read_is_remembered() -> None:
    """A head that is here for the first time, one of another kind, and one that a step has put something into."""
    memo = RequestMemo()
    one = parser(memo)
    one.expect_again(read(one))
    unusual = b"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n"
    for _ in range(5):
        one.expect_again(read(one, unusual))
    for _ in range(5):
        request = read(one)
        request.target = b"/a HTTP/1.1\r\nHost: b\r\n\r\nGET /"
        one.expect_again(request)

    assert not memo.repeats


def test_what_came_once_is_not_remembered() -> None:
    """Clients choose what they ask for: of as many as you like that come once, nothing is kept, and of others 512."""
    memo = RequestMemo()
    one = parser(memo)
    request = read(one)
    for _ in range(2):
        request = read(one)
    for number in range(1000):
        request.target = b"/%d" % number
        one.expect_again(request)
    assert not memo.repeats

    for number in range(3 * Repeats.most):
        for _ in range(2):
            request.target = b"/%d" % number
            one.expect_again(request)
        assert len(memo.repeats) <= Repeats.most
