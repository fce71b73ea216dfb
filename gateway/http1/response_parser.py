"""Bytes from a backend into responses that passed the rules.

llhttp reads the syntax, `gateway.http1.framing` judges. One parser serves one
connection; it is told before each request what is asked, since the method
decides where the answer ends.

A head with Content-Length is remembered (`gateway.http1.memo`); a body of known
length then needs no parser at all.
"""

from __future__ import annotations

import re

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.body import HIGH_WATER, Body, BodySource
from gateway.errors import BackendProtocolError
from gateway.exchange import Response
from gateway.headers import Field, HeaderBlock, Headers
from gateway.http.fields import FieldFilter, authenticates_connection, passed_on, response_filter
from gateway.http1 import framing
from gateway.http1.memo import HeadMemo

MAX_INTERIM = 32
"""Interim (1xx) responses taken before the final one."""
CHUNK_OVERHEAD = 16 * 1024
"""Octets of chunk sizes, extensions and trailers taken on top of eight times the content."""

_PASSES: FieldFilter = response_filter()
_START = b"HTTP/1."
_controls_in = re.compile(rb"[\x00-\x08\n-\x1f\x7f]").search

Interim = tuple[int, bytes, Headers]


_NO_INTERIMS: list[Interim] = []


class ResponseMemo(HeadMemo[tuple[int, bytes, int, HeaderBlock]]):
    """Status, reason, length and fields, by the bytes of a head; see Note [The same head again]."""

    heads = 64
    octets = 2048


class ResponseParser:
    """Reads one backend connection.

    Args:
        source: Who can stop reading, for the bodies.
        max_head: Most octets of a response head (and of trailers).
        memo: Heads that were read before, from the same backend.

    Attributes:
        response: The head of the answer, once complete; its body is being filled or done.
        interims: Interim responses read and not passed on yet.
        complete: The answer is complete; its body waits to be ended by the reader, with `trailers`.
        started: At least one octet of an answer has come.
        switched: Bytes after a 101, None while the protocol is HTTP.
        keep_alive: The backend lets the connection go on.
        personal: The answer says that it is the connection that is, or will be, authenticated.
    """

    __slots__ = (
        "_body",
        "_chunked",
        "_chunks",
        "_dry",
        "_fields",
        "_head_end",
        "_head_size",
        "_max_head",
        "_memo",
        "_method",
        "_overhead",
        "_parser",
        "_raw",
        "_reason",
        "_seen_interims",
        "_source",
        "_upgrade",
        "complete",
        "interims",
        "keep_alive",
        "personal",
        "response",
        "started",
        "switched",
        "trailers",
    )

    def __init__(self, source: BodySource, max_head: int, memo: ResponseMemo) -> None:
        self._source = source
        self._max_head = max_head
        self._memo = memo
        self._head_end = 0
        self._parser: HttpResponseParser | None = None
        self.expect(b"", None)

    def expect(self, method: bytes, upgrade: bytes | None) -> None:
        """A request has been sent: what comes next answers it.

        Args:
            method: Of the request.
            upgrade: The protocols that it asked to change to, so that a 101 may come; None for none.
        """
        self._method = method
        self._upgrade = upgrade
        self.response: Response | None = None
        self.complete = False
        self.started = False
        self.keep_alive = True
        self.personal = False
        self.trailers: Headers | None = None
        self._raw = 0
        self._body: Body | None = None

    def feed(self, data: bytes) -> None:
        """Take what the connection read; afterwards look at the attributes.

        Raises:
            BackendProtocolError: The answer breaks the rules.
        """
        if not self.started:
            self.started = True
            if self._recognised(data):
                return
            # llhttp would skip empty lines and take RTSP too.
            if not _START.startswith(data[:7]):
                raise BackendProtocolError("The answer does not begin as one of HTTP/1.")
            self._begin()
        if self._raw:
            self._feed_raw(data)
            return
        if self.complete:
            self.keep_alive = False  # octets after the end: nobody asked for them
            return
        if self.response is not None:
            self._parse(data)
            return
        self._head_size += len(data)
        try:
            self._parse(data)
        except BackendProtocolError:
            self.response = None  # nobody has seen its head: the client can still be told
            raise

    def _parse(self, data: bytes) -> None:
        """Let llhttp read."""
        body = self._body
        parser = self._parser
        assert parser is not None
        try:
            parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._changed_protocol(data[upgrade.args[0] :])
        except HttpParserError as error:
            self._broken(error)
        if self.response is None:
            if self._head_size > self._max_head:
                raise BackendProtocolError("The head of the answer is over limits.response_header.")
            return
        if self._head_end:
            self._remember(data)
            self._head_end = 0
        self._deliver(body, len(data))

    def _begin(self) -> None:
        """Make ready to read an answer that is not known from before."""
        self.interims: list[Interim] = []
        self.switched: bytes | None = None
        self._chunked = False
        self._chunks: list[bytes] = []
        self._fields: list[Field] = []
        self._reason = b""
        self._head_size = 0
        self._overhead = 0
        self._dry = 0
        self._seen_interims = 0
        if self._parser is None:
            self._parser = HttpResponseParser(self)
            # Whether it is kept is for `framing.keeps_alive` to say: llhttp would go by Proxy-Connection, trailers and
            # interim answers too, and refuse the next answer for them.
            self._parser.set_dangerous_leniencies(lenient_keep_alive=True)

    def _recognised(self, data: bytes) -> bool:
        """Answer from the memo, where the head has been read before; returns whether it has."""
        end = data.find(b"\r\n\r\n") + 4
        known = self._memo.get(data[:end])
        if known is None or self._method == b"HEAD":
            self._head_end = end
            return False
        status, reason, length, block = known
        rest = len(data) - end
        if rest > length:
            return False
        response = self.response = Response(status, Headers.over(block), reason=reason)
        response.length = length
        self.interims = _NO_INTERIMS
        self.switched = None
        if rest == length:
            response.body = data[end:] if length else None
            self.complete = True
            return True
        self._body = response.body = Body(self._source, length)
        if rest:
            self._body.push(data[end:])
        self._raw = length - rest
        return True

    def _remember(self, data: bytes) -> None:
        """Keep the head that `data` begins with, if it is of the plain kind."""
        response = self.response
        end = self._head_end
        if (
            response is not None
            and end > 4
            and response.length is not None
            and self.keep_alive
            and not self.personal
            and not self._seen_interims
            and (response.body is not None or response.length == 0)
            and self._memo.came_before(head := data[:end])
        ):
            known = (response.status, response.reason, response.length, HeaderBlock(response.headers))
            self._memo.remember(head, known)

    def _feed_raw(self, data: bytes) -> None:
        body = self._body
        assert body is not None
        if len(data) < self._raw:
            self._raw -= len(data)
            body.push(data)
            return
        if len(data) > self._raw:
            self.keep_alive = False
            data = data[: self._raw]
        self._raw = 0
        self._parser = None  # it may stand in the middle of a message
        body.push(data)
        self._end(None)

    def closed(self) -> bool:
        """The backend closed; returns whether that was the end of the answer."""
        if self._body is not None and self._body.length is None and not self._chunked:
            self._end(None)
        return self.complete

    # What follows is called by httptools, for each part of a message.

    def on_message_begin(self) -> None:
        if self.complete:
            # RFC 9112 section 9.2: an answer that nobody asked for; the connection is not used again.
            self.keep_alive = False

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        parser = self._parser
        assert parser is not None
        status = parser.get_status_code()
        headers = Headers.of(self._fields)
        self._fields = []
        reason, self._reason = self._reason, b""
        if self._head_size > self._max_head:
            line = len("HTTP/1.1 200 \r\n") + len(reason)
            size = sum([len(name) + len(value) + 4 for name, _, value in headers.fields])
            if line + size + len("\r\n") > self._max_head:
                raise BackendProtocolError("The head of the answer is over limits.response_header.")
        version = parser.get_http_version().encode()
        if version != b"1.1" and version != b"1.0":
            raise BackendProtocolError("The backend answers in another version of HTTP.")
        if _controls_in(reason):  # llhttp only looks for the end of the line
            raise BackendProtocolError("The reason phrase of the answer holds control characters.")
        if status < 200:
            self._interim(status, reason, headers)
            return
        if status > 599:
            raise BackendProtocolError("The backend's status code is none.")
        framing.check_singletons(headers, BackendProtocolError)
        index = headers.index
        length = framing.response_content(self._method, status, version, headers)
        if length == framing.UNTIL_CLOSE or not framing.keeps_alive(version, headers):
            self.keep_alive = False
        if b"www-authenticate" in index or b"persistent-auth" in index:
            self.personal = authenticates_connection(headers)
        known = index.get(b"content-length")
        response = Response(status, Headers.of(passed_on(headers, _PASSES)), reason=reason)
        response.length = None if known is None else int(known)
        if length:
            self._chunked = length == framing.CHUNKED
            self._body = response.body = Body(self._source, length if length > 0 else None)
        self.response = response

    def on_body(self, data: bytes) -> None:
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        if self.complete or self.response is None:
            return  # an interim response, or something after the end
        if self._body is not None and self._body.length is None and not self._chunked:
            return  # llhttp cannot know: the connection's end is the end
        if self._chunks and self._body is None:
            return
        body = self._body
        if self._fields and sum([len(name) + len(value) + 4 for name, _, value in self._fields]) > self._max_head:
            raise BackendProtocolError("The trailers of the answer are over limits.response_header.")
        if body is not None:
            for data in self._chunks:
                body.push(data)
            self._chunks = []
        self._end(Headers.of(self._fields) if self._fields else None)

    # Ends here what httptools calls.

    def _end(self, trailers: Headers | None) -> None:
        self._body = None
        self.complete = True
        self.trailers = trailers

    def _interim(self, status: int, reason: bytes, headers: Headers) -> None:
        if status < 100:
            raise BackendProtocolError("The backend's status code is none.")
        self._seen_interims += 1
        if self._seen_interims > MAX_INTERIM:
            raise BackendProtocolError("The backend sends interim responses without end.")
        if status == 101:
            protocols = framing.chosen_upgrade(self._upgrade, headers)
            head = Headers.of(passed_on(headers, _PASSES))
            head.add(b"Upgrade", protocols)
            self.response = Response(101, head, reason=reason)
            return
        self._head_size = 0
        self.interims.append((status, reason, Headers.of(passed_on(headers, _PASSES))))

    def _changed_protocol(self, rest: bytes) -> None:
        response = self.response
        if self.complete and (response is None or response.status != 101):
            self.keep_alive = False  # in what follows the answer, for which nobody asked
            self._parser = None
            return
        if response is None or response.status != 101:
            raise BackendProtocolError("The backend changed protocols without being asked.")
        self.complete = True
        self.keep_alive = False
        self.switched = rest

    def _broken(self, error: HttpParserError) -> None:
        if self.complete or (self.response is not None and self._body is None):
            # Behind the end of the answer, which is that of its head where there is no content.
            self.keep_alive = False
            self._parser = None
            return
        context = error.__context__
        if isinstance(context, BackendProtocolError):
            raise context
        raise BackendProtocolError(f"{error}.")

    def _deliver(self, body: Body | None, fed: int) -> None:
        """Hand on what was read of the body."""
        response = self.response
        assert response is not None
        if response.status == 101:
            return
        body = body or self._body
        chunks = self._chunks
        if self.complete:
            if chunks:  # of what follows: its own were handed on at its end
                self._chunks = []
                self.keep_alive = False
            return
        if body is None:
            # HEAD, 204, 304: the answer is its head; llhttp does not know that of HEAD.
            self._end(None)
            self._parser = None
            if chunks:
                self._chunks = []
                self.keep_alive = False
            return
        if chunks:
            self._chunks = []
            self._dry = 0
            for data in chunks:
                body.push(data)
        else:
            self._dry += fed
        if self._body is None:
            return
        if self._chunked:
            self._overhead += fed
            if (
                self._overhead > CHUNK_OVERHEAD + self._max_head + 9 * body.received
                or self._dry > CHUNK_OVERHEAD + self._max_head
            ):
                raise BackendProtocolError("The chunked answer has far more framing than content.")
        else:
            # As in the request parser: between its ends a long body needs no parsing.
            rest = (1 << 62) if body.length is None else body.length - body.received
            if rest >= HIGH_WATER:
                self._raw = rest
