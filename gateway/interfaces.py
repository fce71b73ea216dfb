"""The contracts between the parts of the gateway.

Layer 0: only shapes, so that every layer can name what it needs from another
without importing it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.message import Response
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
