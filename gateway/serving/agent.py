"""`ProxyAgent`: an `IAgent` for the application around the gateway; it asks the backends of one upstream.

    treq.get("gateway://users/7", agent=gateway.agent("users"))

goes through that upstream's balancing, breaker, retries and pool, as a client's exchange does behind all steps that are
for clients. Twisted has a class of the same name for another thing: going *through* a forward proxy.

Nothing that a client is served by passes here. What is sent and handed back is in `agent_upload` and `agent_response`,
the exchange itself is a `gateway.forwarding.subrequest`.
"""

# mypy: allow-untyped-calls
# (Twisted's headers carry few types.)

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol
from urllib import parse

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers as TwistedHeaders
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from gateway.errors import GatewayError, MalformedRequest, ShuttingDown
from gateway.exchange import Exchange
from gateway.forwarding.subrequest import Keeper, Subrequest
from gateway.headers import Headers
from gateway.http1 import framing
from gateway.http1.request_line import check_method
from gateway.message import Request, Response
from gateway.peer import Forwarding, Peer
from gateway.serving.agent_response import AgentRequest, AgentResponse
from gateway.serving.agent_upload import Upload

SCHEME = "gateway"

# `urljoin`, which Twisted's RedirectAgent and others ask, resolves a relative Location only for schemes in these lists.
for _lists in (parse.uses_relative, parse.uses_netloc):
    if SCHEME not in _lists:
        _lists.append(SCHEME)

_parts = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)(?:#.*)?", re.DOTALL).fullmatch
_is_name = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_is_broken = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search


class UnknownUpstream(LookupError):
    """The configuration in force has no upstream of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The configuration in force has no upstream {name!r}.")


class OtherUpstream(ValueError):
    """A URI names another upstream than the one that its agent asks."""


class AgentLeaf(Protocol):
    """What an agent's exchanges go through in one configuration (`gateway.serving.tree.RouteLeaf`)."""

    def render_exchange(self, exchange: Exchange) -> None:
        """Start the exchange."""


class AgentKeeper(Keeper, Protocol):
    """The site.

    Attributes:
        drained: No exchange may begin any more.
    """

    @property
    def drained(self) -> bool: ...


class Application(Forwarding):
    """Who asks is the application itself: nothing is added to what it says."""

    def client_address(self, headers: Headers) -> str:
        return ""

    def scheme(self, headers: Headers) -> bytes:
        return b"http"

    def believed(self, headers: Headers) -> Headers:
        return headers

    def encode(self, headers: Headers, host: bytes, version: bytes = b"1.1") -> bytes:
        return b""


@implementer(IAgent)
class ProxyAgent:
    """Asks the backends of one upstream; `GatewayService.agent` makes it.

    It may be kept: each request goes by the configuration that is in force when it is made.

    Args:
        upstream: Its name, which is also the host of the URIs that are asked for.
        find: Returns what exchanges go through in the configuration in force; None where the upstream has gone.
        keeper: Watches the exchanges, and waits for them before the gateway ends.
        clock: Tells an application of what it has done itself, a turn of the reactor later.
        timeout: Seconds until an answer must begin, and then its longest silence, where `find`'s leaf sets no other.
    """

    def __init__(
        self,
        upstream: str,
        find: Callable[[], AgentLeaf | None],
        keeper: AgentKeeper,
        clock: Any,
        timeout: float,
    ) -> None:
        self.upstream = upstream
        self._find = find
        self._keeper = keeper
        self._clock = clock
        self._timeout = timeout
        self._peer = Peer("", Application())

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: TwistedHeaders | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """Ask for something.

        Args:
            method: One that the gateway forwards.
            uri: `gateway://UPSTREAM/path?query`, or `gateway:///path?query`.
            headers: What the backend gets. Without a Host each backend gets its own name.
            bodyProducer: Begins to produce at once, and is paused until a backend takes what it produces.

        Returns:
            Fires when the head of the answer is there, whatever its status. Fails with a `GatewayError` (whose `reason`
            says why there is no answer), `SchemeNotSupported`, `OtherUpstream`, `UnknownUpstream`, or
            `RequestGenerationFailed` where the producer did not produce what it promised. To cancel ends the attempt.
        """
        headers = TwistedHeaders() if headers is None else headers
        try:
            target = self._target(method, uri)
            check_method(method)
            fields, host = _fields(headers)
            if self._keeper.drained:
                raise ShuttingDown()
            leaf = self._find()
            if leaf is None:
                raise UnknownUpstream(self.upstream)
        except (GatewayError, ValueError, LookupError, SchemeNotSupported):
            return fail()
        asking = _Asking(self._keeper, leaf, AgentRequest(method, uri, headers), bodyProducer, self._clock)
        asking.begin(Request(method, target, fields, host), self._peer, self._timeout)
        return asking.answer

    def _target(self, method: bytes, uri: bytes) -> bytes:
        parts = _parts(uri.strip())
        if parts is None or parts[1].lower() != SCHEME.encode():
            raise SchemeNotSupported(f"This agent asks for {SCHEME}://{self.upstream}/…, not for {uri!r}.")
        named = parse.unquote(parts[2].decode("latin-1"))
        # Without a host the agent's own upstream is meant: treq takes no URL with `user_service` as its host.
        if named and named.lower() != self.upstream.lower():
            raise OtherUpstream(f"{uri!r} names upstream {named!r}, and this agent asks {self.upstream!r}.")
        rest = parts[3]
        target, _ = framing.origin_form(method, rest if rest.startswith(b"/") else b"/" + rest)
        return target


def _fields(headers: TwistedHeaders) -> tuple[Headers, bytes]:
    """Return the fields that go on, and the host that they name: empty for the backend's own.

    Raises:
        MalformedRequest: They cannot be sent as they are.
    """
    fields = Headers([(name, value) for name, values in headers.getAllRawHeaders() for value in values])
    for name, value in fields:
        if _is_name(name) is None or _is_broken(value):
            raise MalformedRequest(f"The field {name!r} cannot be sent.")
    framing.check_singletons(fields, MalformedRequest)
    host = fields.get(b"host")
    return fields, b"" if host is None else framing.check_host(host)


class _Asking:
    """One request of an agent's, from its beginning to the end of its answer (`gateway.forwarding.subrequest.Asker`).

    Attributes:
        answer: Fires when there is one.
    """

    def __init__(
        self,
        keeper: Keeper,
        leaf: AgentLeaf,
        request: AgentRequest,
        producer: IBodyProducer | None,
        clock: Any,
    ) -> None:
        self.answer: Deferred[IResponse] = Deferred(lambda _: self._subrequest.cancel())
        self._request = request
        self._clock = clock
        self._failure: Failure | None = None
        self._subrequest = subrequest = Subrequest(keeper, self, leaf.render_exchange, _finish)
        self._upload = None if producer is None else Upload(producer, self._upload_failed, subrequest.content_moved)

    def begin(self, request: Request, peer: Peer, timeout: float) -> None:
        upload = self._upload
        if upload is not None:
            request.body = upload.body
        self._subrequest.ask(request, peer, timeout)
        if upload is not None and not self._subrequest.closed:
            upload.start()

    def subrequest_answered(self, response: Response) -> None:
        self.answer.callback(AgentResponse(response, self._request, self._subrequest, self._why_broken, self._clock))

    def subrequest_failed(self, error: GatewayError) -> None:
        self.answer.errback(self._failure or Failure(error))

    def subrequest_over(self) -> None:
        if self._upload is not None:
            self._upload.stop()

    def _upload_failed(self, failure: Failure) -> None:
        """The producer did not do what it promised: there is no request to be answered."""
        self._failure = failure
        self._subrequest.break_off()

    def _why_broken(self, response: IResponse) -> Failure:
        """Say why the body of the answer cannot be completed."""
        return Failure(ResponseFailed([self._failure or Failure(self._subrequest.error)], response))


def _finish(exchange: Exchange) -> None:
    if exchange.chain is not None:
        exchange.chain.finish(exchange)
