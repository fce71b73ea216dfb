"""The client's end of an exchange that came by a request of a stock `twisted.web` site.

The site has `gateway.serving.gateway_tree` in its tree. Twisted has read the request whole by then, and may speak
HTTP/2 to the client; the answer streams, with back-pressure. What a stock request cannot do is left out: interim
answers and changes of protocol.
"""

# mypy: allow-untyped-calls
# (Twisted's requests carry few types.)

from __future__ import annotations

import re
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.body import Body
from gateway.errors import ClientAborted, GatewayError, InternalError, MalformedRequest, ShuttingDown
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.http1 import framing
from gateway.http1.request_line import asked_for, check_method, check_version
from gateway.listening.peers import READERS
from gateway.message import Request, Response
from gateway.peer import Peer
from gateway.serving.contract import Host
from gateway.serving.life import Life
from gateway.serving.times import Stage
from gateway.transport.deadlines import NEVER

_is_broken = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search


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
        self._life = Life(host)

    def begin(self) -> None:
        """Let the tree render the exchange."""
        host, stock, life = self._host, self._request, self._life
        now = host.now()
        address = getattr(stock.getClientAddress(), "host", None) or ""
        secure = bool(stock.isSecure())
        peer = Peer(address, host.forwarding(address, secure), secure, stock.transport, READERS)
        host.connected(self)
        stock.notifyFinish().addErrback(self._gone)
        try:
            request = _read(stock)
        except GatewayError as error:
            target = asked_for(b"%b %b HTTP/1.1\r\n" % (stock.method, stock.uri))
            accept = stock.requestHeaders.getRawHeaders(b"accept", ())
            exchange = Exchange(
                Request(b"", target, Headers((b"Accept", value) for value in accept)), self, peer, now, NEVER
            )
            life.begin(exchange)
            self.deadline = now + host.options.request
            host.root.render_error(exchange, error)
            return
        exchange = Exchange(request, self, peer, now, now + host.options.request)
        life.begin(exchange)
        host.root.render_exchange(exchange)
        if life.exchange is exchange and life.stage is Stage.ASKED:
            self.deadline = life.deadline(now, held_back=False)

    # Called by the chain (gateway.exchange.Downstream).

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        """A stock request cannot send one."""

    def send_response(self, exchange: Exchange) -> None:
        life = self._life
        if exchange is not life.exchange:
            return  # the client has gone meanwhile
        if life.stage is not Stage.ASKED:
            self.abort(exchange)
            return
        response, stock = exchange.response, self._request
        assert response is not None
        if response.status == 101:
            assert exchange.chain is not None
            exchange.chain.fail(exchange, InternalError("A step answered with a change of protocol."))
            return
        body = response.body
        if exchange.request.method == b"HEAD" or response.status in (204, 304):
            body = None
        if isinstance(body, Body):
            first = body.take()
            if body.failed:
                self.abort(exchange)
                return
        else:
            first = body or b""
        _write_head(stock, response)
        exchange.bytes_sent = len(first)
        stock.write(first)
        if not isinstance(body, Body) or body.ended:
            self._end()
            return
        life.answers(body)
        self.deadline = life.deadline_after_answer(self._host.now())
        stock.registerProducer(self, True)
        body.attach(self)

    def abort(self, exchange: Exchange) -> None:
        if exchange is self._life.exchange:
            self._abandon(ClientAborted())

    # The body of a response (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        life = self._life
        assert life.exchange is not None
        life.exchange.bytes_sent += len(data)
        self.deadline = life.deadline_after_answer(self._host.now())
        self._request.write(data)

    def body_ended(self, trailers: Headers | None) -> None:
        self._request.unregisterProducer()
        self._end()

    def body_failed(self) -> None:
        if self._life.exchange is not None:
            self.abort(self._life.exchange)

    # Called by Twisted.

    def pauseProducing(self) -> None:
        """The client reads slowly: let the backend wait."""
        self._life.pause()

    def resumeProducing(self) -> None:
        """The client has read what was written."""
        if self._life.resume():
            self.deadline = self._life.deadline_after_answer(self._host.now())

    def stopProducing(self) -> None:
        """The connection is lost; `notifyFinish` says so too."""

    # The life of the exchange (gateway.serving.contract.Served).

    def on_deadline(self, now: float) -> None:
        """The answer did not begin in time, or stands still."""
        exchange = self._life.exchange
        if exchange is None:
            return
        self.deadline = NEVER
        error = self._life.verdict(held_back=False)
        if error is None:
            self.abort(exchange)
        else:
            assert exchange.chain is not None
            exchange.chain.fail(exchange, error)

    def drain(self) -> None:
        """Nothing to do: the exchange is finished, and the connection is the application's."""

    def shut(self) -> None:
        """End it at once."""
        self._abandon(ShuttingDown())

    def _end(self) -> None:
        """The answer is written."""
        self._request.finish()
        self._life.finish()
        self._over()

    def _gone(self, reason: Failure) -> None:
        self._request = None
        self._abandon(ClientAborted())

    def _abandon(self, error: GatewayError) -> None:
        life = self._life
        if life.exchange is None:
            return
        streams = life.stage is Stage.ANSWERING
        life.abandon(error)
        if self._request is not None:
            if streams:
                self._request.unregisterProducer()
            # Not `finish`: the client would take what it has for the whole answer.
            self._request.loseConnection()
        self._over()

    def _over(self) -> None:
        self.closed = True
        self.deadline = NEVER
        self._host.disconnected(self)


def _write_head(stock: Any, response: Response) -> None:
    """Set what a stock request writes before the first octet of its body."""
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
