"""Where a request shows a token: `from` of the configuration, for tokens that are not only in `Authorization`.

Layer 2. Used by `gateway.middleware.placed`. Of several places with a token the first in the order of the configuration
decides (D-47): the others are not looked at, and go to no backend. One place with two different tokens is refused:
whoever added the second (a site on a subdomain can set cookies for its siblings) must not choose. `Bearer` may stand
before a token in any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gateway.errors import CredentialInvalid
from gateway.exchange import Exchange
from gateway.http import cookies, queries
from gateway.identity.bearer import after_scheme, bearer_token
from gateway.message import Request


class Place:
    """A place of tokens.

    Attributes:
        field: Lower-case name of the field that is this place, None where the place is a part of something else.
        cookie: Name of the cookie, likewise.
        parameter: Name of the query parameter, likewise.
    """

    __slots__ = ("cookie", "field", "parameter")

    def __init__(self, field: bytes | None = None, cookie: bytes | None = None, parameter: bytes | None = None) -> None:
        self.field = field
        self.cookie = cookie
        self.parameter = parameter

    def read(self, request: Request) -> bytes | None:
        """Return the token that is there, None for none.

        Raises:
            CredentialInvalid: There are two.
        """
        raise NotImplementedError


class AuthorizationPlace(Place):
    """`Authorization: Bearer TOKEN`."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(b"authorization")

    def read(self, request: Request) -> bytes | None:
        """Return the token; another scheme is none."""
        return bearer_token(request)


class FieldPlace(Place):
    """Another field: `Cf-Access-Jwt-Assertion: TOKEN`."""

    __slots__ = ("_name",)

    def __init__(self, name: bytes) -> None:
        super().__init__(name)
        self._name = name

    def read(self, request: Request) -> bytes | None:
        """Return the token; an empty field is none."""
        values = request.headers.get_all(self._name)
        if len(values) > 1:
            raise CredentialInvalid("two fields with a token")
        return _only(values)


class CookiePlace(Place):
    """A cookie."""

    __slots__ = ("_name",)

    def __init__(self, name: bytes) -> None:
        super().__init__(cookie=name)
        self._name = name

    def read(self, request: Request) -> bytes | None:
        """Return the token; an empty cookie is none: servers empty it when a user logs out."""
        return _only(map(_unquoted, cookies.values(request.headers, self._name)))


class ParameterPlace(Place):
    """A parameter of the query."""

    __slots__ = ("_name",)

    def __init__(self, name: bytes) -> None:
        super().__init__(parameter=name)
        self._name = name

    def read(self, request: Request) -> bytes | None:
        """Return the token; an empty parameter is none."""
        if not request.query:
            return None
        return _only(value for name, value in queries.pairs(request.query) if name == self._name)


def _unquoted(value: bytes) -> bytes:
    """Return the value of a cookie without the quotes that it may stand in (RFC 6265 section 4.1.1)."""
    return value[1:-1] if len(value) > 1 and value[:1] == value[-1:] == b'"' else value


def _only(found: Iterable[bytes]) -> bytes | None:
    # Some applications keep `Bearer TOKEN` in a cookie.
    tokens = {after_scheme(token) or token for token in found if token}
    if len(tokens) > 1:
        raise CredentialInvalid("two different tokens in one place")
    return tokens.pop() if tokens else None


class Hidden:
    """Takes tokens out of cookies and the query, wherever a backend could look for one.

    Args:
        places: The places; those that are fields of their own are dropped by the filter of what is forwarded.
    """

    __slots__ = ("_cookies", "_parameters")

    def __init__(self, places: Sequence[Place]) -> None:
        self._cookies = frozenset(cookies.read_as(place.cookie) for place in places if place.cookie)
        self._parameters = frozenset(cookies.read_as(place.parameter) for place in places if place.parameter)

    def __bool__(self) -> bool:
        return bool(self._cookies or self._parameters)

    def take_out(self, request: Request, but: Place | None = None) -> None:
        """Take the tokens out of a request, all but that of one place."""
        if self._cookies:
            cookies.take_out_alike(request.headers, self._cookies, None if but is None else but.cookie)
        if self._parameters and request.query:
            queries.take_out_alike(request, self._parameters, None if but is None else but.parameter)


class Shown:
    """Finds the token of a request in one of several places.

    Args:
        places: In the order in which they are looked at.
        checks: For each place, what has to agree before a token from there counts (`gateway.identity.origins`).
        may_be: Whether a token may be of the kind that is looked for; others are left where they are.

    Attributes:
        places: As given.
        fields: Lower-case names of the fields that are places.
    """

    __slots__ = ("_checks", "_hidden", "_may_be", "fields", "places")

    def __init__(
        self,
        places: Sequence[Place],
        checks: Sequence[Sequence[Callable[[Exchange], None]]],
        may_be: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.places = tuple(places)
        self.fields = frozenset(place.field for place in places if place.field is not None)
        self._checks = tuple(checks)
        self._may_be = may_be
        self._hidden = Hidden(places)

    def find(self, exchange: Exchange) -> bytes | None:
        """Return the token behind an octet with the number of its place; None where there is none.

        The number makes it another credential for the cache: a token may be good from one place and not from another.

        Raises:
            CredentialInvalid: A place has two tokens.
            OriginRefused: The page that sent the request may not use a token from there.
        """
        found = self._first(exchange.request)
        if found is None:
            return None
        number, token = found
        for check in self._checks[number]:
            check(exchange)
        return bytes([number]) + token

    def _first(self, request: Request) -> tuple[int, bytes] | None:
        for number, place in enumerate(self.places):
            token = place.read(request)
            if token is not None and (self._may_be is None or self._may_be(token)):
                return number, token
        return None

    def withhold(self, exchange: Exchange) -> None:
        """Take the tokens out of cookies and the query."""
        self._hidden.take_out(exchange.request)

    def withhold_others(self, exchange: Exchange) -> None:
        """Leave the token that was verified, and take out what stands in the other places: nobody has verified it."""
        request = exchange.request
        found = self._first(request)
        read = None if found is None else self.places[found[0]]
        self._hidden.take_out(request, read)
        for place in self.places:
            if place.field is not None and place is not read and _has_token(place, request):
                request.headers.remove(place.field)


def _has_token(place: Place, request: Request) -> bool:
    try:
        return place.read(request) is not None
    except CredentialInvalid:
        return True
