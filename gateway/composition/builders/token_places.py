"""Settings of `from` and `origins` into where tokens are looked for, and what hides them from backends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from gateway.composition.builders.memo import memo
from gateway.config.schema.auth import Auth
from gateway.config.schema.tokens import TokenSection
from gateway.identity.origins import PageOrigins
from gateway.identity.places import AuthorizationPlace, CookiePlace, FieldPlace, Hidden, ParameterPlace, Place, Shown
from gateway.middleware.placed import HiddenTokens


def place_of(written: str) -> Place:
    """Make the place that a configuration names, the same for the same name; names of fields are in any case."""
    kind, _, name = written.partition(":")
    return _place(kind, (name.lower() if kind == "header" else name).encode())


@cache
def _place(kind: str, name: bytes) -> Place:
    if kind == "header":
        return AuthorizationPlace() if name == b"authorization" else FieldPlace(name)
    return CookiePlace(name) if kind == "cookie" else ParameterPlace(name)


def shown(said: Sequence[TokenSection], may_be: Callable[[bytes], bool] | None = None) -> tuple[Shown, list[list[int]]]:
    """Make what looks for tokens in the places of several sections, in the order in which they are first named.

    Returns:
        It, and for each place which of the sections take tokens from there.
    """
    places = list(dict.fromkeys(place_of(written) for one in said for written in one.places))
    takers = [[number for number, one in enumerate(said) if place in map(place_of, one.places)] for place in places]
    # The page must be one that each of them lets use its cookie: which of them it is for is not known yet.
    checks = [
        [PageOrigins(said[number].origins).check for number in numbers] if place.cookie is not None else []
        for place, numbers in zip(places, takers, strict=True)
    ]
    return Shown(places, checks, may_be), takers


class HiddenPlaces:
    """Makes the steps that take tokens out of cookies and the query.

    Args:
        auth: The settings.
    """

    def __init__(self, auth: Auth) -> None:
        sections: tuple[TokenSection, ...] = (*auth.jwt.values(), *auth.introspection.values())
        self._places = dict.fromkeys(place_of(written) for one in sections for written in one.places)
        self._made = memo(self._make)

    def step(self, read: Iterable[Place]) -> HiddenTokens | None:
        """Return the step of a route, None where there is nothing to hide.

        Args:
            read: Places that the route's own authenticators read, and then hide.
        """
        return self._made(frozenset(read)) if self._places else None

    def _make(self, read: frozenset[Place]) -> HiddenTokens | None:
        hidden = Hidden([place for place in self._places if place not in read])
        return HiddenTokens(hidden) if hidden else None
