"""Between the heads of HTTP/2 and the gateway's messages: what a message may say, judged by our own rules.

Layer 1. An engine has refused what breaks RFC 9113 already; all of it is judged again here, so that nothing depends on
one library's reading, and the target and the host are judged by what judges those of HTTP/1
(`gateway.http1.framing`, `gateway.http1.request_line`): what is written to a backend of HTTP/1.1 can be read in one way
only. A block that came before is known by its octets (Note [The same head again] in `gateway.http1.memo`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from gateway.errors import BackendProtocolError, GatewayError, HeaderTooLarge, MalformedRequest
from gateway.headers import Field, HeaderBlock, Headers
from gateway.http.fields import response_filter, trailer_filter
from gateway.http.grpc import is_call, is_grpc
from gateway.http.memo import Memo
from gateway.http.methods import FORWARDED
from gateway.http1 import framing
from gateway.http1.framing import CHUNKED
from gateway.http1.memo import HeadMemo
from gateway.http1.request_line import check_method
from gateway.http2.events import Head, Interim, Pairs, Trailers
from gateway.message import Request, Response

VERSION: Final = b"2"
"""`Request.version` of what came this way."""

# RFC 9113 section 8.2.1: names in lower case; values without white space at their ends, CR, LF and NUL. We take no
# other control character either, as in HTTP/1.
_LINE: Final = re.compile(
    rb"([!#$%&'*+.^_`|~0-9a-z-]+): ((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)\r\n"
).match
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_TARGET: Final = re.compile(rb"/[!-~]*").fullmatch
_STATUS: Final = re.compile(rb"[1-9][0-9][0-9]").fullmatch

_OF_REQUESTS: Final = frozenset([b":method", b":scheme", b":authority", b":path", b":protocol"])
_OF_ANSWERS: Final = frozenset([b":status"])
_SCHEMES: Final = frozenset([b"http", b"https"])

_TRAILERS: Final = trailer_filter(response_filter())

OF_ONE_CONNECTION: Final = frozenset(
    [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"]
)
"""RFC 9113 section 8.2.2: with one of these a message is malformed."""


class RequestBlocks(HeadMemo[tuple[HeaderBlock, bytes, int]]):
    """Fields, host and length of content, by authority and block."""


class TrailerBlocks(HeadMemo[HeaderBlock]):
    """Fields, by block."""


class AnswerBlock:
    """What is known of the head of an answer, whatever its status.

    Attributes:
        fields: All of it.
        passed: Fields that clients get; None as long as nobody has asked, and then the others say nothing either.
        length: Of content by the fields, for who has asked for more than a head.
        personal: It says that its connection is one user's.
    """

    __slots__ = ("fields", "length", "passed", "personal")

    def __init__(self, fields: HeaderBlock) -> None:
        self.fields = fields
        self.passed: HeaderBlock | None = None
        self.length = 0
        self.personal = False


class AnswerBlocks(HeadMemo[AnswerBlock]):
    """Fields, by block, of the answers of one backend.

    Attributes:
        speaks_grpc: One of them was that of a server of gRPC.
        trailers: Those behind them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.speaks_grpc = False
        self.trailers = TrailerBlocks()


class OutwardLines(Memo[bytes, tuple[tuple[bytes, bytes], ...]]):
    """Fields as they go out, by the lines that they were in HTTP/1."""


def request_of(head: Head, memo: RequestBlocks, connect: bool = False) -> tuple[Request, int]:
    """Return what a head asks for, and the length of its content: octets, 0 for none, or CHUNKED for not known.

    Args:
        head: As it came.
        memo: Blocks that came before.
        connect: Extended CONNECT is taken: `Request.upgrade` is its protocol then.

    Raises:
        HeaderTooLarge: It is over the limits.
        MalformedRequest: It breaks RFC 9113 section 8, or a rule for targets and hosts.
        MethodUnknown: Its method is not forwarded.
    """
    if head.too_large:
        raise HeaderTooLarge()
    method, scheme, authority, path, protocol = _asked(head.pseudo)
    if method is None or (method not in FORWARDED and _TOKEN(method) is None):
        raise MalformedRequest("The request has no method.")
    if protocol is not None and (not connect or method != b"CONNECT" or _TOKEN(protocol) is None):
        raise MalformedRequest("The request has :protocol, which was not offered.")
    if protocol is None:
        check_method(method)
    if scheme is None or scheme not in _SCHEMES:
        raise MalformedRequest("The scheme of the request is neither http nor https.")
    target, other = framing.origin_form(method, path or b"")
    if other is not None:
        raise MalformedRequest("The path of the request is a URL.")
    if authority == b"":
        raise MalformedRequest("The authority of the request is empty.")  # in `key` it would be one that is absent
    key = b"%b\n%b" % (authority or b"", head.block)
    known = memo.get(key)
    if known is None:
        known = _request_fields(authority, head.block)
        if memo.came_before(key):
            memo.remember(key, known)
    block, host, length = known
    if head.end:
        if length > 0:
            raise MalformedRequest("The request has a content-length, and no content.")
        length = 0
    request = Request(method, target, Headers.over(block), host, VERSION, None, protocol)
    return request, length


def asked_for(head: Head) -> Request:
    """Return what is known of a request that is refused: the log goes by its target, its answer by `Accept`.

    Of a call of gRPC that it is one, too: its client reads no other answer.
    """
    method = target = b""
    for name, value in head.pseudo:
        if name == b":path" and _TARGET(value) is not None:
            target = value
        elif name == b":method" and value == b"POST":
            method = value
    lines = head.block.split(b"\r\n")
    accept = [line[8:] for line in lines if line.startswith(b"accept: ")]
    headers = Headers([(b"Accept", b", ".join(accept))] if accept else ())
    if method:
        for line in lines:
            if line.startswith(b"content-type: "):
                headers.set(b"Content-Type", line[14:])
    request = Request(method, target, headers, version=VERSION)
    if not is_call(request):
        request.method = b""
    return request


def answer_of(head: Head | Interim, memo: AnswerBlocks) -> tuple[int, AnswerBlock]:
    """Return status and fields of an answer.

    Args:
        head: As it came.
        memo: Blocks that came before.

    Raises:
        BackendProtocolError: It breaks RFC 9113 section 8.
    """
    said = head.pseudo
    if len(said) == 1 and said[0][0] == b":status":
        status = said[0][1]
    else:
        status = _pseudo(said, _OF_ANSWERS, BackendProtocolError).get(b":status", b"")
    if status != b"200" and _STATUS(status) is None:
        raise BackendProtocolError("The answer has no status of three digits.")
    if status == b"101":
        raise BackendProtocolError("HTTP/2 has no 101 (RFC 9113 section 8.6).")
    known = memo.get(head.block)
    if known is None:
        headers = Headers.of(_lines(head.block, BackendProtocolError))
        framing.check_singletons(headers, BackendProtocolError)
        known = AnswerBlock(HeaderBlock(headers))
        if is_grpc(headers):
            memo.speaks_grpc = True
        if memo.came_before(head.block):
            memo.remember(head.block, known)
    return 200 if status == b"200" else int(status), known


def trailers_of(
    trailers: Trailers,
    wrong: type[GatewayError],
    too_large: type[GatewayError],
    memo: TrailerBlocks | None = None,
) -> Headers | None:
    """Return trailer fields; None for none.

    Args:
        trailers: As they came.
        wrong: The error for those that break the rules.
        too_large: The error for those over a limit.
        memo: Blocks that came before.

    Raises:
        GatewayError: One of the two.
    """
    if trailers.too_large:
        raise too_large("The trailers are too large.")
    block = trailers.block
    known = None if memo is None else memo.get(block)
    if known is not None:
        return Headers.over(known)
    fields = _lines(block, wrong)
    if any(field[0] == b"content-length" for field in fields):
        raise wrong("Content-Length stands among the trailers.")
    if not fields:
        return None
    headers = Headers.of(fields)
    if memo is not None and memo.came_before(block):
        memo.remember(block, HeaderBlock(headers))
    return headers


def outward(fields: Iterable[Field]) -> list[tuple[bytes, bytes]]:
    """Return fields as they go out: names in lower case, and none that are for one connection.

    `te` goes out as `trailers` only (RFC 9113 section 8.2.2).
    """
    return [
        (lower, value)
        for lower, _, value in fields
        if lower not in OF_ONE_CONNECTION and (lower != b"te" or value.lower() == b"trailers")
    ]


def answer_fields(
    request: Request, response: Response, date: Callable[[], bytes]
) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Return the fields of an answer to a client, and whether it has no content whatever the response holds.

    Args:
        request: What is answered.
        response: Has no framing fields.
        date: Returns the value of a Date field, for a response without one.
    """
    status = response.status
    headers = response.headers
    base = headers.base
    if base is None:
        fields = outward(headers.fields)
    else:
        known = base.outward
        if known is None:
            known = base.outward = tuple(outward(base.fields))
        fields = [*known, *outward(headers.fields[len(base.fields) :])]
    if b"date" not in headers.index:
        fields.append((b"date", date()))
    empty = request.method == b"HEAD" or status == 204 or status == 304
    length = response.length
    if status != 204 and length is not None:
        fields.append((b"content-length", b"%d" % length))
    elif not empty and response.body is None:
        fields.append((b"content-length", b"0"))
    return fields, empty


def trailer_fields(trailers: Headers | None) -> list[tuple[bytes, bytes]]:
    """Return the trailers of an answer that its client gets."""
    if trailers is None:
        return []
    return [(lower, value) for lower, _, value in trailers.fields if _TRAILERS[lower]]


def lines_outward(lines: bytes, memo: OutwardLines) -> tuple[tuple[bytes, bytes], ...]:
    """Return fields as they go out, of lines that were written for HTTP/1 (`gateway.http.fields.encode_passed`).

    Args:
        lines: Each ended by CRLF.
        memo: Lines that came before.
    """
    known = memo.get(lines)
    if known is None:
        fields: list[Field] = []
        for line in lines.split(b"\r\n"):
            name, colon, value = line.partition(b": ")
            if colon:
                fields.append((name.lower(), name, value))
        known = tuple(outward(fields))
        if memo.came_before(lines):
            memo.remember(lines, known)
    return known


def _asked(pairs: Pairs) -> tuple[bytes | None, bytes | None, bytes | None, bytes | None, bytes | None]:
    """Return method, scheme, authority, path and protocol."""
    method = scheme = authority = path = protocol = None
    for name, value in pairs:
        if name == b":method" and method is None:
            method = value
        elif name == b":scheme" and scheme is None:
            scheme = value
        elif name == b":authority" and authority is None:
            authority = value
        elif name == b":path" and path is None:
            path = value
        elif name == b":protocol" and protocol is None:
            protocol = value
        else:
            _pseudo(pairs, _OF_REQUESTS, MalformedRequest)  # says what is wrong
    return method, scheme, authority, path, protocol


def _pseudo(pairs: Pairs, known: frozenset[bytes], wrong: type[GatewayError]) -> dict[bytes, bytes]:
    pseudo = dict(pairs)
    if len(pseudo) != len(pairs):
        raise wrong("A pseudo-field stands twice.")
    if not known.issuperset(pseudo):
        raise wrong("There is a pseudo-field that does not belong here.")
    return pseudo


def _lines(block: bytes, wrong: type[GatewayError]) -> list[Field]:
    fields: list[Field] = []
    position, end = 0, len(block)
    while position < end:
        line = _LINE(block, position)
        if line is None:
            raise wrong("A field has a name or a value that HTTP/2 does not know.")
        name, value = line.groups()
        if name in OF_ONE_CONNECTION:
            raise wrong(f"{name.decode().title()} is not a field of HTTP/2.")
        if name == b"te" and value.lower() != b"trailers":
            raise wrong("TE says something other than trailers.")
        fields.append((name, name, value))
        position = line.end()
    return fields


def _request_fields(authority: bytes | None, block: bytes) -> tuple[HeaderBlock, bytes, int]:
    headers = Headers.of(_joined_cookies(_lines(block, MalformedRequest)))
    framing.check_singletons(headers, MalformedRequest)
    said = headers.index.get(b"host")
    # RFC 9113 section 8.3.1: they have to be the same; who reads the other one would be led elsewhere.
    if authority is None:
        if not said:
            raise MalformedRequest("The request names no authority.")
        host = framing.check_host(said)
    else:
        host = framing.check_host(authority)
        if said is None:
            headers.add(b"Host", authority)
        elif framing.check_host(said) != host:
            raise MalformedRequest("Host and :authority differ.")
    length = framing.request_content(b"1.1", headers)
    return HeaderBlock(headers), host, length if b"content-length" in headers.index else CHUNKED


def _joined_cookies(fields: list[Field]) -> list[Field]:
    """Make one field of the crumbs of Cookie (RFC 9113 section 8.2.3), in the place of the first."""
    crumbs = [field[2] for field in fields if field[0] == b"cookie"]
    if len(crumbs) < 2:
        return fields
    joined: list[Field] = []
    for field in fields:
        if field[0] != b"cookie":
            joined.append(field)
        elif crumbs:
            joined.append((b"cookie", b"cookie", b"; ".join(crumbs)))
            crumbs = []
    return joined
