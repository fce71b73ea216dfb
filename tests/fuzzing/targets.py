"""What is fuzzed: each target takes any octets, and fails where the gateway breaks a promise about them.

The first octets say how the rest is cut, and what was asked; so whoever changes octets changes those too. A finding is
whatever a target raises: one of its own `AssertionError`, or an exception that nobody declared.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from gateway.errors import GatewayError, HeaderTooLarge, MalformedRequest
from gateway.http2.events import Head, Trailers
from gateway.http2.fields import RequestBlocks, request_of, trailers_of
from gateway.testing import FakeClient, Harness
from tests.conformance import strict
from tests.http1 import request_reading, response_reading
from tests.http2.telling import heads_of, told
from tests.http2.wire import GET, POST, START, frame, headers

_HOW = 4
"""Octets before what is read: where it is cut, and what was asked."""
METHODS = (b"GET", b"HEAD", b"POST", b"CONNECT")


class Target(NamedTuple):
    """One thing to be fuzzed.

    Attributes:
        play: Takes octets; raises for a finding.
        begins: What the search begins with, beside what was found before.
        words: Octets that mean something, for whoever changes octets.
    """

    play: Callable[[bytes], None]
    begins: Sequence[bytes]
    words: Sequence[bytes]


def _cut(data: bytes, places: bytes) -> list[bytes]:
    ends = sorted({place * len(data) // 256 for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


def _each(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


# -- requests of HTTP/1


def requests(octets: bytes) -> None:
    """A request has one reading: however it is cut, whatever came before, by our own lines as by llhttp."""
    data = octets[_HOW:]
    memo = request_reading.EagerMemo()
    request_reading.read(data, memo=memo)
    whole = request_reading.read(data)
    for seen in (
        request_reading.read(*_cut(data, octets[:_HOW])),
        request_reading.read(*_each(data)),
        request_reading.read(data, memo=memo),
        request_reading.read(*_cut(data, octets[:_HOW]), memo=memo),
    ):
        assert _whole(seen) == _whole(whole), (whole, seen)
        assert _refused(seen) == _refused(whole), (whole, seen)
    for request in _whole(whole):
        fields = [field for field in request.fields if field[0].lower() not in _FRAMING]
        lines = b"".join(b"%b: %b\r\n" % field for field in fields)
        (again,) = strict.requests(b"%b / HTTP/1.1\r\nHost: h\r\n%b\r\n" % (request.method, lines))
        assert again.fields[1:] == fields, (again, request)
        assert not any(octet <= 32 or octet == 127 for octet in request.target + request.host), request


_FRAMING = frozenset([b"host", b"content-length", b"transfer-encoding"])
"""Fields that the gateway writes anew, and a strict reader would read as framing of what has no content here."""


def _whole(seen: Sequence[request_reading.Seen | str]) -> list[request_reading.Seen]:
    """Return the requests whose end has come: one that broke off may have been delivered before, or not."""
    return [one for one in seen if isinstance(one, request_reading.Seen) and one.complete]


def _refused(seen: Sequence[request_reading.Seen | str]) -> bool:
    return any(isinstance(one, str) for one in seen)


# -- answers of HTTP/1


def answers(octets: bytes) -> None:
    """An answer has one reading, whatever was asked; only what stands behind its end may go unseen."""
    how, data = octets[:_HOW], octets[_HOW:]
    method = METHODS[how[0] & 3] if how else b"GET"
    upgrade, closed = bool(how[:1] and how[0] & 4), bool(how[:1] and how[0] & 8)

    def read(*reads: bytes, memo: response_reading.EagerMemo | None = None) -> response_reading.Seen:
        return response_reading.Reading(memo).answer(*reads, method=method, upgrade=upgrade, closed=closed)

    memo = response_reading.EagerMemo()
    read(data, memo=memo)
    whole = read(data)
    for seen in (read(*_cut(data, how)), read(*_each(data)), read(data, memo=memo), read(*_cut(data, how), memo=memo)):
        if whole.complete and seen.complete:
            # In one read, what stands behind the end is seen, and belongs to nothing: the connection is not kept.
            same = {"keep_alive": True, "switched": None}
            assert seen._replace(**same) == whole._replace(**same), (whole, seen)  # type: ignore[arg-type]  # fields
        else:
            # A head that has not come whole may be refused at once, or when its end has come.
            assert not seen.complete, (whole, seen)
            assert not whole.complete, (whole, seen)
    if whole.complete and whole.fields is not None:
        for name, value in whole.fields:
            assert not set(name + value) & {0, 10, 13}, (name, value)


# -- frames of HTTP/2


def frames(octets: bytes) -> None:
    """A connection of HTTP/2 is told alike however it is cut; no head says what it may not and gets past our rules."""
    how, data = octets[:_HOW], START + octets[_HOW:]
    whole = told([data])
    if ("GoAway", 0) not in whole:  # whoever says farewell is not listened to: how far, the reads decide
        assert _settled(told(_cut(data, how))) == _settled(whole)
        assert _settled(told(_each(data))) == _settled(whole)
    for event in heads_of(data):
        try:
            if isinstance(event, Head):
                request, _ = request_of(event, RequestBlocks())
                fields = list(request.headers)
                assert not any(octet <= 32 or octet == 127 for octet in request.target + request.host), request.target
            else:
                assert isinstance(event, Trailers)
                fields = list(trailers_of(event, MalformedRequest, HeaderTooLarge) or ())
        except GatewayError:
            continue
        for name, value in fields:
            assert not set(name + value) & {0, 10, 13}, (name, value)


def _settled(facts: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Leave out of a connection that broke what was told of requests without an end: nobody acts on them any more."""
    if not any(fact[0] == "broken" for fact in facts):
        return facts
    ended = {fact[1] for fact in facts if fact[0] == "trailers" or (fact[0] in ("head", "data") and True in fact[3:5])}
    return [fact for fact in facts if fact[0] == "broken" or fact[1] in ended]


# -- the whole way


class _Gateways:
    """One gateway for many plays, since to make one takes longer than a play; what is left behind shows in the next."""

    def __init__(self) -> None:
        self._plays = 0
        self._gateway: Harness | None = None

    def take(self) -> Harness:
        """Return a gateway on which nothing is in flight."""
        self._plays += 1
        if self._gateway is None or self._plays % _PLAYS == 0:
            # As much as is read beside it, to be compared.
            limits = {"request_header": request_reading.MAX_HEAD, "header_fields": request_reading.MAX_FIELDS}
            routes = [{"name": "all", "path": "/*", "upstream": "all"}]
            self._gateway = Harness("all", routes=routes, limits=limits)
        return self._gateway

    def drop(self) -> None:
        """A play has failed: the next has a new gateway."""
        self._gateway = None


_PLAYS = 200
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_gateways = _Gateways()


@contextlib.contextmanager
def _gateway() -> Iterator[Harness]:
    """Lend a gateway without connections; when its client has gone, it must be quiet."""
    gateway = _gateways.take()
    backend = gateway.backend("all")
    try:
        yield gateway
        gateway.hang_up()
        gateway.check_quiet()
        for connection in backend.connections:
            connection.reset()
        gateway.network.pump()
        del backend.connections[:]
    except BaseException:
        _gateways.drop()
        raise


def crossing(octets: bytes) -> None:
    """What a client sends crosses as messages that a reader which forgives nothing reads, or not at all.

    And the backend is asked for no more than the client did.
    """
    how, data = octets[:_HOW], octets[_HOW:]
    with _gateway() as gateway:
        gateway.backend("all").answers(_OK)
        client = gateway.client()
        for part in _cut(data, how):
            if client.closed is None:
                gateway.send(part, client)
        asked = _asked(data)
        arrived = 0
        for connection in gateway.backend("all").connections:
            with contextlib.suppress(strict.Incomplete):
                arrived += len(strict.requests(connection.received))
        assert arrived <= sum(isinstance(one, request_reading.Seen) for one in asked), (arrived, asked)
        methods = [one.method if isinstance(one, request_reading.Seen) else b"GET" for one in asked]
        assert _finals(client, methods) <= len(methods), client.received


def answering(octets: bytes) -> None:
    """What a backend answers reaches the client as one answer that a strict reader reads; never as two."""
    how, data = octets[:_HOW], octets[_HOW:]
    with _gateway() as gateway:
        gateway.backend("all").stall()
        client = gateway.send(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
        connection = gateway.backend("all").connection
        for part in _cut(data, how):
            if connection.closed is None:
                connection.send(part)
                gateway.network.pump()
        if connection.closed is None and how[:1] and how[0] & 1:
            connection.close()
            gateway.network.pump()
        assert _finals(client, [b"GET"]) <= 1, client.received


def _asked(data: bytes) -> list[request_reading.Seen | str]:
    """Return what a client asked for; the backend declines to change protocols, so what was held goes on as HTTP."""
    found: list[request_reading.Seen | str] = []
    while data:
        reading = request_reading.Reading().feed(data)
        found += reading.seen
        data = reading.parser.resume()
    return found


def _finals(client: FakeClient, methods: Sequence[bytes]) -> int:
    """Read what a client got as a strict reader does; returns how many answers, interim ones left out."""
    try:
        found = strict.responses(client.received, *methods, closed=client.closed is not None or client.end_of_input)
    except strict.Incomplete:
        return 0
    return sum(one.status >= 200 for one in found)


_REQUESTS = [
    b"GET /a?b HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
    b'POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x="y"\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
    b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00",
    b"GET http://h/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nz",
]
_ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n\x81\x00",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nKeep-Alive: timeout=5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 2\r\n\r\nok",
]
_FRAMES = [
    headers(1, GET),
    headers(1, POST, end=False) + frame(0, 1, 1, b"abc"),
    headers(1, POST, end=False) + frame(0, 0, 1, b"abc") + headers(1, [("x-sum", "1")]),
    frame(1, 1, 1, b"\x82\x84\x86\x41\x01h") + frame(9, 4, 1, b"\x40\x01x\x011"),
    headers(1, POST, end=False) + frame(3, 0, 1, bytes(4)) + frame(8, 0, 0, bytes((0, 0, 0, 9))),
    frame(6, 0, 0, bytes(8)) + frame(2, 0, 3, bytes(5)) + frame(7, 0, 0, bytes(8)),
]
_WORDS = [
    b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"\0", b"\t", b" :", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"Host: h\r\n",
    b"Content-Length: ", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: ",
    b"chunked", b"identity", b"gzip, chunked", b"Connection: close\r\n", b"Connection: upgrade\r\n", b"Upgrade: a\r\n",
    b"keep-alive", b"Expect: 100-continue\r\n", b"0\r\n\r\n", b"+3", b"0x3", b"3, 3", b"ffffffffffffffff",
    b"Trailer: X\r\n", b"\xff", b"TE: trailers\r\n",
]  # fmt: skip

_CUTS = b"\x00\x40\x80\xc0"
_BEGUN = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n"]
_FRAME_WORDS = [headers(3, GET), frame(1, 4, 5, b"\x82"), frame(9, 4, 1, b"\x87"), b"\x00\x00\x00\x09\x04"]


def _begins(octets: Sequence[bytes]) -> list[bytes]:
    return [_CUTS + one for one in octets]


TARGETS: dict[str, Target] = {
    "requests": Target(requests, _begins(_REQUESTS), [*_WORDS, b"GET ", b"POST ", b"OPTIONS *"]),
    "answers": Target(answers, _begins(_ANSWERS), [*_WORDS, *_BEGUN]),
    "frames": Target(frames, _begins(_FRAMES), _FRAME_WORDS),
    "crossing": Target(crossing, _begins(_REQUESTS), [*_WORDS, b"GET / HTTP/1.1\r\n"]),
    "answering": Target(answering, _begins(_ANSWERS), [*_WORDS, *_BEGUN]),
}
