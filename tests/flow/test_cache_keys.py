"""What tells requests apart for the cache, and what backends are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import Asked, ok
from gateway.testing import Harness

Make = Callable[..., Harness]
Request = tuple[str, dict[str, str]]

FRESH = (b"Cache-Control", b"max-age=60")


def caching(make: Make, *fields: tuple[bytes, bytes], cache: Any = None, **settings: Any) -> Harness:
    """Make a gateway with a cache whose backend answers with the target that it got."""
    made = make("orders", routes=[{"path": "/*", "upstream": "orders", "cache": cache or {}}], **settings)
    made.backend("orders").answer = lambda asked: ok(asked.target, FRESH, *fields)
    return made


def same(made: Harness, one: Request, other: Request) -> bool:
    """Whether two requests are answered by the same answer."""
    for target, fields in (one, other):
        made.request("GET", target, fields)
    return len(made.backend("orders").requests) == 1


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (("/a", {}), ("/a", {}), True),
        (("/a", {"Host": "h"}), ("/a", {"Host": "H"}), True),
        (("/a", {"Host": "h"}), ("/a", {"Host": "other"}), False),
        (("/a", {"Host": "h"}), ("/a", {"Host": "h:8080"}), False),
        (("/a", {}), ("/b", {}), False),
        (("/a", {}), ("/a?", {}), False),
        (("/a", {}), ("/a?x", {}), False),
        (("/a?x=1&y=2", {}), ("/a?y=2&x=1", {}), False),
        (("/a", {}), ("//a", {}), False),
        (("/a", {}), ("/%61", {}), False),
        (("/a", {}), ("/a/", {}), False),
        (("/a", {}), ("/A", {}), False),
        (("/a", {}), ("/a", {"X-Forwarded-Host": "evil"}), False),
        (("/a", {}), ("/a", {"X_Forwarded_Host": "evil"}), False),
        (("/a", {}), ("/a", {"X-HTTP-Method-Override": "DELETE"}), False),
        (("/a", {}), ("/a", {"X-Whatever": "1"}), True),
        (("/a", {}), ("/a", {"Accept-Encoding": "gzip"}), True),
    ],
)
def test_what_is_in_the_key(make: Make, one: Request, other: Request, alike: bool) -> None:
    """The URL as it is sent, and fields that servers take one from."""
    assert same(caching(make), one, other) is alike


@pytest.mark.parametrize(
    ("query", "one", "other", "alike", "sent"),
    [
        ("none", "/a?x=1", "/a?x=2", True, b"/a"),
        ("none", "/a?x=1", "/a", True, b"/a"),
        (["page"], "/a?page=1&x=1", "/a?x=2&page=1", True, b"/a?page=1"),
        (["page"], "/a?page=1", "/a?page=2", False, b"/a?page=1"),
        (["page"], "/a?page=1", "/a?page=1&page=2", False, b"/a?page=1"),
        (["page"], "/a?x=1;page=2", "/a", True, b"/a"),
        (["page"], "/a?%70age=1", "/a?x&%70age=1", True, b"/a?%70age=1"),
    ],
)
def test_parameters_that_count(make: Make, query: Any, one: str, other: str, alike: bool, sent: bytes) -> None:
    """Others are not sent: nobody could choose by them what somebody else gets."""
    made = caching(make, cache={"query": query})

    assert same(made, (one, {}), (other, {})) is alike
    assert made.backend("orders").requests[0].target == sent
    made.request("POST", one, body=b"x")
    assert made.backend("orders").requests[-1].target == one.encode(), "what passes by the cache is as it was"


def test_fields_that_are_part_of_the_key(make: Make) -> None:
    """`vary`: whether an answer says so or not, and in normal form."""
    made = caching(make, cache={"vary": ["X-Tenant", "Accept-Language"]})
    cases = [
        {},
        {"X-Tenant": "a"},
        {"X-Tenant": "b"},
        {"X-Tenant": ""},
        {"X-Tenant": "a", "Accept-Language": "en, de;q=0.5"},
        {"X-Tenant": "a", "Accept-Language": "EN,de; q=0.5"},
    ]
    for fields in cases:
        made.request("GET", "/a", fields)

    assert len(made.backend("orders").requests) == 5


@pytest.mark.parametrize(
    ("name", "one", "other", "alike"),
    [
        ("Accept-Language", "en, de", "EN,de", True),
        ("Accept-Language", "en;q=1.0", "en", True),
        ("Accept-Language", "en, de", "de, en", False),
        ("Accept", "text/html ; q=0.5", "text/html;q=0.5", True),
        ("X-Device", "Phone", "Phone ", True),
        ("X-Device", "Phone", "phone", False),
        ("X-Device", "a  b", "a b", True),
        ("Accept-Encoding", "gzip, deflate, br", "br,gzip", True),
        ("Accept-Encoding", "gzip;q=0", "identity", True),
        ("Accept-Encoding", "gzip", "br", False),
        ("X-User-Id", "1", "2", True),
    ],
)
def test_vary_compares_in_normal_form(make: Make, name: str, one: str, other: str, alike: bool) -> None:
    """Blanks and the case of lists mean nothing; a field that no backend gets cannot have changed its answer."""
    made = caching(make, (b"Vary", name.encode()))

    assert same(made, ("/a", {name: one}), ("/a", {name: other})) is alike


def test_one_without_the_field_is_another(make: Make) -> None:
    """And answers that vary on several fields are told apart by all of them."""
    made = caching(make, (b"Vary", b"X-A, x-b"), (b"Vary", b"X-C"))
    for fields in ({}, {"X-A": "1"}, {"X-B": "1"}, {"X-A": "1", "X-B": "1"}, {"X-C": "1"}, {}, {"X-B": "1"}):
        made.request("GET", "/a", fields)

    assert len(made.backend("orders").requests) == 5


def test_a_coding_that_is_not_spoken_of(make: Make) -> None:
    """An answer that has one was chosen by what its client accepts, though `Vary` does not say so."""
    made = caching(make)
    made.backend("orders").answer = lambda asked: ok(
        b"x", FRESH, *([(b"Content-Encoding", b"gzip")] if b"accept-encoding" in asked.headers else [])
    )

    assert made.request("GET", "/a", {"Accept-Encoding": "gzip"}).headers.get(b"content-encoding") == b"gzip"
    assert b"content-encoding" not in made.request("GET", "/a").headers
    assert made.request("GET", "/a", {"Accept-Encoding": "gzip, foo"}).headers.get(b"content-encoding") == b"gzip"
    assert len(made.backend("orders").requests) == 2


def test_who_fetches_for_all_tells_nothing_of_one(make: Make) -> None:
    """Addresses of clients in fields of their own are not sent; they go on with what passes by the cache."""
    made = caching(make)
    made.request("GET", "/a", {"True-Client-IP": "192.0.2.9", "X-Client-Ip": "192.0.2.9"})
    made.request("POST", "/a", {"True-Client-IP": "192.0.2.9"}, body=b"x")

    fetched, posted = made.backend("orders").requests
    assert b"true-client-ip" not in fetched.headers
    assert b"x-client-ip" not in fetched.headers
    assert posted.headers.get(b"true-client-ip") == b"192.0.2.9"


@pytest.mark.parametrize(
    ("trusted", "told"),
    [([], b"192.0.2.1"), (["192.0.2.1"], b"198.51.100.7, 192.0.2.1")],
)
def test_who_fetches_for_all_tells_the_address_that_is_believed(make: Make, trusted: list[str], told: bytes) -> None:
    """Not what a client has written before it: a backend may make a page of that, which all would get."""
    made = caching(make, trusted_proxies=trusted)
    made.request("GET", "/a", {"X-Forwarded-For": "<script>, 198.51.100.7"})

    (fetched,) = made.backend("orders").requests
    assert fetched.headers.get(b"x-forwarded-for") == told


def test_what_a_trusted_proxy_says_is_in_the_key(make: Make) -> None:
    """Scheme and host that it forwards."""
    made = caching(make, trusted_proxies=["192.0.2.1"])
    for fields in (
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Proto": "http"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"},
    ):
        made.request("GET", "/a", fields)

    assert len(made.backend("orders").requests) == 3


def test_two_routes_share_nothing(make: Make) -> None:
    """One URL may be two routes', told apart by fields: their rules are not the same."""
    routes = [
        {"name": "b", "path": "/*", "headers": {"X-Beta": "1"}, "upstream": "beta", "cache": {}},
        {"name": "a", "path": "/*", "upstream": "orders", "cache": {}},
    ]
    made = make("orders", "beta", routes=routes)
    made.backend("orders").answers(ok(b"a", FRESH))
    made.backend("beta").answers(ok(b"b", FRESH))

    for _ in range(2):
        assert made.get("/x").body == b"a"
        assert made.request("GET", "/x", {"X-Beta": "1"}).body == b"b"


def test_upstreams_of_a_split_share_nothing(make: Make) -> None:
    """Who is sent to one does not get what another has said."""
    upstream = [{"name": "orders", "weight": 1}, {"name": "beta", "weight": 1}]
    routes = [{"path": "/*", "upstream": upstream, "split_on": "header:X-User", "cache": {}}]
    made = make("orders", "beta", routes=routes)
    made.backend("orders").answers(ok(b"a", FRESH))
    made.backend("beta").answers(ok(b"b", FRESH))
    own = {str(user): made.request("GET", "/x", {"X-User": str(user)}).body for user in range(10)}

    assert {made.request("GET", "/x", {"X-User": user}).body == body for user, body in own.items()} == {True}
    assert set(own.values()) == {b"a", b"b"}
    assert len(made.backend("orders").requests) == len(made.backend("beta").requests) == 1


def test_backends_get_one_spelling_of_what_is_accepted(make: Make) -> None:
    """`Accept-Encoding` with the usual codings, in one order; nothing where the client takes none of them."""
    seen: list[bytes | None] = []

    def answer(asked: Asked) -> bytes:
        seen.append(asked.headers.get(b"accept-encoding"))
        return ok(b"x")

    made = caching(make)
    made.backend("orders").answer = answer
    for accepts in ("deflate, gzip;q=0.1, BR", "*", "identity", "gzip;q=0", "nonsense;;"):
        made.request("GET", f"/{len(seen)}", {"Accept-Encoding": accepts})

    assert seen == [b"br, gzip", b"zstd, br, gzip", None, None, None]
