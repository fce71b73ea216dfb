"""Let pages call services of gRPC: gRPC-Web becomes gRPC on the way in, and the answer gRPC-Web on the way out.

Stands before whatever may refuse a call, so that an error of ours is one that clients of gRPC-Web read: the outcome in
the head. A request that is no call of gRPC-Web passes untouched, a call of gRPC proper too.

Tests: `tests/flow/test_grpc_web.py::test_a_call`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable

from gateway.body import Body
from gateway.exchange import Exchange
from gateway.filters import BodyFilter, filter_request, filter_response
from gateway.headers import Headers
from gateway.http.grpc import CONTENT_TYPE
from gateway.http.grpc_web import TextDecoder, WebCall, trailers_frame, web_call

KEY = "gateway.grpc_web"
"""In `Exchange.state`: the call, as the page made it."""

DROPPED = (b"Accept", b"X-Grpc-Web")
"""Request fields that are between the page and the gateway."""

REQUEST_FIELDS = ("Content-Type", "X-Grpc-Web", "X-User-Agent", "Grpc-Timeout")
"""What clients of gRPC-Web send, for `cors`."""

RESPONSE_FIELDS = ("Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin")
"""What they read where an answer has no content, for `cors`."""


class GrpcWeb:
    """The step of a route with `grpc_web`."""

    name = "grpc_web"
    __slots__ = ()

    def on_request(self, exchange: Exchange) -> None:
        """Make a call of gRPC of one of gRPC-Web.

        Raises:
            DownstreamError: Text that has come already is no base64.
        """
        request = exchange.request
        call = web_call(request.headers) if request.method == b"POST" else None
        if call is None:
            return
        headers = request.headers.copy()
        for name in DROPPED:
            headers.remove(name)
        headers.set(b"Content-Type", CONTENT_TYPE + call.message)
        headers.set(b"TE", b"trailers")
        request.headers = headers
        exchange.state[KEY] = call
        if call.text:
            filter_request(exchange, FromText())

    def on_response(self, exchange: Exchange) -> None:
        """Make an answer of gRPC-Web of one of gRPC; another (a balancer's page) passes as it is."""
        call: WebCall | None = exchange.state.get(KEY)
        response = exchange.response
        if call is None or response is None:
            return
        headers = response.headers
        kind = call.answer_type(headers.get(b"content-type") or b"")
        if kind is None:
            return
        headers.set(b"Content-Type", kind)
        headers.remove(b"Trailer")
        if isinstance(response.body, Body):
            filter_response(exchange, ToWeb(response.body, call.answers_text))


class FromText(BodyFilter):
    """Undoes the base64 of a request."""

    __slots__ = ("_decoder",)

    def __init__(self) -> None:
        self._decoder = TextDecoder()

    def chunk(self, data: bytes) -> Iterable[bytes]:
        return (self._decoder.decode(data),)

    def end(self) -> Iterable[bytes]:
        self._decoder.end()
        return ()


class ToWeb(BodyFilter):
    """Puts the trailers of an answer behind its content, and all of it into base64 where the page wants that.

    Args:
        body: Of the answer; it has the trailers once it has ended.
        text: Whether all is put into base64. Each chunk is padded, so that a page can read it as soon as it has come.
    """

    __slots__ = ("_body", "_text")

    def __init__(self, body: Body, text: bool) -> None:
        self._body = body
        self._text = text

    def chunk(self, data: bytes) -> Iterable[bytes]:
        return (b64encode(data) if self._text else data,)

    def end(self) -> Iterable[bytes]:
        trailers = self._body.trailers
        return () if trailers is None else self.chunk(trailers_frame(trailers))

    def trailers(self, before: Headers | None) -> Headers | None:
        """None: they are in the content."""
        return None
