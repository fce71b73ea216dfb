"""The contracts between the parts of the gateway.

Layer 0: only shapes, so that every layer can name what it needs from another
without importing it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from gateway.errors import GatewayError
    from gateway.exchange import Exchange, Response
    from gateway.headers import Headers
    from gateway.principal import Principal


class Middleware(Protocol):
    """One step of a chain; it has those of the three hooks that it needs.

    `on_request(exchange)` returns None to go on, a `Response` to answer at
    once, or an awaitable of either. `on_response(exchange)` sees the head
    before it goes out, on answers made by the gateway too.
    `on_finish(exchange)` runs once for every exchange, whatever became of it.
    """

    name: str


class RequestHook(Protocol):
    """What `on_request` looks like when bound."""

    def __call__(self, exchange: Exchange, /) -> Response | Awaitable[Response | None] | None: ...


class ResponseHook(Protocol):
    """What `on_response` looks like when bound."""

    def __call__(self, exchange: Exchange, /) -> Awaitable[None] | None: ...


class FinishHook(Protocol):
    """What `on_finish` looks like when bound."""

    def __call__(self, exchange: Exchange, /) -> None: ...


class RouteLike(Protocol):
    """A compiled route, as steps see it.

    Attributes:
        name: Unique in its configuration.
        pattern: Path pattern, for labels: never the raw path.
        request_timeout: Seconds until the answer must begin, and from then on the longest silence; may be infinite. 0
            for `timeouts.request`, which then bounds what is sent to the gateway too.
    """

    @property
    def name(self) -> str: ...

    @property
    def pattern(self) -> str: ...

    @property
    def request_timeout(self) -> float: ...


class ChainLike(Protocol):
    """The chain of an exchange, as both of its ends see it."""

    def ending(self, handler: Callable[[Exchange], None]) -> ChainLike:
        """Return a chain of the same steps with another handler behind them."""

    def begin(self, exchange: Exchange) -> None:
        """Start the exchange."""

    def deliver(self, exchange: Exchange, response: Response) -> None:
        """A response head is there: let the steps see it, then write it."""

    def fail(self, exchange: Exchange, error: GatewayError) -> None:
        """The exchange cannot be completed: answer with the error."""

    def wait(self, exchange: Exchange, place: Awaitable[None], go_on: Callable[[], None]) -> None:
        """Go on when there is a place; the exchange fails where there is none, or where going on does."""

    def finish(self, exchange: Exchange) -> None:
        """The exchange is over, one way or the other."""


class Forwarding(Protocol):
    """What is known of a peer, for the fields that tell a backend about the client."""

    def client_address(self, headers: Headers) -> str:
        """Return the client's address: the peer's, or what a trusted peer says."""

    def scheme(self, headers: Headers) -> bytes:
        """Return the scheme that the client used."""

    def encode(self, headers: Headers, host: bytes, version: bytes = ...) -> bytes:
        """Return the forwarding field lines for a backend, each ended by CRLF."""


class Cancellable(Protocol):
    """Something an exchange waits for."""

    def cancel(self, error: GatewayError | None = None) -> None:
        """Stop, free what is held, and report nothing more.

        Args:
            error: What ended the exchange; None where its client is gone.
        """


class Downstream(Protocol):
    """The client's connection, as the chain and the forwarder see it."""

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        """Pass on a 1xx response; dropped where the client speaks HTTP/1.0."""

    def send_response(self, exchange: Exchange) -> None:
        """Write `exchange.response`, head and body."""

    def switch_protocols(self, exchange: Exchange, tunnel: OpenTunnel) -> None:
        """Write `exchange.response`, a 101, and let the connection be one end of a tunnel."""

    def abort(self, exchange: Exchange) -> None:
        """Break the connection off: the response cannot be completed."""

    def peer_certificate(self) -> bytes | None:
        """Return the client's certificate (DER), verified in the handshake; None without one, or without TLS."""


class TunnelEnd(Protocol):
    """One end of a connection that changed protocols: bytes both ways, with back-pressure."""

    def tunnel_received(self, data: bytes) -> None:
        """Write bytes that the other end read."""

    def tunnel_half_closed(self) -> None:
        """The other end will send no more."""

    def tunnel_lost(self) -> None:
        """The other end is gone."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class OpenTunnel(TunnelEnd, Protocol):
    """The end at a backend that has said 101: what it reads waits until there is another end."""

    def join(self, other: TunnelEnd) -> None:
        """Send what this end reads to `other` from now on, first what it has read already."""


class ErrorRenderer(Protocol):
    """Turns an error into the response that the client gets."""

    def __call__(self, exchange: Exchange, error: GatewayError, /) -> Response: ...


class Authenticator(Protocol):
    """One way of showing who is calling.

    Made once per configuration and shared by its routes. What is cached, tried first and answered on refusal is the
    business of `gateway.middleware.authentication`, which asks it.

    Attributes:
        name: `jwt`, `api_key`, …: a label in metrics and logs.
        challenge: What `WWW-Authenticate` says of it, e.g. `Bearer realm="api"`; empty for none.
        cacheable: Whether a principal may be kept by the credential alone.
        fields: Lower-case names of the request fields that carry the credential: not forwarded unless asked for.
    """

    @property
    def name(self) -> str: ...

    @property
    def challenge(self) -> bytes: ...

    @property
    def cacheable(self) -> bool: ...

    @property
    def fields(self) -> frozenset[bytes]: ...

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the credential that the request shows, None where it shows none of this kind.

        Raises:
            CredentialInvalid: It shows something that cannot be one: two of them, too long.
        """

    def verify(self, credential: bytes, exchange: Exchange) -> Principal | Awaitable[Principal]:
        """Say whose credential it is.

        Raises:
            CredentialInvalid: Nobody's, or not any more; in the same words whatever the cause.
            AuthUnavailable: That cannot be found out now.
        """

    def withhold(self, exchange: Exchange) -> None:
        """Take the credential out of what `fields` does not cover (a query parameter), before it is forwarded."""


class Target(Protocol):
    """A backend, as a balancer sees it.

    Attributes:
        name: Stable identity across configurations and instances, e.g. `http://10.0.0.1:80`.
        weight: Share of the traffic, 0 for none (draining).
        in_flight: Exchanges it is working on now.
    """

    @property
    def name(self) -> str: ...

    @property
    def weight(self) -> int: ...

    @property
    def in_flight(self) -> int: ...

    def may_try(self, now: float) -> bool:
        """Whether the backend may be picked at `now` (monotonic seconds)."""


T = TypeVar("T", bound=Target, covariant=True)


class Balancer(Protocol[T]):
    """Picks one of an upstream's backends. Pure: no clock, no I/O."""

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Choose a backend.

        Args:
            key: What a hashing strategy places the exchange by; others ignore it.
            now: Monotonic seconds.
            excluded: Backends that this exchange has already tried; used again only when nothing else is left.

        Raises:
            NoBackendAvailable: None may be tried.
        """
