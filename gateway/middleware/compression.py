"""Compress answers for clients that accept it.

An answer is compressed where its type is one of the route's, it is not short, and nothing says that it must stay as it
is: a coding that it has already, `no-transform`, a part of it alone (206). An answer that would be compressed for some
clients says so in `Vary` to all.

# Note [What a compressed answer says of itself]
It has the same meaning and other octets. So its `ETag` is a weak one (RFC 9110 section 8.8.1), digests of octets go,
and so does `Accept-Ranges`: ranges would be of the octets that the backend has. The length is known at the end only:
of an answer that is all there by then, with its head.
A 304 says nothing of a type: its `ETag` becomes weak too, so that it fits the answer that the client has, `Vary` comes
(RFC 9110 section 15.4.5), and what it says of the length and the octets of the plain answer goes.

# Note [What waits in an encoder]
Of an answer of known length all is on its way: the encoder may hold parts back until it has enough of them. One of
unknown length may be a stream, of which the next part comes in an hour: each part is flushed, so that the client can
read it as soon as it has come.

Tests: `tests/flow/test_compression.py::test_a_coding_is_agreed_on`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from gateway.body import Body
from gateway.exchange import Exchange
from gateway.filters import BodyFilter, filter_response
from gateway.headers import Headers
from gateway.http.caching import add_vary, directives
from gateway.http.encodings import ENCODERS, LONGEST, Encoder, accepted
from gateway.http.remembered import remembered
from gateway.message import Response

UNTRUE: Final = (b"content-md5", b"digest", b"content-digest", b"repr-digest", b"accept-ranges")
"""Fields of answers that say something of octets."""

_MOST: Final = 256
"""Values of `Accept-Encoding` whose outcome is remembered; there are some ten in the world's browsers."""


class Compression:
    """The step of a route with `compression`.

    Args:
        algorithms: Names of codings, the preferred one first.
        min_size: Octets; an answer that is known to have fewer stays as it is.
        types: Media types in lower case; `text/*` for all of a kind, `application/*+json` for all of a syntax.

    Attributes:
        agreed: Returns the coding for a value of `Accept-Encoding`, None for none.
    """

    name = "compression"
    __slots__ = ("_ends", "_min_size", "_starts", "_types", "agreed")

    def __init__(self, algorithms: Sequence[str], min_size: int, types: Sequence[str]) -> None:
        offered = tuple(name.encode() for name in algorithms)
        self.agreed = remembered(partial(accepted, offered=offered), _MOST, LONGEST)
        self._min_size = min_size
        every = [name.encode() for name in types]
        self._types = frozenset(name for name in every if b"*" not in name)
        self._starts = tuple(name[:-1] for name in every if name.endswith(b"/*"))
        parts = [name.partition(b"*") for name in every if b"*" in name and not name.endswith(b"/*")]
        self._ends = tuple((before, after) for before, _, after in parts)

    def on_response(self, exchange: Exchange) -> None:
        """Hang an encoder on the answer, where it is to have one."""
        response = exchange.response
        if response is None:
            return
        if response.status == 304:
            add_vary(response.headers, b"Accept-Encoding")
            if self._coding(exchange) is not None:
                for name in UNTRUE:
                    response.headers.remove(name)
                _weaken(response.headers)
                response.length = None
            return
        if not self._fits(response):
            return
        add_vary(response.headers, b"Accept-Encoding")
        coding = self._coding(exchange)
        if coding is None:
            return
        headers = response.headers
        headers.set(b"Content-Encoding", coding)
        for name in UNTRUE:
            headers.remove(name)
        _weaken(headers)
        body = response.body
        if body is None:  # to HEAD
            response.length = None
            return
        encoder = ENCODERS[coding]()
        if isinstance(body, Body):
            if not body.ended or body.trailers is not None:
                filter_response(exchange, Encoding(encoder, response.length is None))
                return
            body = body.take()
        body = response.body = encoder.encode(body) + encoder.finish()
        response.length = len(body)

    def _coding(self, exchange: Exchange) -> bytes | None:
        field = exchange.request.headers.joined(b"accept-encoding")
        return None if field is None else self.agreed(field)

    def _fits(self, response: Response) -> bool:
        """Whether an answer is compressed for clients that accept it."""
        headers = response.headers
        index = headers.index
        said = index.get(b"content-type")
        if said is None or response.status in (204, 206) or response.status < 200 or response.tunnel is not None:
            return False
        if response.length is not None and response.length < self._min_size:
            return False
        if b"content-encoding" in index or b"content-range" in index:
            return False
        if b"cache-control" in index and b"no-transform" in directives(headers):
            return False
        kind = said.partition(b";")[0].strip(b" \t").lower()
        if kind.startswith(b"application/grpc"):
            return False  # each message has its own coding (`grpc-encoding`), and clients of gRPC know no other
        if kind in self._types or kind.startswith(self._starts):
            return True
        return any(kind.startswith(before) and kind.endswith(after) for before, after in self._ends)


class Encoding(BodyFilter):
    """Applies a coding to an answer.

    Args:
        encoder: Of this answer only.
        flushes: Whether each part is to be readable as soon as it has come, see Note [What waits in an encoder].
    """

    __slots__ = ("_encoder", "_flushes")

    def __init__(self, encoder: Encoder, flushes: bool) -> None:
        self._encoder = encoder
        self._flushes = flushes

    def chunk(self, data: bytes) -> Iterable[bytes]:
        encoded = self._encoder.encode(data)
        return (encoded, self._encoder.flush()) if self._flushes else (encoded,)

    def end(self) -> Iterable[bytes]:
        return (self._encoder.finish(),)

    def trailers(self, before: Headers | None) -> Headers | None:
        if before is not None:
            for name in UNTRUE:
                before.remove(name)
        return before


def _weaken(headers: Headers) -> None:
    etag = headers.index.get(b"etag")
    if etag is not None and not etag.startswith(b"W/"):
        headers.set(b"ETag", b"W/" + etag)
