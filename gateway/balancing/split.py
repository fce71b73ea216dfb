"""Which of several weighted upstreams a caller keeps to: `split_on` of the configuration.

Layer 2. Weighted rendezvous hashing (Thaler and Ravishankar, 1996; the weights as in Schindelhauer and Schomaker,
"Weighted distributed hash tables", 2005): every upstream draws a lot for a caller, from the two names alone, divides it
by its weight, and the lowest has the caller. So every process and instance finds the same one, and nothing is
remembered.

# Note [Who moves when weights change]
A caller leaves an upstream only if the weight of that one has become less beside those of others: of two upstreams
with weights 90 and 10, the change to 80 and 20 moves every tenth caller from the first to the second, and nobody back.
Shares are exact but for chance (a ring of points would add 3 % to that, see `gateway.balancing.hashing`). Only the
names and the proportion of the weights count, not the route: a caller who is let in on a new version by one route gets
it by every other route that is split between the same upstreams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import log
from typing import Final

from gateway.exchange import Exchange
from gateway.http.cookies import values

_STEPS: Final = 2.0**53
"""How many lots there are: each is a float between 0 and 1 that tells them all apart."""


class Rendezvous:
    """Places callers.

    Args:
        weights: Names of upstreams, with their shares. One with 0 gets nobody.
    """

    def __init__(self, weights: Sequence[tuple[str, int]]) -> None:
        self._drawing = [
            (name, weight, blake2b(name.encode(), digest_size=32).digest()) for name, weight in weights if weight
        ]

    def place(self, caller: bytes) -> str | None:
        """Return the upstream of a caller; None where no weight is over 0."""
        best, least = None, 0.0
        for name, weight, key in self._drawing:
            drawn = int.from_bytes(blake2b(caller, digest_size=8, key=key).digest()) >> 11
            lot = -log((drawn + 0.5) / _STEPS) / weight
            if best is None or lot < least:
                best, least = name, lot
        return best


class Split:
    """Chooses one of a route's upstreams for an exchange.

    Args:
        caller: Says who is calling, empty for nobody.
        placing: Places callers.
        otherwise: Chooses for who says nothing.
    """

    def __init__(
        self, caller: Callable[[Exchange], bytes], placing: Rendezvous, otherwise: Callable[[Exchange], str]
    ) -> None:
        self._caller = caller
        self._place = placing.place
        self._otherwise = otherwise

    def choose(self, exchange: Exchange) -> str:
        """Return the name of the upstream."""
        caller = self._caller(exchange)
        return (self._place(caller) if caller else None) or self._otherwise(exchange)


def caller_key(split_on: str) -> Callable[[Exchange], bytes]:
    """Compile `ip`, `user`, `header:NAME` or `cookie:NAME`; what it makes returns nothing where that has no value.

    Raises:
        ValueError: It is none of these.
    """
    kind, _, name = split_on.partition(":")
    if split_on == "ip":
        return lambda exchange: exchange.client_address.encode()
    if split_on == "user":
        return lambda exchange: (exchange.user or "").encode("utf-8", "surrogatepass")
    if kind == "header" and name:
        field = name.lower().encode()
        return lambda exchange: exchange.request.headers.joined(field) or b""
    if kind == "cookie" and name:
        cookie = name.encode()
        return lambda exchange: next(filter(None, values(exchange.request.headers, cookie)), b"")
    raise ValueError(f"expected ip, user, header:NAME or cookie:NAME, found {split_on!r}")
