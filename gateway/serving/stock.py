"""The gateway's tree in a stock `twisted.web` site: an application mounts it beside its own pages.

`GatewayTree` is a Twisted resource like any other, and `StockClient` the client's end of an exchange that came by a
stock request. Twisted has read the request whole by then, and may speak HTTP/2 to the client; the answer streams, with
back-pressure. What a stock request cannot do is left out: interim answers and changes of protocol.
"""

# mypy: allow-untyped-calls
# (Twisted's requests carry few types.)

from __future__ import annotations

import re
from functools import partial
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from gateway.body import Body
from gateway.errors import BackendTimeout, ClientAborted, GatewayError, InternalError, MalformedRequest, ShuttingDown
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.http1 import framing
from gateway.http1.request_line import check_method, check_version
from gateway.listening.certificates import peer_certificate
from gateway.message import Request
from gateway.peer import Peer
from gateway.serving.contract import Host
from gateway.transport.deadlines import NEVER

_is_broken = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search


class GatewayTree(Resource):
    """All routes of a gateway, as a resource.

    It may hang anywhere in an application's tree: routes see the whole path, as the client wrote it.

    Args:
        host: The gateway's site: `GatewayService.gateway.site`.
    """

    isLeaf = True

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def render(self, request: Any) -> int:
        """Let the gateway answer."""
        StockClient(self._host, request).begin()
        return NOT_DONE_YET


@implementer(IPushProducer)
class StockClient(Downstream):
    """The client's end of one exchange, over a request of `twisted.web`.

    Args:
        host: The gateway's site: its options, rules and tree.
        request: Whose content is there.

    Attributes:
        deadline: When the exchange is out of time.
        closed: It is over.
    """

    def __init__(self, host: Host, request: Any) -> None:
        self.deadline = NEVER
        self.closed = False
        self._host = host
        self._request = request
        self._exchange: Exchange | None = None
        self._begun = False
        self._body: Body | None = None

    def begin(self) -> None:
        """Let the tree render the exchange."""
        host, stock = self._host, self._request
        now = host.now()
        address = getattr(stock.getClientAddress(), "host", None) or ""
        secure = bool(stock.isSecure())
        peer = Peer(address, host.forwarding(address, secure), secure, partial(peer_certificate, stock.transport))
        host.connected(self)
        stock.notifyFinish().addErrback(self._gone)
        try:
            request = _read(stock)
        except GatewayError as error:
            self._exchange = Exchange(Request(b"", b"", Headers()), self, peer, now, NEVER)
            self.deadline = now + host.options.request
            host.root.render_error(self._exchange, error)
            return
        exchange = self._exchange = Exchange(request, self, peer, now, now + host.options.request)
        host.root.render_exchange(exchange)
        if self._exchange is exchange and not self._begun:
            self.deadline = exchange.deadline

    # Called by the chain (gateway.exchange.Downstream).

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        """A stock request cannot send one."""

    def send_response(self, exchange: Exchange) -> None:
        if exchange is not self._exchange:
            return  # the client has gone meanwhile
        if self._begun:
            self.abort(exchange)
            return
        response, stock = exchange.response, self._request
        assert response is not None
        if response.status == 101:
            assert exchange.chain is not None
            exchange.chain.fail(exchange, InternalError("A step answered with a change of protocol."))
            return
        self._begun = True
        stock.setResponseCode(response.status, response.reason or None)
        stock.defaultContentType = None  # a response without a type has none
        fields = stock.responseHeaders
        fields.removeHeader(b"server")
        if b"date" in response.headers.index:
            fields.removeHeader(b"date")
        for _, name, value in response.headers.fields:
            fields.addRawHeader(name, value)
        if response.length is not None and response.status != 204:
            fields.setRawHeaders(b"content-length", [b"%d" % response.length])
        body = response.body
        if exchange.request.method == b"HEAD" or response.status in (204, 304) or not isinstance(body, Body):
            if isinstance(body, bytes) and exchange.request.method != b"HEAD":
                exchange.bytes_sent = len(body)
            stock.write(body if isinstance(body, bytes) else b"")
            self._end()
            return
        first = body.take()
        if body.failed:
            self.abort(exchange)
            return
        exchange.bytes_sent = len(first)
        stock.write(first)
        if body.ended:
            self._end()
            return
        self._body = body
        self._touch()
        body.attach(self)
        stock.registerProducer(self, True)

    def abort(self, exchange: Exchange) -> None:
        if exchange is self._exchange:
            self._abandon(ClientAborted())

    # The body of a response (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        assert self._exchange is not None
        self._exchange.bytes_sent += len(data)
        self._touch()
        self._request.write(data)

    def body_ended(self, trailers: Headers | None) -> None:
        self._request.unregisterProducer()
        self._end()

    def body_failed(self) -> None:
        if self._exchange is not None:
            self.abort(self._exchange)

    # Called by Twisted.

    def pauseProducing(self) -> None:
        """The client reads slowly: let the backend wait."""
        if self._body is not None:
            self._body.pause()

    def resumeProducing(self) -> None:
        """The client has read what was written."""
        if self._body is not None:
            self._touch()
            self._body.resume()

    def stopProducing(self) -> None:
        """The connection is lost; `notifyFinish` says so too."""

    # The life of the exchange (gateway.serving.contract.Served).

    def on_deadline(self, now: float) -> None:
        """The answer did not begin in time, or stands still."""
        exchange = self._exchange
        if exchange is None:
            return
        self.deadline = NEVER
        if self._begun or exchange.error is not None:
            self.abort(exchange)
        else:
            assert exchange.chain is not None
            exchange.chain.fail(exchange, BackendTimeout("The whole exchange took too long."))

    def drain(self) -> None:
        """Nothing to do: the exchange is finished, and the connection is the application's."""

    def shut(self) -> None:
        """End it at once."""
        self._abandon(ShuttingDown())

    def _touch(self) -> None:
        route = None if self._exchange is None else self._exchange.route
        longest = 0.0 if route is None else route.request_timeout
        self.deadline = self._host.now() + (longest or self._host.options.request)

    def _end(self) -> None:
        """The answer is written."""
        exchange = self._finish()
        self._request.finish()
        self._host.root.finish(exchange)

    def _gone(self, reason: Failure) -> None:
        self._request = None
        self._abandon(ClientAborted())

    def _abandon(self, error: GatewayError) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        body = self._body
        self._finish()
        if exchange.pending is not None:
            pending, exchange.pending = exchange.pending, None
            pending.cancel()
        if body is not None:
            body.detach()
        if exchange.error is None:
            exchange.error = error
        if self._request is not None:
            if body is not None:
                self._request.unregisterProducer()
            # Not `finish`, which would make a whole answer of a part.
            self._request.loseConnection()
        self._host.root.finish(exchange)

    def _finish(self) -> Exchange:
        exchange = self._exchange
        assert exchange is not None
        self._exchange = None
        self._body = None
        self.closed = True
        self.deadline = NEVER
        exchange.finished = self._host.now()
        self._host.disconnected(self)
        return exchange


def _read(stock: Any) -> Request:
    """Read a stock request by the rules that hold for every client.

    Raises:
        GatewayError: It is not served.
    """
    version = stock.clientproto.rpartition(b"/")[2]
    version = b"1.1" if version == b"2" else version
    check_version(version)
    check_method(stock.method)
    headers = Headers([(name, value) for name, values in stock.requestHeaders.getAllRawHeaders() for value in values])
    if any(_is_broken(value) for _, value in headers):
        raise MalformedRequest("A field has control characters.")
    framing.check_singletons(headers, MalformedRequest)
    target, authority = framing.origin_form(stock.method, stock.uri)
    host = framing.host_of(version, headers, authority)
    framing.request_content(version, headers)
    content = stock.content.read()
    body = None
    if content:
        body = Body(length=len(content))
        body.push(content)
        body.end()
    return Request(stock.method, target, headers, host, version, body)
