"""Which routes claim a path of the gateway's own; `tests/flow/test_paths.py` has what becomes of it."""

from __future__ import annotations

import pytest

from gateway.composition.builders.own_paths import claims
from gateway.routing.rule import RouteRule

OWN = (b"/health", b"/health/live", b"/oauth/token")


@pytest.mark.parametrize(
    ("path", "claiming"),
    [
        ("/*", False),
        ("/:page", False),
        ("/{page}/live", False),
        ("/healthy", False),
        ("/health/other", False),
        ("/oauth/*", True),
        ("/oauth/:what", True),
        ("/health", True),
        ("//health", True),
        ("/%68ealth", True),
        ("/health/:what", True),
    ],
)
def test_a_route_that_names_the_path_claims_it(path: str, claiming: bool) -> None:
    """However it is spelled; one for whatever comes does not."""
    assert bool(claims([(RouteRule("r", path=path), "r")], OWN)) is claiming


def test_only_those_that_claim_are_asked() -> None:
    """A route for whatever comes does not stand in for one that names the path."""
    routes = [(RouteRule("all"), "all"), (RouteRule("own", path="/health"), "own")]

    assert claims(routes, OWN) == routes[1:]
    assert claims(routes[:1], OWN) == []
