"""How a route names its upstreams, and how long its exchanges have."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
ROUTE = """
upstreams: [{name: a, backends: []}, {name: b, backends: []}, {name: '7', backends: []}]
routes: [{path: /, %s}]
"""


@pytest.mark.parametrize(
    ("upstream", "shares"),
    [
        ("a", [("a", 1)]),
        ("7", [("7", 1)]),
        ("[a, b]", [("a", 1), ("b", 1)]),
        ("[{name: a, weight: 9}, b]", [("a", 9), ("b", 1)]),
    ],
)
def test_a_route_names_one_upstream_or_several(load_text: Load, upstream: str, shares: list[tuple[str, int]]) -> None:
    """Each with its share."""
    assert list(load_text(ROUTE % f"upstream: {upstream}").routes[0].upstreams) == shares


@pytest.mark.parametrize(
    ("keys", "seconds"),
    [
        ("upstream: a", 30.0),
        ("upstream: a, timeout: 60s", 60.0),
        ("upstream: a, timeout: 5s", 30.0),
        ("upstream: a, timeout: 60s, request_timeout: 10s", 10.0),
        ("upstream: a, request_timeout: 0", inf),
    ],
)
def test_the_time_of_an_exchange(load_text: Load, keys: str, seconds: float) -> None:
    """`timeouts.request`, unless the route's own `timeout` is longer, or it says itself."""
    assert load_text(ROUTE % keys).routes[0].exchange_timeout == seconds
