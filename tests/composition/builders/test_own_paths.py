"""Which routes claim a path of the gateway's own; `tests/flow/test_paths.py` has what becomes of it."""

from __future__ import annotations

import pytest

from gateway.composition.builders.own_paths import claimed
from gateway.headers import Headers
from gateway.routing.rule import RouteRule

OWN = (b"/health", b"/health/live", b"/oauth/token")


@pytest.mark.parametrize(
    ("path", "claims"),
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
def test_a_route_that_names_the_path_claims_it(path: str, claims: bool) -> None:
    """However it is spelled; one for whatever comes does not."""
    assert (claimed([(RouteRule("r", path=path), "r")], OWN) is not None) is claims


def test_only_those_that_claim_are_asked() -> None:
    """A route for whatever comes does not stand in for one that names the path."""
    routes = [(RouteRule("all"), "all"), (RouteRule("own", path="/health"), "own")]

    table = claimed(routes, OWN)

    assert table is not None
    assert table.match(b"h", b"/health", b"GET", Headers(), b"").value == "own"
    assert claimed(routes[:1], OWN) is None
