"""Keep clients at their backends: `sticky` of the configuration.

Layer 2. What a client shows is the token of its backend, a keyed hash of the backend's URL: every process and instance
of the same configuration makes the same one, and a reload changes nothing. Only who cannot be kept is given to the
strategy, so weights hold for new clients.

# Note [What a token tells]
With `sticky.secret` a token tells nothing, and nobody can make one. Without it a token is a hash that anybody can make
who guesses the backend's URL, and so find out that the guess is right; `gateway check` says so. A forged token is worth
no more than the one that it equals: it leads to a backend that may be tried, or it is unknown and its client is new.

Tests: `tests/flow/test_sticky.py::test_a_client_stays_at_its_backend`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Generic, TypeVar

from gateway.balancing.available import may_be_picked
from gateway.exchange import Exchange
from gateway.interfaces import Balancer, Target

T = TypeVar("T", bound=Target)

SHOWN = "gateway.sticky"
"""Where `gateway.middleware.sticky` leaves what a client showed (`Exchange.state`): values by the cookie's name."""

_SEPARATOR = b" "
"""Stands in no token."""


def token(secret: bytes, upstream: str, backend: str) -> bytes:
    """Make the token of a backend.

    Args:
        secret: Empty for none, see Note [What a token tells].
        upstream: Its upstream's name: the token leads nowhere in another upstream that has the same backend.
        backend: Its URL.
    """
    # The key of BLAKE2 has 64 octets at most.
    key = blake2b(secret, person=b"gateway sticky").digest() if secret else b""
    said = f"{upstream}\0{backend}".encode()
    return urlsafe_b64encode(blake2b(said, key=key, digest_size=18, person=b"gateway sticky").digest())


def token_of(value: bytes) -> bytes:
    """Return the token in a cookie's value: what stands before the first dot."""
    return value.partition(b".")[0]


def sticky_key(
    cookie: bytes, tokens: Iterable[bytes], key: Callable[[Exchange], bytes] | None
) -> Callable[[Exchange], bytes]:
    """Make what a `Sticky` balancer places an exchange by: the token that its client shows, and the strategy's own key.

    Args:
        cookie: Name of the cookie.
        tokens: Of the upstream's backends; of several cookies the first that has one of them counts.
        key: What the strategy places an exchange by; None where that does not matter.
    """
    known = frozenset(tokens)

    def place(exchange: Exchange) -> bytes:
        shown = exchange.state.get(SHOWN)
        values = () if shown is None else shown.get(cookie, ())
        mine = next((said for said in map(token_of, values) if said in known), b"")
        return mine + _SEPARATOR + (b"" if key is None else key(exchange))

    return place


class Sticky(Generic[T]):
    """Gives clients that are bound to a backend to it, as long as it may be tried, and all others to a strategy.

    Args:
        backends: By their tokens.
        strategy: Picks for clients that are new, or whose backend may not be tried.
    """

    def __init__(self, backends: Mapping[bytes, T], strategy: Balancer[T]) -> None:
        self._backends = backends
        self._strategy = strategy

    @property
    def strategy(self) -> Balancer[T]:
        """Who picks for clients that are new."""
        return self._strategy

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Choose the backend of the token in front of the key."""
        mine, _, rest = key.partition(_SEPARATOR)
        backend = self._backends.get(mine)
        if backend is not None and may_be_picked(backend, now, excluded):
            return backend
        return self._strategy.pick(rest, now, excluded)
