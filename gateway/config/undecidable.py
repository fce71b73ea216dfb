"""Conditions, limits and hashes that go by what no backend gets from a client.

A client could choose by it as it likes (its route, the count it falls under), and nobody after the gateway would see
it: an error. What the gateway has checked itself may decide: the place of an API key, where all have to show one
(D-131).
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.callers import (
    all_show_authorization,
    all_show_keys,
    fields_of_callers,
    fields_of_tokens,
    places_of_keys,
    places_of_tokens,
    takes_authorization,
)
from gateway.config.nodes import MapNode
from gateway.config.problems import Problem, problem
from gateway.config.schema import Settings
from gateway.config.schema.auth import Auth
from gateway.config.schema.limiting import RateLimit
from gateway.config.schema.routes import Route
from gateway.config.validation import Location, about_key, locate
from gateway.http.cookies import read_as
from gateway.http.fields import HOP_BY_HOP, IDENTITY_PREFIX, NEVER_FORWARDED, OTHER_URLS, folded
from gateway.http.forwarded import BELIEVED, DROPPED
from gateway.http.templates import names

_HEEDED = frozenset([b"connection", b"upgrade", b"te", b"transfer-encoding"])
"""Fields of one hop that the gateway acts upon, and writes anew for the backend."""

_WANTED = "a field that backends get as clients send it"

_Verdict = tuple[str, str]
"""What was wanted, and why this is not it."""


def check(root: MapNode, settings: Settings) -> Iterator[Problem]:
    """Report everything that goes by such a field or parameter."""
    for location, name, (wanted, why) in _all(settings):
        place, path = locate(root, location)
        yield problem(place, path, wanted, f'"{name}": {why}')


def _all(settings: Settings) -> Iterator[tuple[Location, str, _Verdict]]:
    dropped = _Dropped(settings)
    auth = settings.auth or Auth.unwritten()
    taking: set[str] = set()  # upstreams that routes lead to which keep `Authorization`
    own = {one.sticky.cookie for one in settings.upstreams if one.sticky is not None}
    keyed: dict[str, bool] = {}  # upstreams: whether all that lead there have shown a key
    for index, route in enumerate(settings.routes):
        checked = all_show_keys(route.auth)
        takes = takes_authorization(route.auth, auth)
        unread = takes and not all_show_authorization(route.auth, auth)
        yield from _conditions(index, route, dropped, checked, unread)
        if route.split_on is not None:
            verdict = _by(route.split_on, dropped, checked, takes, own)
            if verdict is not None:
                yield ("routes", index, "split_on"), route.split_on, verdict
        yield from _parts(index, route, dropped, checked, takes)
        for place, limit in enumerate(route.rate_limit):
            yield from _limit(("routes", index, "rate_limit", place), limit, dropped, checked, takes)
        for upstream in route.asked:
            if takes:
                taking.add(upstream)
            keyed[upstream] = checked and keyed.get(upstream, True)
    for index, limit in enumerate(settings.rate_limits):
        # Also for requests that no route takes: nobody has checked a key of theirs.
        everywhere = limit.path is None and any(takes_authorization(route.auth, auth) for route in settings.routes)
        yield from _limit(("rate_limits", index), limit, dropped, False, everywhere)
    yield from _hashes(settings, dropped, keyed, taking, own)


def _conditions(
    index: int, route: Route, dropped: _Dropped, checked: bool, unread: bool
) -> Iterator[tuple[Location, str, _Verdict]]:
    for name in route.headers:
        verdict = dropped.field(name, checked, unread)
        if verdict is not None:
            yield about_key("routes", index, "headers", name), name, verdict
    for name in route.query:
        if name == dropped.parameter and not checked:
            yield about_key("routes", index, "query", name), name, _PARAMETER
        elif read_as(name.encode()) in dropped.token_parameters:
            yield about_key("routes", index, "query", name), name, _TOKEN_PARAMETER


def _parts(
    index: int, route: Route, dropped: _Dropped, checked: bool, takes: bool
) -> Iterator[tuple[Location, str, _Verdict]]:
    """Find targets of parts (`aggregate`) that are made from what the client says of itself, and nobody has checked."""
    for place, part in enumerate(() if route.aggregate is None else route.aggregate.parts):
        for used in names(part.path):
            kind, _, name = used.partition(".")
            verdict = dropped.field(name, checked, takes) if kind == "header" else None
            if kind == "query" and name == dropped.parameter and not checked:
                verdict = _PARAMETER
            elif kind == "query" and read_as(name.encode()) in dropped.token_parameters:
                verdict = _TOKEN_PARAMETER
            if verdict is not None:
                yield ("routes", index, "aggregate", "parts", place, "path"), f"${{{used}}}", verdict


def _hashes(
    settings: Settings, dropped: _Dropped, keyed: dict[str, bool], taking: set[str], own: set[str]
) -> Iterator[tuple[Location, str, _Verdict]]:
    breakers = [settings.circuit_breaker, *(one.circuit_breaker for one in settings.upstreams)]
    for breaker in filter(None, breakers):
        keyed.pop(breaker.fallback.upstream or "", None)  # it takes requests of routes that do not name it
    for index, one in enumerate(settings.upstreams):
        verdict = _by(one.hash_on, dropped, keyed.get(one.name, False), one.name in taking, own)
        if verdict is not None:
            yield ("upstreams", index, "hash_on"), one.hash_on, verdict
        if one.sticky is not None and read_as(one.sticky.cookie.encode()) in dropped.token_cookies:
            yield ("upstreams", index, "sticky", "cookie"), one.sticky.cookie, _OVERWRITTEN


def _by(written: str, dropped: _Dropped, checked: bool, takes: bool, own: set[str]) -> _Verdict | None:
    """Say what is wrong with a value of `hash_on` or `split_on`; `own` are the cookies of `sticky`."""
    kind, _, name = written.partition(":")
    if kind == "cookie":
        if name in own:
            return _COOKIE
        return _TOKEN_COOKIE if read_as(name.encode()) in dropped.token_cookies else None
    return dropped.field(name, checked, takes) if kind == "header" else None


def _limit(
    location: Location, limit: RateLimit, dropped: _Dropped, checked: bool, takes: bool
) -> Iterator[tuple[Location, str, _Verdict]]:
    for place, scope in enumerate(limit.scope):
        kind, _, name = scope.partition(":")
        verdict = dropped.field(name, checked, takes) if kind == "header" else None
        if verdict is not None:
            wanted, why = verdict
            # It counts who is known to call; the field is the client's word.
            better = {_CALLER[1]: " (or `user`)", _TOKEN[1]: " (or `user`)", _KEY[1]: " (or `api_key`)"}.get(why, "")
            yield (*location, "scope", place), scope, (wanted + better, why)
    for condition, name in limit.tier_fields.items():
        verdict = dropped.field(name, checked, takes)
        if verdict is not None:
            yield about_key(*location, "tiers", condition), condition, verdict


_CALLER = _WANTED, "it says who is calling, and is dropped from what clients send"
_KEY = _WANTED, "it is where API keys are shown: no backend gets it, and here it need not hold a key and nothing else"
_TOKEN = _WANTED, "it is where tokens are shown, which go no further here, and one token has many spellings"
_TOKEN_COOKIE = "a cookie that backends get as clients send it", _TOKEN[1]
_TOKEN_PARAMETER = "a parameter that backends get as clients send it", _TOKEN[1]
_PARAMETER = (
    "a parameter that backends get as clients send it",
    "it is where API keys are shown: no backend gets it, and here it need not hold a key and nothing else",
)
_COOKIE = "a cookie that backends get as clients send it", "it is the gateway's own (`sticky`): no backend gets it"
_OVERWRITTEN = "a cookie that holds no token", "tokens are shown in it (`from`), and it would be set in their place"
_NO_PROXY = _WANTED, "it is believed of `trusted_proxies` only, and there are none"
_OTHER_URL = _WANTED, "it is dropped from what clients send unless `forwarded.original_url` lets it in"
_NEVER = _WANTED, "it is dropped from what clients send"


class _Dropped:
    """Which fields of a client go to no backend.

    Attributes:
        parameter: The one of the query that does not, None for none.
        token_cookies: Cookies that do not, as `gateway.http.cookies.read_as` gives them.
        token_parameters: Parameters with tokens, likewise.
    """

    def __init__(self, settings: Settings) -> None:
        auth = settings.auth or Auth.unwritten()
        self._callers = frozenset(map(folded, fields_of_callers(auth)))
        self._keys = frozenset(map(folded, places_of_keys(auth)))
        self._tokens = frozenset(map(folded, fields_of_tokens(auth)))
        self.token_cookies = frozenset(read_as(name.encode()) for name in places_of_tokens(auth, "cookie"))
        self.token_parameters = frozenset(read_as(name.encode()) for name in places_of_tokens(auth, "query"))
        # Where a scheme stands before the key, `Bearer k`, `bearer k` and `Bearer  k` are one key in several values.
        self._bare = auth.api_keys is not None and auth.api_keys.scheme is None
        self.parameter = None if auth.api_keys is None else auth.api_keys.query
        self._never = NEVER_FORWARDED | HOP_BY_HOP - _HEEDED
        self._other_urls = frozenset() if settings.forwarded.original_url else OTHER_URLS
        self._proxies = bool(settings.trusted_proxies)

    def field(self, name: str, checked: bool, unread: bool) -> _Verdict | None:
        """Say what is wrong with going by a field, None for nothing.

        Args:
            name: As written.
            checked: Whether all whom it decides about have to show an API key.
            unread: Whether `Authorization` goes no further, and may be what nobody has checked.
        """
        written = name.lower().encode()
        # As filters of fields judge a name: by what a backend could read it as.
        read_as = folded(written)
        if read_as in self._callers or read_as.startswith(IDENTITY_PREFIX):
            return _CALLER
        if read_as in self._keys:
            return None if checked and self._bare and written == read_as else _KEY
        if read_as in self._tokens or (read_as == b"authorization" and unread):
            return _TOKEN
        if read_as in self._other_urls:
            return _OTHER_URL
        if read_as in self._never or (read_as in DROPPED and written != read_as):
            return _NEVER
        return _NO_PROXY if read_as in BELIEVED and not self._proxies else None
