"""Makes responses of the bytes that a backend sends, and refuses those that break the rules.

llhttp reads heads, `gateway.http1.framing` judges them and `gateway.http1.content`
reads what follows them. One parser serves one connection; it is told before each
request what is asked, since the method decides where the answer ends.

A head with Content-Length is remembered (`gateway.http1.memo`).
"""

from __future__ import annotations

import re
import sys
from math import inf
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.body import Body, BodySource
from gateway.errors import BackendProtocolError
from gateway.headers import Field, HeaderBlock, Headers
from gateway.http.fields import FieldFilter, authenticates_connection, passed_on, response_filter
from gateway.http1 import framing
from gateway.http1.content import ContentReader
from gateway.http1.lines import ANSWERS, status_and_reason
from gateway.http1.memo import HeadMemo
from gateway.message import Response

MAX_INTERIM: Final = 32
"""Interim (1xx) responses taken before the final one."""
_PASSES: Final[FieldFilter] = response_filter()
_START: Final = b"HTTP/1."
_END: Final = b"\r\n\r\n"
_FRAMING: Final = frozenset([b"connection", b"content-length", b"transfer-encoding", b"upgrade"])
_spaced: Final = re.compile(rb"^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]+:", re.MULTILINE)
_spaced_or_not_all_there: Final = re.compile(rb"^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]+(?::|\Z)", re.MULTILINE)
_controls_in: Final = re.compile(rb"[\x00-\x08\n-\x1f\x7f]").search

Interim = tuple[int, bytes, Headers]


_NO_INTERIMS: Final[list[Interim]] = []


class ResponseMemo(HeadMemo[tuple[int, bytes, int, HeaderBlock, float]]):
    """Status, reason, length, fields and `idle_for`, by the bytes of a head; see Note [The same head again]."""

    most = 64
    longest = 2048


class ResponseParser:
    """Reads one backend connection.

    # Note [Where an answer ends]
    llhttp is given heads only, each up to its empty line: it does not know what was asked, and would read octets behind
    an answer to HEAD as content, or as the next head. The head says where the content ends. Octets behind the end are
    never read, and the connection is closed after the answer (RFC 9112 section 9.2).

    Args:
        source: Who can stop reading, for the bodies.
        max_head: Most octets of a response head (and of trailers).
        memo: Heads that were read before, from the same backend.

    Attributes:
        response: The head of the answer, once complete; its body is being filled or done.
        interims: Interim responses read and not passed on yet.
        body: What its content goes into, where not all of it came with the head. Whatever a step makes of the response,
            this is the one that is to be ended, or failed.
        complete: The answer is complete; its body waits to be ended by the reader, with `trailers`.
        started: At least one octet of an answer has come.
        switched: Bytes after a 101, None while the protocol is HTTP.
        keep_alive: The backend lets the connection go on.
        idle_for: Seconds for which the backend keeps the connection when the answer is complete, as far as it says so.
        personal: The answer says that it is the connection that is, or will be, authenticated.
    """

    __slots__ = (
        "_content",
        "_content_length",
        "_fields",
        "_head",
        "_max_head",
        "_memo",
        "_mending",
        "_method",
        "_parser",
        "_reason",
        "_seen_interims",
        "_source",
        "_upgrade",
        "body",
        "complete",
        "idle_for",
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
        self._content = ContentReader(max_head, sys.maxsize, BackendProtocolError, BackendProtocolError)
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
        self.idle_for = inf
        self.personal = False
        self.trailers: Headers | None = None
        self.body: Body | None = None

    def feed(self, data: bytes) -> None:
        """Take what the connection read; afterwards look at the attributes.

        Raises:
            BackendProtocolError: The answer breaks the rules.
        """
        if not self.started:
            self.started = True
            end = data.find(_END) + len(_END)
            if self._recognised(data, end):
                return
            self._begin()
        else:
            end = 0
        if self._content.reading:
            self._feed_content(data)
        elif self.complete:
            self.keep_alive = False  # octets after the end of the answer belong to nothing that was asked
        else:
            try:
                if not end or not self._read_plain(data, end):
                    self._feed_heads(data)
            except BackendProtocolError:
                self.response = self.body = None  # no head has gone to the client: it can still get an error
                raise

    def closed(self) -> bool:
        """The backend closed; returns whether that was the end of the answer."""
        if self._content.closed():
            self._end(None)
        return self.complete

    # The memo.

    def _recognised(self, data: bytes, end: int) -> bool:
        """Take the head, which ends there, from the memo; returns whether it was there."""
        known = self._memo.get(data[:end])
        if known is None or self._method == b"HEAD":
            return False
        status, reason, length, block, self.idle_for = known
        response = self.response = Response(status, Headers.over(block), reason=reason)
        response.length = length
        self.interims: list[Interim] = _NO_INTERIMS
        self.switched: bytes | None = None
        self._begin_content(response, length, data[end:])
        return True

    def _remember(self, head: bytes, response: Response, length: int) -> None:
        """Remember a head, unless more depends on it than its fields and its length."""
        if (
            length >= 0
            and response.length == length
            and self.keep_alive
            and not self.personal
            and not self._seen_interims
            and self._memo.came_before(head)
        ):
            known = (response.status, response.reason, length, HeaderBlock(response.headers), self.idle_for)
            self._memo.remember(head, known)

    # Heads.

    def _begin(self) -> None:
        """Begin to parse an answer whose head is not in the memo."""
        self.interims = []
        self.switched = None
        self._seen_interims = 0
        self._content_length = 0
        self._head = b""

    def _read_plain(self, data: bytes, end: int) -> bool:
        """Take a head of plain lines with Content-Length, all of which has come; see Note [A new head of known lines].

        Args:
            data: The first octets of the answer.
            end: Where its head ends.

        Returns:
            Whether it was one, and in order; else nothing has happened.

        Raises:
            BackendProtocolError: Its framing is wrong.
        """
        first = data.find(b"\r\n")
        if end <= first + len(_END) or end > self._max_head:
            return False
        start = status_and_reason(data[:first])
        if start is None:
            return False
        headers = ANSWERS.read(data[first + 2 : end - 3], end)  # backends have no limit but that of octets
        if headers is None or b"content-length" not in headers.index:
            return False
        self._head = data[:end]
        self._judge(start[0], start[1], b"1.1", headers)
        self._head_is_whole(data[end:])
        return True

    def _begin_head(self) -> None:
        """Give a head a parser of its own: llhttp would hold what one head says of the connection against the next."""
        self._fields: list[Field] = []
        self._reason = b""
        self._mending = False
        self._parser = HttpResponseParser(self)

    def _feed_heads(self, data: bytes) -> None:
        """Read interim heads and the final one, and begin with the content; see Note [Where an answer ends]."""
        while data and not self._has_head():
            before = len(self._head)
            if not before:
                self._begin_head()
            head = self._head = self._head + data
            found = head.find(_END, max(0, before - 3))
            end = found + 4 if found >= 0 else len(head)
            if end > self._max_head:
                raise BackendProtocolError("The head of the answer is over limits.response_header.")
            # llhttp would skip empty lines, and would accept RTSP.
            if not _START.startswith(head[:7]):
                raise BackendProtocolError("The answer does not begin as one of HTTP/1.")
            self._head = head[:end]
            part, data = head[before:end], head[end:]
            self._read_head(part, whole=found >= 0)
            if found >= 0:
                self._head_is_whole(data)
                if not self._has_head():
                    self._head = b""

    def _has_head(self) -> bool:
        return self.response is not None

    def _read_head(self, part: bytes, whole: bool) -> None:
        """Let llhttp read a part of a head."""
        if self._mending:
            if not whole:
                return
            if not _mendable(self._head):
                raise BackendProtocolError("Whitespace stands before the colon of a field that framing hangs on.")
            self._fields, self._reason = [], b""
            self._parser = HttpResponseParser(self)
            part = _spaced.sub(rb"\1:", self._head)
        try:
            self._parser.feed_data(part)
        except HttpParserUpgrade:
            switched = self.response
            if switched is None or switched.status != 101:
                raise BackendProtocolError("The backend changed protocols without being asked.") from None
        except HttpParserError as error:
            context = error.__context__
            if isinstance(context, BackendProtocolError):
                raise context from None
            if self._mending or not _mendable(self._head):
                raise BackendProtocolError(f"{error}.") from None
            # RFC 9112 section 5.1: a proxy removes whitespace before the colon from the fields of a backend's answer.
            self._mending = True
            self._read_head(b"", whole)

    def _head_is_whole(self, rest: bytes) -> None:
        response = self.response
        if response is None:
            return  # it was an interim one
        if response.status == 101:
            self.complete = True
            self.keep_alive = False
            self.switched = rest
            return
        length = self._content_length
        self._remember(self._head, response, length)
        self._begin_content(response, length, rest)

    # What follows is called by httptools, for each part of a head.

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        parser = self._parser
        status = parser.get_status_code()
        headers = Headers.of(self._fields)
        reason = self._reason
        version = parser.get_http_version().encode()
        if version != b"1.1" and version != b"1.0":
            raise BackendProtocolError("The backend answers in another version of HTTP.")
        if _controls_in(reason):  # llhttp accepts any octet but the end of the line
            raise BackendProtocolError("The reason phrase of the answer holds control characters.")
        if status < 200:
            self._interim(status, reason, headers)
            return
        self._judge(status, reason, version, headers)

    def _judge(self, status: int, reason: bytes, version: bytes, headers: Headers) -> None:
        """Make the response of a final head, unless its framing is wrong."""
        framing.check_singletons(headers, BackendProtocolError)
        index = headers.index
        length = self._content_length = framing.response_content(self._method, status, version, headers)
        if length == framing.UNTIL_CLOSE or not framing.keeps_alive(version, headers):
            self.keep_alive = False
        if b"keep-alive" in index:
            self.idle_for = framing.idle_seconds(headers)
        if b"www-authenticate" in index or b"persistent-auth" in index:
            self.personal = authenticates_connection(headers)
        known = index.get(b"content-length")
        response = Response(status, Headers.of(passed_on(headers, _PASSES)), reason=reason)
        response.length = None if known is None else length if length > 0 else int(known)
        self.response = response

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
        self.interims.append((status, reason, Headers.of(passed_on(headers, _PASSES))))

    # Content.

    def _begin_content(self, response: Response, length: int, rest: bytes) -> None:
        """Take content (of length 0 for an answer without), as far as it is there."""
        if 0 <= length <= len(rest):
            # Nearly always all of the content comes with the head: then there is no `Body`, and nothing to read.
            if len(rest) > length:
                self.keep_alive = False
                rest = rest[:length]
            response.body = rest if length else None
            self._end(None)
            return
        body = self.body = response.body = Body(self._source, length if length > 0 else None)
        self._content.begin(body, length)
        if rest:
            self._feed_content(rest)

    def _feed_content(self, data: bytes) -> None:
        content = self._content
        rest = content.feed(data)
        if rest is not None:
            if rest:
                self.keep_alive = False
            self._end(content.trailers)

    def _end(self, trailers: Headers | None) -> None:
        self.complete = True
        self.trailers = trailers


def _mendable(head: bytes) -> bool:
    """Whether whitespace before colons may be all that is wrong with a head, and not in a field of framing."""
    found = {match[1].lower() for match in _spaced_or_not_all_there.finditer(head)}
    return bool(found) and found.isdisjoint(_FRAMING)
