"""The heads of the requests of one client connection, out of octets that may be cut anywhere.

llhttp (through httptools) reads the syntax, `gateway.http1.request_line` and `gateway.http1.framing` judge what it
found. It is given one head at a time, up to the empty line: where content ends, and where the next head begins, is
for `gateway.http1.request_parser` and `gateway.http1.content` to say.

Tests: `tests/http1/test_request_parser.py::test_a_request_is_its_line_its_fields_and_its_host`.
"""

from __future__ import annotations

from typing import Final

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from gateway.errors import HeaderTooLarge, MalformedRequest, MethodUnknown
from gateway.headers import Field, Headers
from gateway.http1 import framing
from gateway.http1.request_line import check_method, check_version, line_is_complete, names_unknown_method
from gateway.message import Request

_END: Final = b"\r\n\r\n"


class RequestHeads:
    """Reads one head after the other.

    Args:
        max_head: Most octets of a head.
        max_fields: Most field lines of a head.

    Attributes:
        request: What the head that ended last says, without its content.
        length: Of the content: octets, 0 for none, or CHUNKED.
        last: The client wants the connection closed after this request.
        head: The octets of the head so far, from its request line.
    """

    __slots__ = (
        "_empty",
        "_fields",
        "_line_read",
        "_max_fields",
        "_max_head",
        "_parser",
        "_url",
        "head",
        "last",
        "length",
        "request",
    )

    def __init__(self, max_head: int, max_fields: int) -> None:
        self.request: Request | None = None
        self.length = 0
        self.last = False
        self.head = b""
        self._max_head = max_head
        self._max_fields = max_fields
        self._parser: HttpRequestParser | None = None
        self._fields: list[Field] = []
        self._url = b""
        self._empty = 0  # octets of empty lines before the head
        self._line_read = False

    def feed(self, data: bytes, plain: bool) -> bytes | None:
        """Take what was read of a head.

        Args:
            data: Goes on where the last read ended: inside of a head, or behind the message before.
            plain: It begins with a request line that was found to be right.

        Returns:
            What stands behind the head; None as long as its end has not come.

        Raises:
            GatewayError: It breaks the rules, or is over a limit.
        """
        before = len(self.head)
        if not before:
            if not plain:
                # RFC 9112 section 2.2: empty lines in front of a request are ignored.
                size = len(data)
                data = data.lstrip(b"\r\n")
                self._empty += size - len(data)
                if self._empty > self._max_head:
                    raise HeaderTooLarge()
                if not data:
                    return None
            self._begin(plain)
        head = self.head + data if before else data
        found = head.find(_END, max(0, before - 3))
        end = found + 4 if found >= 0 else len(head)
        rest = head[end:]
        self.head = head = head[:end] if rest else head
        if not self._line_read:
            self._line_read = line_is_complete(head)
        self._parse(head[before:] if before else head)
        if found >= 0:
            self._finish()
            return rest
        if end + self._empty > self._max_head:
            raise HeaderTooLarge()
        if len(self._fields) > self._max_fields:
            raise HeaderTooLarge("The request has too many header fields.")
        return None

    def _begin(self, plain: bool) -> None:
        self.request = None
        self._fields = []
        self._url = b""
        self._line_read = plain
        if self._parser is None:
            self._parser = HttpRequestParser(self)
            # `framing.keeps_alive` decides which request is the last: llhttp would heed Proxy-Connection as well.
            self._parser.set_dangerous_leniencies(lenient_keep_alive=True)

    def _finish(self) -> None:
        request = self.request
        if request is None:
            raise MalformedRequest()  # llhttp does not see the end of the head here
        self.head = b""
        self._empty = 0
        if self.length or b"upgrade" in request.headers.index:
            # This parser now waits for content, or for another protocol, and cannot read a further head.
            self._parser = None

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        assert parser is not None
        try:
            parser.feed_data(data)
        except HttpParserUpgrade:
            pass  # `Request.upgrade` says whether our rules allow that
        except HttpParserCallbackError as error:
            # Raise what the callback raised: the GatewayError of a rule, or a fault of ours.
            raise (error if error.__context__ is None else error.__context__) from None
        except HttpParserError as error:
            if names_unknown_method(self.head):  # llhttp knows some of RTSP and ICE, and refuses those later
                raise MethodUnknown("The request method is not one that is forwarded.") from None
            raise MalformedRequest(f"{error}.") from None

    # What follows is called by httptools, for each part of a head.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # llhttp leaves white space at the end of a value (RFC 9110 section 5.5 does not).
        self._fields.append((name.lower(), name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        parser, fields = self._parser, self._fields
        assert parser is not None
        if self.request is not None or not self.head.endswith(_END):
            raise MalformedRequest()  # llhttp sees the end of the head where we do not
        headers = Headers.of(fields)
        version = parser.get_http_version().encode()
        check_version(version)
        if len(self.head) > self._max_head:
            raise HeaderTooLarge()
        if len(fields) > self._max_fields:
            raise HeaderTooLarge("The request has too many header fields.")
        method = parser.get_method()
        check_method(method)
        framing.check_singletons(headers, MalformedRequest)
        target, authority = framing.origin_form(method, self._url)
        host = framing.host_of(version, headers, authority)
        length = self.length = framing.request_content(version, headers)
        self.last = not framing.keeps_alive(version, headers)
        upgrade = None if length else framing.wanted_upgrade(version, headers)
        self.request = Request(method, target, headers, host, version, None, upgrade)
