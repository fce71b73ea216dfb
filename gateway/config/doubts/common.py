"""What all doubts are made of: where a key stands, and whether it was written.

Tests: `tests/config/doubts/test_doubts.py::test_what_is_said_for_all_in_vain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway.config.schema.auth import Way
from gateway.config.schema.base import Section
from gateway.config.schema.limiting import RateLimit
from gateway.config.schema.routes import Route

Step = str | int
Doubt = tuple[tuple[Step, ...], str]
"""The steps to a key, and what is to be said of it."""


class Finding(NamedTuple):
    """A doubt, and the rule that it comes from.

    Attributes:
        steps: To the key.
        words: What is to be said of it.
        code: Of the rule (`gateway.config.doubts.rules`).
    """

    steps: tuple[Step, ...]
    words: str
    code: str


def coded(code: str, doubts: Iterable[Doubt]) -> Iterator[Finding]:
    """Give doubts the code of a rule."""
    return (Finding(steps, words, code) for steps, words in doubts)


def beneath(steps: tuple[Step, ...], findings: Iterable[Finding]) -> Iterator[Finding]:
    """Put the beginning of the key before the steps of those who know only its end."""
    return (one._replace(steps=(*steps, *one.steps)) for one in findings)


WITH_CLAIMS: tuple[Way, ...] = ("jwt", "introspection")
"""Ways of showing who is calling that bring claims."""


def written(section: Section, *keys: str) -> bool:
    """Tell whether one of these keys stands in the configuration."""
    return any(key in section.model_fields_set for key in keys)


def asks_who(route: Route, *ways: Way) -> bool:
    """Tell whether a route asks who is calling, by one of these ways where some are named."""
    return route.auth is not None and any(not ways or way.type in ways for way in route.auth.ways)


def scopes(limit: RateLimit, routes: Sequence[Route], nobody: str) -> Iterator[Doubt]:
    """Doubt scopes by which a limit tells nobody apart, since none of its routes asks for such a credential.

    Args:
        limit: What is limited.
        routes: Which it is for.
        nobody: That they do not ask, e.g. `no route asks`.
    """
    for scope in limit.scope:
        if scope == "user" and not any(map(asks_who, routes)):
            yield ("scope",), f"`user` is unknown: {nobody} who is calling (`auth`), so users are never told apart"
        elif scope == "api_key" and not any(asks_who(route, "api_key") for route in routes):
            yield ("scope",), f"`api_key` is unknown: {nobody} for one (`auth`), so keys are never told apart"
        elif scope.startswith("claim:") and not any(asks_who(route, *WITH_CLAIMS) for route in routes):
            yield ("scope",), f"`{scope}` is unknown: {nobody} for a token (`auth`), so claims are never told apart"


def limit(limit: RateLimit, routes: Sequence[Route], nobody: str) -> Iterator[Finding]:
    """Doubt a rate limit: its scopes, its tiers and its exceptions; arguments as of `scopes`."""
    yield from coded("limit-without-auth", scopes(limit, routes, nobody))
    yield from coded("limit-tier", _tiers(limit, routes, nobody))
    if any(network.prefixlen == 0 for network in limit.except_):
        yield Finding(("except",), "it has all addresses of its kind: for them there is no limit", "limit-for-nobody")


def _tiers(limit: RateLimit, routes: Sequence[Route], nobody: str) -> Iterator[Doubt]:
    fields = limit.tier_fields
    for condition, most in limit.tiers.items():
        kind = condition.partition("=")[0].partition(".")[0]
        if kind == "claim" and not any(asks_who(route, *WITH_CLAIMS) for route in routes):
            yield ("tiers", condition), f"nobody is on it: {nobody} for a token (`auth`)"
        elif kind in ("key", "api_key") and not any(asks_who(route, "api_key") for route in routes):
            yield ("tiers", condition), f"nobody is on it: {nobody} for an API key (`auth`)"
        elif kind in ("user", "role", "scope") and not any(map(asks_who, routes)):
            yield ("tiers", condition), f"nobody is on it: {nobody} who is calling (`auth`)"
        elif condition in fields and (most == 0 or most > limit.limit):
            words = f"whoever sends `{fields[condition]}` is on it: clients choose their fields, and so this limit"
            yield ("tiers", condition), words
