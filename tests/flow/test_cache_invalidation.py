"""What a request that changes something makes the cache forget (RFC 9111 section 4.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.memory.backend import Asked, ok
from gateway.testing import Harness

Make = Callable[..., Harness]

FRESH = (b"Cache-Control", b"max-age=60")


def caching(make: Make, *fields: tuple[bytes, bytes], status: bytes = b"200 OK", **route: object) -> Harness:
    """Make a gateway with a cache; its backend answers what changes something with some fields."""
    made = make("orders", routes=[{"path": "/*", "upstream": "orders", "cache": {}} | route])

    def answer(asked: Asked) -> bytes:
        return ok(b"x", FRESH) if asked.method == b"GET" else ok(b"", *fields, status=status)

    made.backend("orders").answer = answer
    return made


def hits(made: Harness, *paths: str) -> list[bool]:
    """Whether each path is answered from the cache."""
    found = []
    for path in paths:
        before = len(made.backend("orders").requests)
        made.get(path)
        found.append(len(made.backend("orders").requests) == before)
    return found


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_change_of_what_is_kept(make: Make, method: str) -> None:
    """The URL is asked for again, whatever it is kept by; others are not."""
    made = caching(make)
    hits(made, "/7", "/7?a=1", "/8")

    made.request(method, "/7", body=b"x")

    assert hits(made, "/7", "/7?a=1", "/8") == [False, True, True]


@pytest.mark.parametrize("method", ["OPTIONS"])
def test_safe_methods_change_nothing(make: Make, method: str) -> None:
    """Nor do those that are refused."""
    made = caching(make)
    hits(made, "/7")

    made.request(method, "/7")

    assert hits(made, "/7") == [True]


@pytest.mark.parametrize("status", [b"400 Bad Request", b"404 Not Found", b"500 Internal Server Error"])
def test_what_was_refused_has_changed_nothing(make: Make, status: bytes) -> None:
    """An error of the backend's."""
    made = caching(make, status=status)
    hits(made, "/7")

    made.request("PUT", "/7", body=b"x")

    assert hits(made, "/7") == [True]


@pytest.mark.parametrize("name", [b"Location", b"Content-Location"])
@pytest.mark.parametrize(
    ("url", "forgotten"),
    [
        (b"/8", True),
        (b"8", True),
        (b"http://gateway.test/8", True),
        (b"HTTP://GATEWAY.test:80/8#part", True),
        (b"/a/../8", True),
        (b"/%38", True),
        (b"http://other.test/8", False),
        (b"https://gateway.test/8", False),
        (b"//other.test/8", False),
        (b"http://gateway.test:81/8", False),
        (b"/8?a=1", False),
        (b"http://[::1/8", False),
        (b"\xff", False),
        (b"", False),
    ],
)
def test_what_an_answer_names(make: Make, name: bytes, url: bytes, forgotten: bool) -> None:
    """URLs of the same origin only: nobody speaks for another one's."""
    made = caching(make, (name, url), status=b"201 Created")
    hits(made, "/7", "/8")

    made.request("POST", "/7", body=b"x")

    assert hits(made, "/7", "/8") == [False, not forgotten]


def test_a_route_without_a_cache_changes_what_another_keeps(make: Make) -> None:
    """Reading and writing may be two routes."""
    made = make(
        "orders",
        routes=[
            {"name": "read", "path": "/a/*", "methods": ["GET"], "upstream": "orders", "cache": {}},
            {"name": "write", "path": "/a/*", "methods": ["PUT"], "upstream": "orders"},
            {"name": "other", "path": "/b/*", "upstream": "orders"},
        ],
    )
    made.backend("orders").answers(ok(b"x", FRESH))
    hits(made, "/a/7")
    made.request("PUT", "/b/7", body=b"x")
    assert hits(made, "/a/7") == [True]

    assert b"cache-status" not in made.request("PUT", "/a/7", body=b"x").headers

    assert hits(made, "/a/7") == [False]
    steps = {name: _steps(made, name) for name in ("/a/7", "/b/7")}
    assert "cache_invalidation" not in steps["/b/7"]


def _steps(made: Harness, path: str) -> list[str]:
    from gateway.headers import Headers

    leaf = made.gateway.root.tree.routes.match(b"gateway.test", path.encode(), b"PUT", Headers(), b"").value
    return [getattr(hook.__self__, "name", "") for hook in leaf._chain._responses]  # type: ignore[attr-defined]


def test_parameters_that_do_not_count(make: Make) -> None:
    """Where the key has not all of the query, a change under any query means it."""
    made = caching(make, cache={"query": ["page"]})
    hits(made, "/7?page=1&x=2")

    made.request("PUT", "/7?x=3", body=b"x")

    assert hits(made, "/7?page=1") == [False]


def test_a_path_that_was_changed(make: Make) -> None:
    """URLs are those of clients."""
    made = caching(make, transformations={"request": {"path": {"add_prefix": "/v1"}}})
    hits(made, "/7")

    made.request("PUT", "/7", body=b"x")

    assert hits(made, "/7") == [False]
