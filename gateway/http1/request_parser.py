"""Bytes from a client into requests that passed the rules.

llhttp (through httptools) reads the syntax, `gateway.http1.framing` judges what
it found. One parser serves one connection; `requests` holds what is ready, in
order, a `GatewayError` standing where the connection stopped making sense.

A head without content that came alone is remembered (`gateway.http1.memo`).
"""

from __future__ import annotations

import re
from collections import deque

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from gateway.body import HIGH_WATER, Body, BodySource
from gateway.errors import GatewayError, HeaderTooLarge, MalformedRequest, MethodUnknown
from gateway.headers import Field, HeaderBlock, Headers
from gateway.http1 import framing
from gateway.http1.chunk_lines import ChunkLines, WrongChunk
from gateway.http1.memo import HeadMemo
from gateway.http1.request_line import (
    RequestLine,
    check_method,
    check_seen,
    check_version,
    plain_line,
    starts_with_method,
)
from gateway.message import Request

CHUNK_OVERHEAD = 16 * 1024
"""Octets of chunk sizes, extensions and trailers taken on top of eight times the content."""

_END = b"\r\n\r\n"


def _llhttp(callbacks: RequestParser) -> HttpRequestParser:
    parser = HttpRequestParser(callbacks)
    # Which request is the last is for `framing.keeps_alive` to say: llhttp goes by Proxy-Connection and trailers too.
    parser.set_dangerous_leniencies(lenient_keep_alive=True)
    return parser


class RequestMemo(HeadMemo[tuple[HeaderBlock, bytes]]):
    """Fields and host, by the bytes of a head after its request line; see Note [The same head again]."""


class RequestParser:
    """Reads one client connection.

    Args:
        source: Who can stop reading, for the bodies.
        max_head: Most octets of a request head (and of trailers).
        max_fields: Most field lines of a head.
        memo: Heads that were read before, on any connection with the same limits.

    Attributes:
        requests: What is ready, in order; the reader pops from the left.
        in_head: A head has begun and is not complete.
        stopped: Nothing more will be read from this connection.
        held: Bytes after a request to change protocols; `resume` or a tunnel takes them.
    """

    __slots__ = (
        "_body",
        "_chunked",
        "_chunks",
        "_dry",
        "_fed",
        "_fields",
        "_head_size",
        "_inner",
        "_last",
        "_line",
        "_lines",
        "_max_fields",
        "_max_head",
        "_memo",
        "_overhead",
        "_parser",
        "_problem",
        "_raw",
        "_replaying",
        "_seen",
        "_skipped",
        "_source",
        "_tail",
        "_url",
        "held",
        "in_head",
        "requests",
        "stopped",
    )

    def __init__(self, source: BodySource, max_head: int, max_fields: int, memo: RequestMemo) -> None:
        self.requests: deque[Request | GatewayError] = deque()
        self.in_head = False
        self.stopped = False
        self.held: bytes | None = None
        self._source = source
        self._max_head = max_head
        self._max_fields = max_fields
        self._memo = memo
        self._parser = _llhttp(self)
        self._body: Body | None = None
        self._chunks: list[bytes] = []
        self._chunked = False
        self._fields: list[Field] = []
        self._url = b""
        self._head_size = 0
        self._fed = 0
        self._overhead = 0
        self._dry = 0
        self._raw = 0
        self._last = False
        self._line: RequestLine | None = None
        self._lines: ChunkLines | None = None
        self._tail = b""
        self._inner = False
        self._seen = b""
        self._problem: GatewayError | None = None
        self._replaying = False
        self._skipped = False

    def feed(self, data: bytes) -> None:
        """Take what the connection read; afterwards look at `requests`."""
        line = None
        if self._body is None and not self.in_head and not self.stopped and self.held is None:
            line = plain_line(data)
            if line is not None:
                known = self._memo.get(data[line.end() :])
                if known is not None and len(data) <= self._max_head:
                    method, target = line.groups()
                    self.requests.append(Request(method, target, Headers.over(known[0]), known[1]))
                    return
        elif self.held is not None:
            self.held += data
            return
        elif self.stopped:
            return
        elif self._raw:
            data = self._feed_raw(data)
        while data:
            data = self._next(data, line)
            line = None

    def _next(self, data: bytes, line: re.Match[bytes] | None) -> bytes:
        """Parse what was read up to where content in chunks begins or ends; returns the rest."""
        lines = self._lines
        if lines is not None and self._body is not None:
            try:
                part, rest = lines.through(data)
            except WrongChunk as wrong:
                self._stop(MalformedRequest(str(wrong)))
                return b""
            self._overhead += lines.dropped
            lines.dropped = 0
            if part:
                self._parse(part, None)
        else:
            end = self._chunks_begin(data)
            rest = data[end:]
            self._parse(data[:end] if rest else data, line)
        if not rest or self.stopped:
            return b""
        if self.held is not None:
            self.held += rest
            return b""
        return self._feed_raw(rest) if self._raw else rest

    def _chunks_begin(self, data: bytes) -> int:
        """Return where content in chunks may begin: behind a head that may say so, or at the end of what was read.

        A place too many changes nothing: llhttp reads in two steps what it could read in one.
        """
        body = self._body
        if self.in_head:
            joined = self._tail + data
            end = joined.find(_END) + len(_END) - len(self._tail) if _END in joined else len(data)
            self._tail = (self._tail + data[:end])[-3:]
            return end
        if body is None or body.length is None:
            found = data.find(_END)
            end = len(data) if found < 0 else found + len(_END)
        else:
            end = body.length - body.received
        # What follows the first head or content: nearly always nothing, or content of a known length.
        if end >= len(data) or b"chunked" not in data.lower():
            end = len(data)
        self._tail = data[max(0, end - 3) : end]
        return end

    def _parse(self, data: bytes, line: re.Match[bytes] | None) -> None:
        """Let llhttp read; `line` is the request line that `data` begins with, where it does."""
        body = self._body
        self._fed = len(data)
        if body is None:
            self._head_size += len(data)
            if not self._check_line(line, data):
                return
        # For requests that begin inside of a read, until their heads are complete.
        self._seen = self._seen + data if self._seen else data
        ready = len(self.requests)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._changed_protocol(data[upgrade.args[0] :])
        except HttpParserError as error:
            self._broken(error, data)
        reading = self._body
        if reading is not None:
            # Also what came with the head: its sender may wait for an answer to it before going on.
            self._deliver(reading, len(data) if reading is body else 0)
        elif body is None:
            if self.in_head and not self.stopped:
                self._check_head_size()
            elif line is not None and len(self.requests) == ready + 1 and not self._last:
                self._remember(data[line.end() :], self.requests[-1])
        if not (self.in_head and self._inner):
            self._seen = b""
        body = self._body
        if body is not None and not self._chunked and body.length is not None:
            # A long body of known length needs no parser between its ends: its
            # chunks pass without being copied (measured: a third of the cost).
            rest = body.length - body.received
            if rest >= HIGH_WATER:
                self._raw = rest

    def resume(self) -> bytes:
        """Go on as HTTP after a protocol change that did not happen; returns the bytes held."""
        held, self.held = self.held or b"", None
        self._parser = _llhttp(self)
        return held

    @property
    def reading_body(self) -> bool:
        """Whether the last request's body is not complete."""
        return self._body is not None

    # What follows is called by httptools, for each part of a message.

    def on_message_begin(self) -> None:
        if self.stopped:
            raise MalformedRequest()  # RFC 9112 section 9.6: what follows the last request is not read
        # Also for one that shares its read with the end of another: `feed` must not take what follows for a new head.
        self.in_head = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # llhttp leaves white space at the end of a value (RFC 9110 section 5.5 does not).
        self._fields.append((name.lower(), name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        if self._replaying:
            return
        try:
            if self._inner:
                # llhttp does not say where it begins in what was read.
                parser = self._parser
                check_seen(parser.get_method(), self._url, parser.get_http_version().encode(), self._seen)
            request = self._request()
        except GatewayError as problem:
            self._problem = problem
            raise
        self.in_head = False
        self._body = request.body
        self.requests.append(request)

    def on_body(self, data: bytes) -> None:
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        body = self._body
        if body is not None:
            if self._skipped:
                self._skipped = False
                return
            if self._fields:
                self._check_trailers()
            for data in self._chunks:
                body.push(data)
            self._chunks = []
            trailers = self._fields
            self._body = None
            body.end(Headers.of(trailers) if trailers else None)
        self._fields = []
        self._url = b""
        self._head_size = 0
        self._overhead = 0
        self._dry = 0
        self._inner = True
        if self._last:
            self.stopped = True

    # Ends here what httptools calls.

    def _request(self) -> Request:
        parser = self._parser
        headers = Headers.of(self._fields)
        version = parser.get_http_version().encode()
        check_version(version)
        method = parser.get_method()
        self._check_size(len(method) + len(self._url) + len("  HTTP/1.1\r\n\r\n"))
        check_method(method)
        framing.check_singletons(headers, MalformedRequest)
        target, authority = framing.origin_form(method, self._url)
        host = framing.host_of(version, headers, authority)
        length = framing.request_content(version, headers)
        self._last = not framing.keeps_alive(version, headers)
        self._chunked = length == framing.CHUNKED
        self._lines = ChunkLines(self._max_head) if self._chunked else None  # Note [Chunk lines]
        body = None if length == 0 else Body(self._source, None if self._chunked else length)
        upgrade = None
        if b"upgrade" in headers.index:
            if body is None:
                upgrade = framing.wanted_upgrade(version, headers)
            else:
                # httptools lets llhttp skip the content of such a request; _changed_protocol reads it after all.
                self._skipped = parser.should_upgrade()
        self._fields = []
        return Request(method, target, headers, host, version, body, upgrade)

    def _deliver(self, body: Body, fed: int) -> None:
        """Hand on what was read of a body whose exchange may be under way."""
        chunks = self._chunks
        if chunks:
            self._chunks = []
            self._dry = 0
            for data in chunks:
                body.push(data)
        else:
            self._dry += fed
        if self._chunked and self._body is body:
            self._overhead += fed
            if (
                self._overhead > CHUNK_OVERHEAD + 9 * body.received
                or self._dry > self._max_head
                or len(self._fields) > self._max_fields
            ):
                self._stop(MalformedRequest("The chunked body has far more framing than content."))

    def _check_trailers(self) -> None:
        if self._fields_size() > self._max_head or len(self._fields) > self._max_fields:
            self._problem = HeaderTooLarge("The trailers are too large.")
            raise self._problem

    def _remember(self, fields: bytes, request: Request | GatewayError) -> None:
        # It came alone: it began where the read did, and the read ends with its empty line.
        if (
            isinstance(request, Request)
            and request.body is None
            and self.held is None
            and self._body is None
            and fields.endswith(b"\r\n\r\n")
            and self._memo.came_before(fields)
        ):
            self._memo.remember(fields, (HeaderBlock(request.headers), request.host))

    def _feed_raw(self, data: bytes) -> bytes:
        body = self._body
        assert body is not None
        if len(data) < self._raw:
            self._raw -= len(data)
            body.push(data)
            return b""
        last, rest = data[: self._raw], data[self._raw :]
        self._raw = 0
        self._parser = _llhttp(self)
        self._chunks = [last]
        self.on_message_complete()
        if self._last:
            self.stopped = True
            return b""
        return rest

    def _changed_protocol(self, rest: bytes) -> None:
        # A request that has content and asks to change protocols: the content
        # comes first, so a parser is put into the state of reading it. More of
        # them may stand in what is left.
        while self._body is not None:
            self._replay_head(self._body.length)
            try:
                self._parser.feed_data(rest)
            except HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
                continue
            except HttpParserError as error:
                self._broken(error, rest)
            return
        self.held = rest

    def _replay_head(self, length: int | None) -> None:
        self._parser = _llhttp(self)
        self._replaying = True
        content = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
        option = b"close" if self._last else b"keep-alive"
        self._parser.feed_data(b"POST / HTTP/1.1\r\nHost: h\r\nConnection: %b\r\n%b\r\n\r\n" % (option, content))
        self._fields = []
        self._url = b""
        self._replaying = False
        self.in_head = False

    def _check_line(self, line: re.Match[bytes] | None, data: bytes) -> bool:
        """Judge the request line, once all of it is there; returns whether to read on."""
        if not self.in_head:
            self.in_head = True
            self._inner = False
            self._line = RequestLine() if line is None else None
        if self._line is not None:
            try:
                if self._line.complete(data):
                    self._line = None
            except MalformedRequest as problem:
                self._stop(problem)
                return False
        return True

    def _check_size(self, line: int) -> None:
        # Both are more than the head where other messages share the read, so they only say when to count.
        if self._head_size + self._fed > self._max_head and line + self._fields_size() > self._max_head:
            raise HeaderTooLarge()
        if len(self._fields) > self._max_fields:
            raise HeaderTooLarge("The request has too many header fields.")

    def _check_head_size(self) -> None:
        if self._head_size > self._max_head:
            self._stop(HeaderTooLarge())
        elif len(self._fields) > self._max_fields:
            self._stop(HeaderTooLarge("The request has too many header fields."))

    def _fields_size(self) -> int:
        return sum([len(name) + len(value) + 4 for name, _, value in self._fields])

    def _broken(self, error: HttpParserError, data: bytes) -> None:
        if self.stopped:
            return  # bytes after a request that closes the connection
        problem = self._problem
        if problem is None:
            if isinstance(error, HttpParserCallbackError) and error.__context__ is not None:
                raise error.__context__  # a fault of ours, not of the client
            # The method is only known where the message began with this read.
            began_here = self._head_size == len(data)
            if isinstance(error, HttpParserInvalidMethodError) and began_here and starts_with_method(data):
                problem = MethodUnknown("The request method is not one that is forwarded.")
            else:
                problem = MalformedRequest(f"{error}.")
        self._stop(problem)

    def _stop(self, problem: GatewayError) -> None:
        self.stopped = True
        self.in_head = False
        body, self._body = self._body, None
        if body is not None:
            body.fail()
            last = self.requests[-1] if self.requests else None
            if isinstance(last, Request) and last.body is body:
                self.requests.pop()  # nobody has seen it: nothing of it reaches a backend
        self.requests.append(problem)
