"""The contracts between the parts of the gateway.

Layer 0: only shapes, so that every layer can name what it needs from another
without importing it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from gateway.errors import GatewayError
    from gateway.exchange import Exchange, Response
    from gateway.headers import Headers


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


class Downstream(Protocol):
    """The client's connection, as the chain and the forwarder see it."""

    def send_interim(self, status: int, reason: bytes, headers: Headers) -> None:
        """Pass on a 1xx response; dropped where the client speaks HTTP/1.0."""

    def send_response(self, exchange: Exchange) -> None:
        """Write `exchange.response`, head and body."""

    def switch_protocols(self, exchange: Exchange, tunnel: Tunnel) -> None:
        """Write a 101 and hand the connection over to a tunnel."""

    def abort(self) -> None:
        """Break the connection off: the response cannot be completed."""


class Tunnel(Protocol):
    """The upstream end of a connection that changed protocols."""

    def join(self, downstream: object) -> None: ...


class ErrorRenderer(Protocol):
    """Turns an error into the response that the client gets."""

    def __call__(self, exchange: Exchange, error: GatewayError, /) -> Response: ...


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
