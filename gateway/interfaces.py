"""The contracts between the parts of the gateway.

Layer 0: protocols only, so that a layer can name what it needs from one above
it without importing that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.message import Response
from gateway.principal import Principal


class Middleware(Protocol):
    """One step of a chain; it defines those of the three hooks that it needs.

    `on_request(exchange)` returns None to go on, a `Response` to answer at
    once, or an awaitable of either. `on_response(exchange)` sees the head
    before it goes out, on answers made by the gateway too.
    `on_finish(exchange)` runs once for every exchange, whatever became of it.
    """

    name: str


class RequestHook(Protocol):
    """A bound `on_request`."""

    def __call__(self, exchange: Exchange, /) -> Response | Awaitable[Response | None] | None: ...


class ResponseHook(Protocol):
    """A bound `on_response`."""

    def __call__(self, exchange: Exchange, /) -> Awaitable[None] | None: ...


class FinishHook(Protocol):
    """A bound `on_finish`."""

    def __call__(self, exchange: Exchange, /) -> None: ...


class ErrorRenderer(Protocol):
    """Turns an error into the response that the client gets."""

    def __call__(self, exchange: Exchange, error: GatewayError, /) -> Response: ...


class Authenticator(Protocol):
    """One way to authenticate: finds a kind of credential in a request, and verifies it.

    Made once per configuration and shared by its routes. Asked by `gateway.middleware.authentication`, which caches
    results, decides which authenticator is tried first, and answers refused requests.

    Attributes:
        name: `jwt`, `api_key`, …: a label in metrics and logs.
        challenge: Its challenge for `WWW-Authenticate`, e.g. `Bearer realm="api"`; empty for none.
        cacheable: Whether the principal depends on the credential alone, and so may be cached.
        fields: Lower-case names of the request fields that carry the credential; dropped unless the route forwards it.
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
            CredentialInvalid: What it shows cannot be a credential: there are two, or it is too long.
        """

    def verify(self, credential: bytes, exchange: Exchange) -> Principal | Awaitable[Principal]:
        """Return the principal that a credential belongs to.

        Raises:
            CredentialInvalid: The credential is unknown, expired or revoked.
            AuthUnavailable: The credential cannot be verified now.
        """

    def withhold(self, exchange: Exchange) -> None:
        """Take the credential out of parts of the request that `fields` does not name (the query)."""


@runtime_checkable
class PlacedAuthenticator(Authenticator, Protocol):
    """An authenticator that finds its credential in one of several places.

    Attributes:
        places: Where it looks (`gateway.identity.places.Place`).
    """

    @property
    def places(self) -> Sequence[Any]: ...

    def withhold_others(self, exchange: Exchange) -> None:
        """Take out what stands in the places that were not read: a route forwards what was verified only."""


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
            excluded: Backends that this exchange has already tried; picked again only when no other is left.

        Raises:
            NoBackendAvailable: No backend may be tried.
        """
