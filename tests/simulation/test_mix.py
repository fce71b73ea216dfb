"""What is asked, and by whom."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.config import from_mapping
from gateway.simulation.mix import draw, made_up, one_of_each_route, weighted


def test_requests_are_drawn_by_their_weights() -> None:
    """And callers evenly; moments are passed on."""
    calls = list(draw(map(float, range(8000)), [3, 1], 4, seed=1))

    assert [at for at, _ in calls] == list(map(float, range(8000)))
    requests = Counter(call.request for _, call in calls)
    assert requests[0] / requests[1] == pytest.approx(3.0, rel=0.1)
    callers = Counter(call.caller for _, call in calls)
    assert sorted(callers) == [0, 1, 2, 3]
    assert min(callers.values()) == pytest.approx(2000, rel=0.1)


def test_the_seed_says_which() -> None:
    """The same one the same."""
    one, again, other = (list(draw([0.0] * 100, [1, 1], 9, seed)) for seed in (1, 1, 2))

    assert one == again != other


def test_callers_are_told_apart() -> None:
    """By address and name; what is said of all of them holds for each."""
    first, second = made_up(2, {"scope": "read"})

    assert (first.address, first.claims) == ("198.18.0.1", {"sub": "caller-1", "scope": "read"})
    assert (second.address, second.claims) == ("198.18.0.2", {"sub": "caller-2", "scope": "read"})
    assert made_up(1, {"sub": "me"})[0].claims == {"sub": "me"}
    assert made_up(300, {})[-1].address == "198.18.1.44"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("3x http://x/", ("http://x/", 3)),
        ("12x  curl -X PUT http://x/", ("curl -X PUT http://x/", 12)),
        ("http://x/", ("http://x/", 1)),
    ],
)
def test_a_weight_stands_before_a_request(said: str, found: tuple[str, int]) -> None:
    """1 where none is said."""
    assert weighted(said) == found


def test_each_route_to_an_upstream_is_asked() -> None:
    """By its method, host, fields and path; what the gateway answers itself is not, nor what cannot be told."""
    settings = from_mapping(
        {
            "upstreams": [{"name": "a", "backends": [{"url": "http://127.0.0.1:9001"}]}],
            "routes": [
                {"name": "users", "path": "/users/:id", "host": "api.example.com", "upstream": "a"},
                {"name": "put", "path": "/put", "methods": ["PUT"], "headers": {"X-Kind": "new"}, "upstream": "a"},
                {"name": "shape", "path": r"~^/\p{Greek}+$", "upstream": "a"},
                {"name": "own", "path": "/own", "respond": {"body": "ok"}},
            ],
        }
    )

    found, without = one_of_each_route(settings)

    asked = [(request.method, request.url, request.headers, weight) for request, weight in found]
    assert asked == [
        ("GET", "http://api.example.com/users/sample", {}, 1),
        ("PUT", "http://any.invalid/put", {"X-Kind": "new"}, 1),
    ]
    assert without == ["shape"]
