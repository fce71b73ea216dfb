"""Tokens in other places than `Authorization`: the authenticators that look there, and the step that hides them.

Routes whose verifiers read `Authorization` only have those of `gateway.middleware.jwt` and
`gateway.authorities.introspection`, which do not know of other places.

Tests: `tests/flow/test_token_places.py::test_a_token_is_found_in_each_of_its_places`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from gateway.authorities.introspection import Introspection
from gateway.exchange import Exchange
from gateway.identity.jwt import TokenVerifier
from gateway.identity.places import Hidden, Place, Shown
from gateway.middleware.jwt import JwtAuthenticator, choose
from gateway.principal import Principal


class PlacedJwtAuthenticator(JwtAuthenticator):
    """Looks for a token in several places; see `gateway.interfaces.Authenticator`.

    Args:
        shown: Where tokens are.
        verifiers: For each place, those that take tokens from there.
        wall_clock: Unix seconds.
        max_size: Most octets of a token whose issuer is read.
    """

    def __init__(
        self,
        shown: Shown,
        verifiers: Sequence[Sequence[TokenVerifier]],
        wall_clock: Callable[[], float],
        max_size: int,
    ) -> None:
        super().__init__((), wall_clock, max_size)
        self._at = [tuple(each) for each in verifiers]
        self._shown = shown
        self.fields = shown.fields
        self.by_fields = False  # a token may be in the query

    @property
    def places(self) -> Sequence[Place]:
        """Where tokens are looked for."""
        return self._shown.places

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the token, and from which place it is."""
        return self._shown.find(exchange)

    def verify(self, credential: bytes, exchange: Exchange) -> Principal | Awaitable[Principal]:
        """Say whose token it is."""
        token = credential[1:]
        return choose(self._at[credential[0]], token, self._max_size).verify(token, self._wall_clock())

    def withhold(self, exchange: Exchange) -> None:
        """Take the tokens out of cookies and the query."""
        self._shown.withhold(exchange)

    def withhold_others(self, exchange: Exchange) -> None:
        """Take out what stands in the places that were not read."""
        self._shown.withhold_others(exchange)


class PlacedIntrospection(Introspection):
    """Looks for a token in several places, and has it judged.

    Args:
        shown: Where tokens are.
        more: As `Introspection` takes it.
    """

    def __init__(self, shown: Shown, *more: Any) -> None:
        super().__init__(*more)
        self._shown = shown
        self.fields = shown.fields

    @property
    def places(self) -> Sequence[Place]:
        """Where tokens are looked for."""
        return self._shown.places

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the token, and from which place it is."""
        return self._shown.find(exchange)

    async def verify(self, credential: bytes, exchange: Exchange) -> Principal:
        """Ask whose token it is."""
        return await super().verify(credential[1:], exchange)

    def withhold(self, exchange: Exchange) -> None:
        """Take the tokens out of cookies and the query."""
        self._shown.withhold(exchange)

    def withhold_others(self, exchange: Exchange) -> None:
        """Take out what stands in the places that were not read."""
        self._shown.withhold_others(exchange)


class HiddenTokens:
    """Takes tokens out of cookies and the query on routes that do not ask for them there.

    Args:
        hidden: The places that the route's own authenticators do not read.
    """

    __slots__ = ("_hidden",)

    name = "hidden_tokens"

    def __init__(self, hidden: Hidden) -> None:
        self._hidden = hidden

    def on_request(self, exchange: Exchange) -> None:
        """Take them out, if there are any."""
        self._hidden.take_out(exchange.request)
