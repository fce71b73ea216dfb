"""Doubts about authorities that are asked who is calling: how long a route has for their answer.

Tests: `tests/config/doubts/test_doubts.py::test_who_is_calling_is_not_told_in_time_or_not_in_this_way`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.config.doubts.common import Doubt, written
from gateway.config.schema import Settings
from gateway.config.schema.auth import AuthMethod
from gateway.config.schema.base import Section
from gateway.config.schema.routes import Route
from gateway.config.schema.tokens import JwtVerifier
from gateway.config.units import format_duration

_TIMEOUT = {"jwt": "jwks_timeout", "introspection": "timeout", "forward": "timeout"}
"""The key with the time that an authority has, by the way of showing who is calling."""


def authorities(settings: Settings) -> Iterator[Doubt]:
    """Doubt an authority's timeout that no exchange lasts for, and a route's that ends before its authority's."""
    longest: dict[tuple[str, str], float] = {}
    for route in settings.routes:
        for asked in _asked(route):
            longest[asked] = max(longest.get(asked, 0.0), route.exchange_timeout)
    in_vain = set()
    for (way, name), seconds in longest.items():
        authority, key = _authorities(settings, way).get(name), _TIMEOUT[way]
        if authority is not None and written(authority, key) and getattr(authority, key) >= seconds:
            in_vain.add((way, name))
            words = f"nobody waits so long: no exchange that asks takes more than {format_duration(seconds)}"
            yield ("auth", way, name, key), words
    for index, route in enumerate(settings.routes):
        for way, name in set(_asked(route)) - in_vain if written(route, "request_timeout") else ():
            authority = _authorities(settings, way).get(name)
            given = 0.0 if authority is None else getattr(authority, _TIMEOUT[way])
            if given >= route.exchange_timeout:
                words = f"`auth.{way}.{name}` has {format_duration(given)} to say who is calling"
                yield ("routes", index, "request_timeout"), f"an exchange may end before its authority answers: {words}"


def _asked(route: Route) -> Iterator[tuple[str, str]]:
    ways: tuple[AuthMethod, ...] = () if route.auth is None else route.auth.ways
    return ((way.type, name) for way in ways if way.type in _TIMEOUT for name in way.verifier)


def _authorities(settings: Settings, way: str) -> Mapping[str, Section]:
    """Return those of a way that are asked over the network, by name."""
    auth = settings.auth
    if auth is None:
        return {}
    if way == "jwt":
        return {name: verifier for name, verifier in auth.jwt.items() if _is_asked(verifier)}
    found: Mapping[str, Section] = getattr(auth, way)
    return found


def _is_asked(verifier: JwtVerifier) -> bool:
    """Tell whether an issuer publishes the keys."""
    symmetric = all(algorithm.startswith("HS") for algorithm in verifier.algorithms)
    return verifier.jwks_url is not None or (verifier.public_key_file is None and not symmetric)
