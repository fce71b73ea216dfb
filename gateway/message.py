"""The head of a request or a response, and what follows it: a body, or a tunnel.

Layer 0. `gateway.http1.request_parser` makes requests and
`gateway.http1.response_parser` responses; what answers without a backend makes
responses too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mypy_extensions import mypyc_attr

from gateway.body import Body
from gateway.headers import HeaderBlock, Headers


@mypyc_attr(allow_interpreted_subclasses=True)
class TunnelEnd:
    """One end of a connection that changed protocols: bytes both ways, with back-pressure.

    A base class, so that each call goes through a table and not through a look-up by name.
    """

    __slots__ = ()

    def tunnel_received(self, data: bytes) -> None:
        """Write bytes that the other end read."""
        raise NotImplementedError

    def tunnel_half_closed(self) -> None:
        """The other end will send no more."""
        raise NotImplementedError

    def tunnel_lost(self) -> None:
        """The other end is gone."""
        raise NotImplementedError

    def tunnel_reset(self) -> None:
        """The other end is gone, and not in good order; a way that cannot say so ends as if it were."""
        self.tunnel_lost()

    def pause_reading(self) -> None:
        """Read nothing more until `resume_reading`."""
        raise NotImplementedError

    def resume_reading(self) -> None:
        """Read on."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class ClientEnd(TunnelEnd):
    """The client's end, which can tell a WebSocket client why the tunnel is closed."""

    __slots__ = ()

    def close_tunnel(self, code: int, reason: str) -> None:
        """Close the tunnel from inside the gateway; the client of a WebSocket is told the code and the reason."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class OpenTunnel(TunnelEnd):
    """The backend's end, once the backend has said 101: what it reads waits until the client's end joins."""

    __slots__ = ()

    def join(self, other: TunnelEnd) -> None:
        """Send what this end reads to `other` from now on, first what it has read already."""
        raise NotImplementedError


class Tunnel:
    """A connection to a backend that has said 101, before and after the client's end joins it.

    A step of the chain may keep the tunnel from `on_response` on, and close it later.

    # Note [The states of a tunnel]
    *Offered*: the backend has said 101, and the attempt still has its connection. *Taken*: the steps have let the 101
    pass, its head is written, and the attempt has ended. *Joined*: the client's end is there, and octets flow. From
    then on the two ends close each other. `close` in an earlier state is remembered, the first one only, and done at
    the join: before that there is no connection to a client that the reason could go to.

    Args:
        take: Ends the attempt, and returns the backend's end.
    """

    __slots__ = ("_backend", "_client", "_closed", "_take")

    def __init__(self, take: Callable[[], OpenTunnel]) -> None:
        self._take = take
        self._backend: OpenTunnel | None = None
        self._client: ClientEnd | None = None
        self._closed: tuple[int, str] | None = None

    def take(self) -> OpenTunnel:
        """End the attempt, and return the backend's end; called when the head of the 101 has been written."""
        self._backend = self._take()
        return self._backend

    def join(self, client: ClientEnd) -> None:
        """Make the client's connection the other end; called after `take`."""
        assert self._backend is not None
        self._client = client
        self._backend.join(client)
        if self._closed is not None:
            client.close_tunnel(*self._closed)

    def close(self, code: int, reason: str) -> None:
        """Close the tunnel from inside the gateway; the client of a WebSocket is told why.

        Args:
            code: One of RFC 6455 section 7.4.1, e.g. 1008 where the credential was revoked.
            reason: A few words; 123 octets at most go out.
        """
        if self._client is not None:
            self._client.close_tunnel(code, reason)
        elif self._closed is None:
            self._closed = code, reason


class Repeat:
    """A request whose octets come again and again, and what was found out about it.

    Like a `HeaderBlock`, but with the request line: worth keeping only for what is answered by a cache. Whoever leaves
    something here leaves with it what it goes by, and looks whether that still holds; see Note [The same request again]
    in `gateway.http1.repeats`.

    Attributes:
        method: Of the request.
        target: Likewise.
        path: Likewise.
        query: Likewise.
        host: Likewise.
        block: Its fields.
        tree: By which it was routed (`gateway.serving.tree`), with `match`; None as long as it was not.
        match: What it was routed to.
        key: What `gateway.middleware.cache_request` made of it; None as long as nobody has asked.
        record: What `gateway.middleware.log_record` wrote of it; likewise.
    """

    __slots__ = ("block", "host", "key", "match", "method", "path", "query", "record", "target", "tree")

    def __init__(self, method: bytes, target: bytes, host: bytes, block: HeaderBlock) -> None:
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition(b"?")
        self.host = host
        self.block = block
        self.tree: object = None
        self.match: Any = None
        self.key: Any = None
        self.record: Any = None


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
        repeat: What is known of it, where it came before; None for nearly every request.
    """

    __slots__ = ("body", "headers", "host", "method", "path", "query", "repeat", "target", "upgrade", "version")

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
        self.repeat: Repeat | None = None

    @property
    def whole(self) -> bool:
        """Whether all of the request's content has come."""
        return self.body is None or self.body.ended

    @property
    def repeats(self) -> Repeat | None:
        """What is known of it, where it came before and no step has changed it since."""
        repeat = self.repeat
        if (
            repeat is None
            or self.target is not repeat.target
            or self.host is not repeat.host
            or self.headers.block is not repeat.block
        ):
            return None
        return repeat


class RepeatedRequest(Request):
    """One that came before, octet for octet."""

    __slots__ = ()

    def __init__(self, repeat: Repeat) -> None:
        # Not by `Request.__init__`, which takes the target apart.
        self.method = repeat.method
        self.target = repeat.target
        self.path = repeat.path
        self.query = repeat.query
        self.host = repeat.host
        self.version = b"1.1"
        self.headers = Headers.over(repeat.block)
        self.body = None
        self.upgrade = None
        self.repeat = repeat


class Response:
    """A response head on its way to the client, and its body.

    Attributes:
        status: 200 to 999; interim responses do not pass here.
        reason: Reason phrase, b"" for the registered one.
        headers: End-to-end fields; framing fields are made by the connection that writes it.
        body: Octets of a response made here, a `Body` that streams, or None for no content.
        length: Octets of content where known (also for HEAD and 304, which have none), else None.
        tunnel: The backend's end of the connection, where it changes protocols (a 101): the client's end joins it.
    """

    __slots__ = ("body", "headers", "length", "reason", "status", "tunnel")

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
        self.tunnel: Tunnel | None = None


class KeptAnswer(Response):
    """An answer of a backend that was kept, given though there is an error."""

    __slots__ = ()
