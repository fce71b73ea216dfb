"""Find out which plan a caller is on: the tier of a rate limit (`tiers`), or none at all (`except`).

Layer 2. Compiled when a snapshot is built. A tier's condition is `claim.NAME=VALUE`, `key=ID` (of an API key),
`user=NAME`, `role=NAME`, `scope=NAME` or `header.NAME=VALUE`. The first tier that a request meets is its own, in the
order written (D-203); a request that meets none has the limit itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Sequence
from typing import Any, Generic, TypeVar

from gateway.exchange import Exchange
from gateway.principal import Principal, find_claim

T = TypeVar("T")

Met = Callable[[Exchange], bool]
"""Whether a request meets a condition."""

NOBODY: Container[str] = frozenset()
"""For `except` where it is empty."""

HEADER = "header."
CLAIM = "claim."


def needs_principal(conditions: Iterable[str]) -> bool:
    """Whether a tier can only be found once it is known who is calling."""
    return any(not condition.startswith(HEADER) for condition in conditions)


def condition_met(condition: str) -> Met:
    """Compile a condition."""
    subject, _, value = condition.partition("=")
    if subject.startswith(HEADER):
        return _header(subject.removeprefix(HEADER).lower().encode(), value.encode("utf-8", "surrogatepass"))
    if subject.startswith(CLAIM):
        return _claim(subject.removeprefix(CLAIM), value)
    return _of_principal(_PRINCIPAL[subject], value)


class Plans(Generic[T]):
    """What was made of a limit for those who are on no tier, and for each tier.

    Args:
        base: For those whom no tier is for.
        tiers: Conditions, each with what is for those who meet it; None where that is no limit.
        exempt: Addresses of clients that have no limit.
    """

    __slots__ = ("_base", "_exempt", "_tiers")

    def __init__(self, base: T, tiers: Sequence[tuple[str, T | None]], exempt: Container[str] = NOBODY) -> None:
        self._base = base
        self._tiers = tuple((condition_met(condition), made) for condition, made in tiers)
        self._exempt = exempt

    def of(self, exchange: Exchange) -> T | None:
        """Return what is for a request; None where it has no limit."""
        if exchange.client_address in self._exempt:
            return None
        for met, made in self._tiers:
            if met(exchange):
                return made
        return self._base


def _header(name: bytes, value: bytes) -> Met:
    return lambda exchange: exchange.request.headers.index.get(name) == value


def _claim(name: str, value: str) -> Met:
    def met(exchange: Exchange) -> bool:
        principal = exchange.principal
        found = None if principal is None else find_claim(principal.claims, name)
        if isinstance(found, list):
            return any(_is(one, value) for one in found)
        return found is not None and _is(found, value)

    return met


def _is(found: Any, value: str) -> bool:
    """Compare what a claim says with a text: true, false and numbers are as JSON writes them."""
    if isinstance(found, bool):
        return value == ("true" if found else "false")
    return isinstance(found, str | int | float) and str(found) == value


def _of_principal(said: Callable[[Principal], Collection[str]], value: str) -> Met:
    def met(exchange: Exchange) -> bool:
        principal = exchange.principal
        return principal is not None and value in said(principal)

    return met


_PRINCIPAL: dict[str, Callable[[Principal], Collection[str]]] = {
    # As tuples of one: a text would be searched for a part of it.
    "key": lambda principal: (principal.key_id,),
    "api_key": lambda principal: (principal.key_id,),
    "user": lambda principal: (principal.subject,),
    "role": lambda principal: principal.roles,
    "scope": lambda principal: principal.scopes,
}
