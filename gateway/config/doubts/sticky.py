"""Doubts about `sticky`: cookies that browsers do not keep, that are lost to another upstream, or that tell too much.

Tests: `tests/config/doubts/test_doubts.py::test_what_a_cookie_does_not_do`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.config.doubts.common import Doubt, written
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route
from gateway.config.schema.upstreams import Upstream

_SHORT = 16
"""Octets: who has a cookie can try shorter secrets until one fits."""


def sticky(settings: Settings, leading: Mapping[str, Sequence[Route]]) -> Iterator[Doubt]:
    """Doubt the cookies of all upstreams.

    Args:
        settings: The configuration.
        leading: The routes that lead to each upstream.
    """
    cleartext = not settings.trusted_proxies and all(one.endpoint.startswith("tcp:") for one in settings.listeners)
    before: list[Upstream] = []
    for index, upstream in enumerate(settings.upstreams):
        if upstream.sticky is None:
            continue
        routes = leading[upstream.name]
        for key, words in _cookie(upstream, routes, cleartext):
            yield ("upstreams", index, "sticky", *([key] if key else [])), words
        for other in before:
            same = other.sticky is not None and other.sticky.cookie == upstream.sticky.cookie
            if same and any(_meet(one, another) for one in routes for another in leading[other.name]):
                words = (
                    f"a client of this upstream and of {other.name} loses its place at one when it gets a cookie of "
                    f"the other: both are called {upstream.sticky.cookie}"
                )
                yield ("upstreams", index, "sticky", "cookie"), words
                break
        before.append(upstream)


def _cookie(upstream: Upstream, routes: Sequence[Route], cleartext: bool) -> Iterator[tuple[str, str]]:
    sticky = upstream.sticky
    assert sticky is not None
    if sticky.secret is None:
        yield "", "without `secret` whoever guesses a backend's URL can tell from the cookie that it is right"
    elif len(sticky.secret.get_secret_value().encode()) < _SHORT:
        yield "secret", f"it has fewer than {_SHORT} octets: whoever has a cookie can try secrets until one fits"
    if cleartext and sticky.secure and not written(sticky, "secure"):
        words = (
            "no listener has TLS, and no `trusted_proxies` say that a proxy has: then browsers do not keep the cookie"
        )
        yield "", f"{words} (`secure`)"
    if upstream.strategy in ("ip_hash", "consistent_hash"):
        words = f"what {upstream.strategy} goes by decides for new clients only: from then on the cookie does"
        yield "", words
    hedged = [route.name for route in routes if route.hedge is not None]
    if hedged:
        words = "a slow answer moves a client: the second attempt goes to another backend, which has the client then"
        yield "", f"{words} (`hedge` of {', '.join(hedged)})"


def _meet(one: Route, other: Route) -> bool:
    """Whether a browser that uses one route sends the same cookies to the other."""
    return any(_same_host(mine, theirs) for mine in one.hosts for theirs in other.hosts)


def _same_host(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return True
    wild, name = (one, other) if one.startswith("*.") else (other, one)
    return one == other or (wild.startswith("*.") and name.endswith(wild[1:]))
