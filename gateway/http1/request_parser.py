"""Makes requests of the bytes that a client sends, and refuses those that break the rules.

`gateway.http1.request_heads` reads heads, `gateway.http1.content` reads what
follows them. One parser serves one connection; `requests` holds what is ready,
in order, a `GatewayError` standing where the connection stopped making sense.

A head that was read before is known by its bytes (`gateway.http1.memo`).
"""

from __future__ import annotations

import re
from typing import Final

from gateway.body import Body, BodySource
from gateway.errors import GatewayError, HeaderTooLarge, MalformedRequest
from gateway.headers import HeaderBlock, Headers
from gateway.http1 import framing
from gateway.http1.content import ContentReader
from gateway.http1.framing import CHUNKED
from gateway.http1.lines import REQUESTS
from gateway.http1.memo import HeadMemo
from gateway.http1.repeats import Repeats
from gateway.http1.request_heads import RequestHeads
from gateway.http1.request_line import accepted, asked_for, plain_line
from gateway.message import RepeatedRequest, Request

_END: Final = b"\r\n\r\n"


class RequestMemo(HeadMemo[tuple[HeaderBlock, bytes, int]]):
    """Fields, host and length, by the bytes of a head after its request line; see Note [The same head again].

    Args:
        repeats: The requests that came before whole: those of the memo that this one takes the place of.

    Attributes:
        repeats: The requests that came before whole, on any connection.
    """

    def __init__(self, repeats: Repeats | None = None) -> None:
        super().__init__()
        self.repeats = Repeats() if repeats is None else repeats


class RequestParser:
    """Reads one client connection.

    Args:
        source: Who can stop reading, for the bodies.
        max_head: Most octets of a request head (and of trailers).
        max_fields: Most field lines of a head (and of trailers).
        memo: Heads that were read before, on any connection with the same limits.

    Attributes:
        requests: What is ready, in order; the reader pops from the left.
        in_head: A head has begun and is not complete.
        stopped: Nothing more will be read from this connection.
        held: Bytes after a request to change protocols; `resume` or a tunnel takes them.
    """

    __slots__ = (
        "_body",
        "_content",
        "_dropped",
        "_heads",
        "_last",
        "_max_fields",
        "_max_head",
        "_memo",
        "_repeats",
        "_source",
        "held",
        "in_head",
        "requests",
        "stopped",
    )

    def __init__(self, source: BodySource, max_head: int, max_fields: int, memo: RequestMemo) -> None:
        self.requests: list[Request | GatewayError] = []  # a deque takes 0.6 kB of an idle connection
        self.in_head = False
        self.stopped = False
        self.held: bytes | None = None
        self._source = source
        self._max_head = max_head
        self._max_fields = max_fields
        self._memo = memo
        self._repeats: Repeats = memo.repeats
        self._heads = RequestHeads(max_head, max_fields)
        self._content = ContentReader(max_head, max_fields, MalformedRequest, HeaderTooLarge)
        self._body: Body | None = None
        self._dropped: Request | None = None
        self._last = False

    def feed(self, data: bytes) -> None:
        """Take what the connection read; afterwards look at `requests`."""
        line = None
        if self._body is not None:
            data = self._read_content(self._body, data)
        elif not self.in_head and not self.stopped and self.held is None:
            if self._repeats:
                repeat = self._repeats.get(data)
                if repeat is not None and len(data) <= self._max_head and len(repeat.block.fields) <= self._max_fields:
                    self.requests.append(RepeatedRequest(repeat))
                    return
            line = plain_line(data)
            if line is not None:
                # Most reads hold one head that is in the memo, and nothing else.
                fields = data[line.end() :]
                known = self._memo.get(fields)
                if known is not None and not known[2] and len(data) <= self._max_head:
                    method, target = line.groups()
                    self.requests.append(Request(method, target, Headers.over(known[0]), known[1]))
                    return
                if known is None and len(data) <= self._max_head and self._read_plain(line, fields):
                    return
        while data:
            if self.held is not None:
                self.held += data
                return
            if self.stopped:
                return
            data = self._read_head(data) if self.in_head else self._begin_head(data, line or plain_line(data))
            line = None

    def resume(self) -> bytes:
        """Go on as HTTP after a protocol change that did not happen; returns the bytes held."""
        held, self.held = self.held or b"", None
        return held

    def expect_again(self, request: Request) -> None:
        """Know a request by all of its octets when it comes again, on whichever connection."""
        self._repeats.note(request)

    def refused(self) -> Request:
        """Return what is known of the request in whose place there is an error: what it asked for, and `Accept`."""
        last, head = self._dropped, self._heads.head
        if last is None:
            target, accept = asked_for(head), accepted(head)
        else:
            target, accept = last.target, last.headers.joined(b"accept") or b""
        return Request(b"", target, Headers([(b"Accept", accept)] if accept else ()))

    @property
    def reading_body(self) -> bool:
        """Whether the last request's body is not complete."""
        return self._body is not None

    def _begin_head(self, data: bytes, line: re.Match[bytes] | None) -> bytes:
        """Read a request whose first octets are here; returns what was not read.

        Args:
            data: What came.
            line: The request line that it begins with, where that is of the plain kind.
        """
        if line is None:
            self.in_head = True
            return self._read_head(data)
        start = line.end()
        # From the end of the request line on: a head without fields has its empty line right there.
        end = data.find(_END, start - 2) + len(_END)
        known = self._memo.get(data[start:end]) if len(_END) <= end <= self._max_head else None
        if known is None:
            self.in_head = True
            return self._read_head(data, start)
        method, target = line.groups()
        request = Request(method, target, Headers.over(known[0]), known[1])
        if known[2]:
            self._last = False
            return self._begin_content(request, known[2], data[end:])
        self.requests.append(request)
        return data[end:]

    def _read_plain(self, line: re.Match[bytes], fields: bytes) -> bool:
        """Take a request of plain lines, without content, that came in one read; see Note [A new head of known lines].

        Args:
            line: Its request line, of the plain kind.
            fields: What came behind it, all of the read.

        Returns:
            Whether it was one, and in order; else nothing has happened.
        """
        end = fields.find(_END)
        if end < 0 or end + len(_END) != len(fields):
            return False
        headers = REQUESTS.read(fields[: end + 1], self._max_fields)
        if headers is None:
            return False
        try:
            framing.check_singletons(headers, MalformedRequest)
            host = framing.host_of(b"1.1", headers, None)
        except MalformedRequest:
            return False
        if framing.request_content(b"1.1", headers) or not framing.keeps_alive(b"1.1", headers):
            return False
        if self._memo.came_before(fields):
            block = HeaderBlock(headers)
            block.came = fields, host
            self._memo.remember(fields, (block, host, 0))
        method, target = line.groups()
        self.requests.append(Request(method, target, headers, host))
        return True

    def _read_head(self, data: bytes, plain: int = 0) -> bytes:
        """Read on in a head; returns what was not read.

        Args:
            data: What came.
            plain: The length of the request line that `data` begins with, where that is of the plain kind.
        """
        heads = self._heads
        try:
            rest = heads.feed(data, plain > 0)
        except GatewayError as problem:
            self._stop(problem)
            return b""
        if rest is None:
            return b""
        self.in_head = False
        request, length = heads.request, heads.length
        assert request is not None
        if plain and not heads.last and request.upgrade is None:
            # The head began with this read, and is complete: `fields` are all of its bytes behind the request line.
            fields = data[plain : len(data) - len(rest)]
            if self._memo.came_before(fields):
                block = HeaderBlock(request.headers)
                if not length:
                    block.came = fields, request.host
                self._memo.remember(fields, (block, request.host, length))
        if length:
            self._last = heads.last
            return self._begin_content(request, length, rest)
        self.requests.append(request)
        if heads.last:
            self.stopped = True  # RFC 9112 section 9.6: nothing is read after the last request
        if request.upgrade is not None:
            self.held = b""  # what follows may be in the other protocol: keep it
        return rest

    def _begin_content(self, request: Request, length: int, rest: bytes) -> bytes:
        body = self._body = request.body = Body(self._source, None if length == CHUNKED else length)
        self.requests.append(request)
        self._content.begin(body, length)
        return self._read_content(body, rest) if rest else b""

    def _read_content(self, body: Body, data: bytes) -> bytes:
        """Read on in the content of the last request; returns what was not read."""
        content = self._content
        try:
            rest = content.feed(data)
        except GatewayError as problem:
            self._stop(problem)
            return b""
        if rest is None:
            return b""
        self._body = None
        if self._last:
            self.stopped = True
        body.end(content.trailers)
        return rest

    def _stop(self, problem: GatewayError) -> None:
        self.stopped = True
        self.in_head = False
        body, self._body = self._body, None
        if body is not None:
            body.fail()
            last = self.requests[-1] if self.requests else None
            if isinstance(last, Request) and last.body is body:
                self.requests.pop()  # no exchange has begun with the request: its place is the error's
                self._dropped = last
        self.requests.append(problem)
