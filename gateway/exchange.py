"""One request and its response, in flight.

Layer 0. An exchange is made by `gateway.serving.channel`, goes through the
middleware of its route, the forwarder and back, and is dropped when the last
byte is out or the client is gone. It keeps the route, and so the snapshot,
that it started with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.headers import Headers

if TYPE_CHECKING:
    from gateway.interfaces import Cancellable, ChainLike, Downstream, Forwarding, RouteLike
    from gateway.limiting.limit import Verdict
    from gateway.principal import Principal


class Request:
    """A request head that passed the rules, and the body that follows it.

    Attributes:
        method: As sent, e.g. `b"GET"`.
        target: Request target in origin form, as the client wrote it: what is forwarded.
        path: The path of the target, without the query, as the client wrote it.
        query: What stands after the first `?`; empty without one.
        host: `Host`, or the authority of an absolute-form target; lower case, with the port where given.
        version: `b"1.1"` or `b"1.0"`.
        headers: All fields as received, hop-by-hop ones included.
        body: None for a request without content.
        upgrade: The protocol named by `Upgrade`, where the client asks for a change of protocol.
    """

    __slots__ = ("body", "headers", "host", "method", "path", "query", "target", "upgrade", "version")

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: Headers,
        host: bytes = b"",
        version: bytes = b"1.1",
        body: Body | None = None,
        upgrade: bytes | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition(b"?")
        self.host = host
        self.version = version
        self.headers = headers
        self.body = body
        self.upgrade = upgrade

    @property
    def whole(self) -> bool:
        """Whether all of its content is there."""
        return self.body is None or self.body.ended


class Response:
    """A response head on its way to the client, and its body.

    Attributes:
        status: 200 to 999; interim responses do not pass here.
        reason: Reason phrase, b"" for the registered one.
        headers: End-to-end fields; framing fields are made by the connection that writes it.
        body: Octets of a response made here, a `Body` that streams, or None for no content.
        length: Octets of content where known (also for HEAD and 304, which have none), else None.
    """

    __slots__ = ("body", "headers", "length", "reason", "status")

    def __init__(
        self,
        status: int,
        headers: Headers | None = None,
        body: bytes | Body | None = None,
        length: int | None = None,
        reason: bytes = b"",
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers if headers is not None else Headers()
        self.body = body
        self.length = len(body) if isinstance(body, bytes) else length


class Exchange:
    """One request and its response.

    Attributes:
        request: The request as received.
        response: The response, from the moment its head is decided.
        error: The error that the response was made from, or that ended the exchange.
        downstream: The client's connection.
        peer: Address of the socket's other end, as text.
        client_address: Address of the client: the peer, or what a trusted proxy said.
        forwarding: Who the peer is to us: knows the client's address and makes the forwarding fields.
        chain: The steps that it goes through, and back; None until they are known.
        route: The compiled route, None until one matched.
        path: The normal form of the path that routing used.
        params: Path parameters of the match.
        started: Monotonic seconds when the head was complete.
        deadline: Monotonic seconds when the whole exchange must be over.
        request_id: Text of `X-Request-ID`, set by the first middleware.
        trace_id: Hexadecimal W3C trace id.
        headers_out: Fields that middleware adds to the forwarded request.
        upstream: Name of the upstream that was chosen.
        backend: URL of the backend tried last.
        attempts: Tries so far.
        upstream_started: Monotonic seconds of the last try's start.
        upstream_finished: Monotonic seconds when that try's answer was complete, 0.0 before.
        bytes_received: Octets of request content.
        bytes_sent: Octets of response content.
        finished: Monotonic seconds when the exchange was over, 0.0 before.
        principal: Who is calling, once authenticated.
        rate_limit: The verdict of the tightest rate limit so far; None before there is one.
        pending: What the exchange waits for (an attempt, a step of the chain), to be cancelled when the client goes.
        state: For plugins.
    """

    __slots__ = (
        "_state",
        "attempts",
        "backend",
        "bytes_sent",
        "chain",
        "client_address",
        "deadline",
        "downstream",
        "error",
        "finished",
        "forwarding",
        "headers_out",
        "params",
        "path",
        "peer",
        "pending",
        "principal",
        "rate_limit",
        "request",
        "request_id",
        "response",
        "route",
        "started",
        "trace_id",
        "upstream",
        "upstream_finished",
        "upstream_started",
    )

    def __init__(
        self,
        request: Request,
        downstream: Downstream,
        peer: str,
        forwarding: Forwarding,
        started: float,
        deadline: float,
    ) -> None:
        self.request = request
        self.response: Response | None = None
        self.error: GatewayError | None = None
        self.downstream = downstream
        self.peer = peer
        self.forwarding = forwarding
        self.client_address = forwarding.client_address(request.headers)
        self.chain: ChainLike | None = None
        self.route: RouteLike | None = None
        self.path = request.path
        self.params: dict[str, str] | None = None
        self.started = started
        self.deadline = deadline
        self.request_id = ""
        self.trace_id = ""
        self.headers_out: list[tuple[bytes, bytes]] = []
        self.upstream: str | None = None
        self.backend: str | None = None
        self.attempts = 0
        self.upstream_started = 0.0
        self.upstream_finished = 0.0
        self.bytes_sent = 0
        self.finished = 0.0
        self.principal: Principal | None = None
        self.rate_limit: Verdict | None = None
        self.pending: Cancellable | None = None
        self._state: dict[str, Any] | None = None

    @property
    def scheme(self) -> bytes:
        """`b"http"` or `b"https"`, as the client used it (a trusted proxy is believed)."""
        return self.forwarding.scheme(self.request.headers)

    @property
    def user(self) -> str | None:
        """Who is calling, in one word; None where nobody has shown that."""
        principal = self.principal
        return None if principal is None else principal.subject

    @property
    def bytes_received(self) -> int:
        """Octets of request content received so far."""
        body = self.request.body
        return 0 if body is None else body.received

    @property
    def state(self) -> dict[str, Any]:
        """A place for plugins to keep things between their hooks."""
        if self._state is None:
            self._state = {}
        return self._state
