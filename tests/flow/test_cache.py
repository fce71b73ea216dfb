"""A cache in front of a route: what is answered from it, what is kept, and what is asked anew (RFC 9111)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.testing import Harness
from tests.flow.test_http2 import connect

Make = Callable[..., Harness]
Field = tuple[bytes, bytes]

FRESH = (b"Cache-Control", b"max-age=60")
TAG = (b"ETag", b'"1"')
CHUNKED = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
MODIFIED = (b"Last-Modified", b"Mon, 08 Jun 2026 10:00:00 GMT")


def cached(make: Make, *fields: Field, said: Any = None, body: bytes = b"hello", **route: Any) -> Harness:
    """Make a gateway with one route that has a cache; its backend gives an answer with some fields."""
    settings = {"path": "/orders/*", "upstream": "orders", "cache": {} if said is None else said}
    made = make("orders", routes=[settings | route])
    made.backend("orders").answers(ok(body, *fields))
    return made


def asked(made: Harness) -> int:
    """How often the backend was asked."""
    return len(made.backend("orders").requests)


def status(answer: Received) -> str:
    """What an answer says of the cache."""
    return (answer.headers.get(b"cache-status") or b"").decode()


def not_modified(*fields: Field) -> bytes:
    """Return a 304."""
    return b"HTTP/1.1 304 Not Modified\r\n" + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n"


# Hits.


def test_what_is_fresh_is_answered_from_the_cache(make: Make) -> None:
    """The backend is asked once; the answer is the same to the octet, and says how old it is and who gave it."""
    made = cached(make, FRESH, (b"Content-Type", b"text/plain"), (b"X-Own", b"1"))

    first = made.get("/orders/7")
    made.advance(10)
    second = made.get("/orders/7")

    assert asked(made) == 1
    assert (second.status, second.body) == (200, b"hello")
    for name in (b"content-type", b"x-own", b"cache-control", b"date", b"via"):
        assert second.headers.get(name) == first.headers.get(name) is not None
    assert second.headers.get(b"age") == b"10"
    assert status(first) == "gateway; fwd=uri-miss; stored"
    assert status(second) == "gateway; hit; ttl=50"
    assert first.headers.get(b"x-request-id") != second.headers.get(b"x-request-id")


def test_what_is_stale_is_not_answered(make: Make) -> None:
    """At its end of life the backend is asked again."""
    made = cached(make, FRESH)
    made.get("/orders/7")
    made.advance(59)
    assert status(made.get("/orders/7")) == "gateway; hit; ttl=1"

    made.advance(1)

    assert status(made.get("/orders/7")) == "gateway; fwd=uri-miss; stored"
    assert asked(made) == 2


def test_a_route_without_a_cache_keeps_nothing(make: Make) -> None:
    """And says nothing of caches; what its backend says of its own cache passes."""
    made = make("orders")
    made.backend("orders").answers(ok(b"hello", FRESH, (b"Cache-Status", b"origin; hit")))
    made.get("/orders/7")

    assert status(made.get("/orders/7")) == "origin; hit"
    assert asked(made) == 2


def test_what_the_cache_did_is_in_log_and_metrics(make: Make) -> None:
    """Each outcome, and nothing of a backend for an answer that none has given."""
    made = make(
        "orders",
        routes=[{"name": "r", "path": "/*", "upstream": "orders", "cache": {}}],
        access_log={"fields": ["request_id", "cache", "upstream_service", "backend", "attempts"]},
    )
    made.backend("orders").answers(ok(b"hello", FRESH, TAG))
    made.get("/7")
    made.get("/7")
    made.request("GET", "/7", {"If-Match": '"1"'})
    made.request("POST", "/8", body=b"x")
    made.advance(60)
    made.backend("orders").answers(not_modified(TAG, FRESH))
    made.get("/7")

    told = [(one["cache"], one["backend"], one["attempts"]) for one in made.logs]
    url = "http://127.0.0.1:9001"
    assert told == [("miss", url, 1), ("hit", None, 0), ("bypass", url, 1), (None, url, 1), ("revalidated", url, 1)]
    for outcome in ("miss", "hit", "bypass", "revalidated"):
        assert made.metric("gateway_cache_requests_total", route="r", outcome=outcome) == 1
    assert made.metric("gateway_cache_bytes") > 0


def test_no_word_of_the_cache_where_it_is_not_wanted(make: Make) -> None:
    """`status: false`."""
    made = cached(make, FRESH, said={"status": False})
    made.get("/orders/7")
    again = made.get("/orders/7")

    assert asked(made) == 1
    assert b"cache-status" not in again.headers
    assert again.headers.get(b"age") == b"0"


def test_head_is_answered_from_a_get(make: Make) -> None:
    """With the length of the content and none of it; a HEAD itself keeps nothing."""
    made = cached(make, FRESH)
    made.backend("orders").answers(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\n")
    assert status(made.request("HEAD", "/orders/7")) == "gateway; fwd=uri-miss"
    made.backend("orders").answers(ok(b"hello", FRESH))
    made.get("/orders/7")
    assert asked(made) == 2

    head = made.request("HEAD", "/orders/7")

    assert asked(made) == 2
    assert (head.status, head.headers.get(b"content-length"), head.body) == (200, b"5", b"")


def test_methods_that_are_not_listed_are_not_answered(make: Make) -> None:
    """`methods: [GET]`: a HEAD goes to the backend."""
    made = cached(make, FRESH, said={"methods": ["GET"]})
    made.get("/orders/7")
    made.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")

    assert status(made.request("HEAD", "/orders/7")) == "gateway; fwd=method"
    assert asked(made) == 2


# What is kept.


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ([FRESH], True),
        ([(b"Cache-Control", b"s-maxage=60")], True),
        ([(b"Cache-Control", b"public, max-age=60")], True),
        ([(b"Cache-Control", b"MAX-AGE=60")], True),
        ([(b"Cache-Control", b'max-age="60"')], True),
        ([(b"Cache-Control", b"max-age=0, s-maxage=60")], True),
        ([(b"Expires", b"Tue, 09 Jun 2030 10:00:00 GMT")], True),
        ([(b"Cache-Control", b"foo"), FRESH], True),
        ([], False),
        ([TAG], False),
        ([(b"Cache-Control", b"public")], False),
        ([(b"Cache-Control", b"max-age=60, s-maxage=0")], False),
        ([(b"Cache-Control", b"max-age=60, max-age=0")], False),
        ([(b"Cache-Control", b"max-age=soon")], False),
        ([(b"Cache-Control", b"max-age=-1")], False),
        ([FRESH, (b"Cache-Control", b"no-store")], False),
        ([FRESH, (b"Cache-Control", b"private")], False),
        ([FRESH, (b"Cache-Control", b'private="x-own"')], False),
        ([FRESH, (b"Cache-Control", b"no-cache")], False),
        ([FRESH, (b"Age", b"60")], False),
        ([FRESH, (b"Date", b"Tue, 09 Jun 2026 09:00:00 GMT")], False),
        ([(b"Expires", b"0")], False),
        ([(b"Expires", b"Tue, 09 Jun 2030 10:00:00 GMT"), (b"Expires", b"0")], False),
        ([(b"Cache-Control", b"private; max-age=60")], False),
        ([FRESH, (b"Cache-Control", b"no-store; x=1")], False),
        ([(b"Cache-Control", b'private="x, max-age=60')], False),
        ([(b"Expires", b"Tue, 09 Jun 2020 10:00:00 GMT")], False),
        ([FRESH, (b"Set-Cookie", b"a=b")], False),
        ([FRESH, (b"Vary", b"*")], False),
        ([FRESH, (b"Content-Type", b"text/event-stream")], False),
    ],
)
def test_what_is_kept(make: Make, fields: list[Field], kept: bool) -> None:
    """Where the answer says for how long, and nothing against it; what is doubtful is not kept."""
    made = cached(make, *fields)
    made.get("/orders/7")
    made.get("/orders/7")

    assert (asked(made) == 1) is kept


@pytest.mark.parametrize(
    ("line", "kept", "by_rule"),
    [
        (b"200 OK", True, True),
        (b"203 Non-Authoritative Information", True, True),
        (b"301 Moved Permanently", True, True),
        (b"302 Found", True, False),
        (b"404 Not Found", True, True),
        (b"410 Gone", True, True),
        (b"400 Bad Request", False, False),
        (b"403 Forbidden", False, False),
        (b"414 URI Too Long", False, False),
        (b"429 Too Many Requests", False, False),
        (b"500 Internal Server Error", False, False),
        (b"503 Service Unavailable", False, False),
    ],
)
def test_statuses_that_are_kept(make: Make, line: bytes, kept: bool, by_rule: bool) -> None:
    """With a time of their own, and by `ttl`; never one that is about the form of a single request, or a failure."""
    for fields, said, wanted in (([FRESH], {}, kept), ([], {"ttl": "60s"}, by_rule)):
        made = cached(make, said=said)
        made.backend("orders").answers(ok(b"x", *fields, status=line))
        made.get("/orders/7")
        assert made.get("/orders/7").status == int(line[:3])
        assert (asked(made) == 1) is wanted


def test_ttl_is_for_answers_that_say_nothing(make: Make) -> None:
    """What an answer says itself counts before it."""
    made = cached(make, said={"ttl": "60s"})
    made.get("/orders/7")
    made.advance(59)
    made.get("/orders/7")
    assert asked(made) == 1
    made.advance(1)
    made.backend("orders").answers(ok(b"x", (b"Cache-Control", b"max-age=1")))
    made.get("/orders/7")
    made.advance(2)
    made.get("/orders/7")

    assert asked(made) == 3


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ([], True),
        ([(b"Cache-Control", b"max-age=0")], True),
        ([(b"Cache-Control", b"no-cache")], True),
        ([(b"Expires", b"0")], True),
        ([(b"Age", b"1000")], True),
        ([(b"Cache-Control", b"no-store")], False),
        ([(b"Cache-Control", b"private")], False),
        ([(b"Set-Cookie", b"a=b")], False),
    ],
)
def test_override_ttl_asks_no_answer(make: Make, fields: list[Field], kept: bool) -> None:
    """Nothing that it says of freshness counts; `no-store` and `private` do."""
    made = cached(make, *fields, said={"override_ttl": "30s"})
    made.get("/orders/7")
    made.advance(29)
    made.get("/orders/7")
    assert (asked(made) == 1) is kept
    made.advance(1)
    made.get("/orders/7")

    assert asked(made) == (2 if kept else 3)


def test_one_that_is_too_long_is_not_kept(make: Make) -> None:
    """`max_entry`; whether its length is known or not, it goes to the client."""
    made = cached(make, FRESH, said={"max_entry": 1000}, body=b"x" * 1000)
    made.get("/orders/7")
    made.get("/orders/7")
    assert asked(made) == 1

    made.backend("orders").answers(ok(b"x" * 1001, FRESH))
    for _ in range(2):
        assert made.get("/orders/8").body == b"x" * 1001
    assert asked(made) == 3
    chunk = b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
    made.backend("orders").answers(head + chunk)
    for _ in range(2):
        assert made.get("/orders/9").body == b"x" * 1001
    assert asked(made) == 5


def test_an_answer_in_chunks_is_kept(make: Make) -> None:
    """Its length is known the second time."""
    made = cached(make)
    made.backend("orders").answers(CHUNKED + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")

    assert made.get("/orders/7").body == b"hello"
    again = made.get("/orders/7")

    assert (again.body, again.headers.get(b"content-length"), asked(made)) == (b"hello", b"5", 1)


def test_one_that_breaks_off_is_not_kept(make: Make) -> None:
    """Nor is one with trailers, whose content is not all of it."""
    made = cached(make)
    made.backend("orders").answer = lambda asked: (
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\nx"
    )
    client = made.client()
    client.send(b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    made.network.pump()
    made.backend("orders").connections[-1].reset()
    made.network.pump()
    assert client.closed is not None

    made.backend("orders").answers(CHUNKED + b"1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n")
    made.get("/orders/7")
    made.get("/orders/7")
    assert asked(made) == 3


# Who is calling.


@pytest.mark.parametrize("field", ["Authorization", "Cookie", "X-API-Key"])
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"max-age=60", False),
        (b"public, max-age=60", True),
        (b"s-maxage=60", True),
        (b"max-age=60, must-revalidate", True),
    ],
)
def test_who_shows_who_they_are(make: Make, field: str, said: bytes, kept: bool) -> None:
    """Their answers are for others only where these say so (RFC 9111 section 3.5); what is for all they get, too."""
    made = cached(make, (b"Cache-Control", said))

    made.request("GET", "/orders/7", {field: "me"})
    made.get("/orders/7")
    assert (asked(made) == 1) is kept

    made.request("GET", "/orders/7", {field: "me"})
    assert asked(made) == (1 if kept else 2)


def test_a_hit_is_authenticated_and_limited(make: Make) -> None:
    """The cache stands behind both: nobody gets more of it than the route lets through."""
    made = make(
        "orders",
        routes=[
            {
                "path": "/*",
                "upstream": "orders",
                "cache": {},
                "auth": {"type": "api_key"},
                "rate_limit": {"limit": 3, "window": "60s", "scope": "user"},
            }
        ],
        auth={"api_keys": {"keys": [{"id": "a", "key": "secret-a"}, {"id": "b", "key": "secret-b"}]}},
    )
    made.backend("orders").answers(ok(b"hello", (b"Cache-Control", b"public, max-age=60")))

    statuses = [made.request("GET", "/7", {"X-API-Key": "secret-a"}).status for _ in range(4)]

    assert statuses == [200, 200, 200, 429]
    assert made.get("/7").status == 401
    hit = made.request("GET", "/7", {"X-API-Key": "secret-b"})
    assert (hit.status, hit.headers.get(b"x-ratelimit-remaining"), asked(made)) == (200, b"2", 1)


def test_an_answer_for_a_principal_is_not_for_others(make: Make) -> None:
    """However it was shown who is calling; the backend is told who it is."""
    made = make(
        "orders",
        routes=[{"path": "/*", "upstream": "orders", "cache": {}, "auth": {"type": "api_key"}}],
        auth={"api_keys": {"query": "key", "keys": [{"id": "a", "key": "secret-a", "user": "alice"}]}},
    )
    made.backend("orders").answers(ok(b"hello", FRESH))
    made.get("/7?key=secret-a")
    made.get("/7?key=secret-a")

    assert asked(made) == 2


def test_a_cookie_is_left_out_where_the_answer_says_so(make: Make) -> None:
    r"""`no-cache="set-cookie"`: it goes to the first client, and the rest is kept."""
    made = cached(
        make,
        (b"Cache-Control", b'max-age=60, no-cache="Set-Cookie, X-Own"'),
        (b"Set-Cookie", b"a=b"),
        (b"X-Own", b"1"),
        (b"X-Other", b"2"),
    )

    first, second = made.get("/orders/7"), made.get("/orders/7")

    assert asked(made) == 1
    assert [first.headers.get(name) for name in (b"set-cookie", b"x-own", b"x-other")] == [b"a=b", b"1", b"2"]
    assert [second.headers.get(name) for name in (b"set-cookie", b"x-own", b"x-other")] == [None, None, b"2"]


# What clients ask.


@pytest.mark.parametrize(
    ("said", "hit"),
    [
        ("max-age=20", True),
        ("max-age=5", False),
        ("max-age=0", False),
        ("no-cache", False),
        ("no-store", True),
        ("min-fresh=40", True),
        ("min-fresh=55", False),
        ("max-stale", True),
        ("foo=bar", True),
    ],
)
def test_what_a_client_asks_of_caches(make: Make, said: str, hit: bool) -> None:
    """RFC 9111 section 5.2.1, about an answer that is ten seconds old and fresh for fifty more."""
    made = cached(make, FRESH)
    made.get("/orders/7")
    made.advance(10)

    again = made.request("GET", "/orders/7", {"Cache-Control": said})

    assert (asked(made) == 1) is hit
    assert status(again) == ("gateway; hit; ttl=50" if hit else "gateway; fwd=request; stored")


def test_pragma_counts_where_there_is_no_cache_control(make: Make) -> None:
    """HTTP/1.0 (RFC 9111 section 5.4)."""
    made = cached(make, FRESH)
    made.get("/orders/7")
    made.request("GET", "/orders/7", {"Pragma": "no-cache", "Cache-Control": "max-age=60"})
    assert asked(made) == 1

    made.request("GET", "/orders/7", {"Pragma": "no-cache"})

    assert asked(made) == 2


def test_a_client_may_want_nobody_to_be_asked(make: Make) -> None:
    """`only-if-cached`: 504, and the backend hears nothing."""
    made = cached(make, FRESH)
    refused = made.request("GET", "/orders/7", {"Cache-Control": "only-if-cached"})
    assert (refused.status, asked(made)) == (504, 0)
    assert made.last_log["reason"] == "cache.miss"
    made.get("/orders/7")

    answer = made.request("GET", "/orders/7", {"Cache-Control": "only-if-cached"})

    assert (answer.status, asked(made)) == (200, 1)


def test_a_client_may_want_nothing_kept(make: Make) -> None:
    """`no-store` in a request; what is kept already it gets."""
    made = cached(make, FRESH)
    assert status(made.request("GET", "/orders/7", {"Cache-Control": "no-store"})) == "gateway; fwd=bypass"
    made.get("/orders/7")

    assert asked(made) == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"If-None-Match": '"1"'}, 304),
        ({"If-None-Match": 'W/"1", "2"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"2"'}, 200),
        ({"If-Modified-Since": "Mon, 08 Jun 2026 10:00:00 GMT"}, 304),
        ({"If-Modified-Since": "Mon, 08 Jun 2026 11:00:00 GMT"}, 304),
        ({"If-Modified-Since": "Mon, 08 Jun 2026 09:00:00 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-None-Match": '"2"', "If-Modified-Since": "Mon, 08 Jun 2026 10:00:00 GMT"}, 200),
    ],
)
@pytest.mark.parametrize("warm", [True, False])
def test_a_client_that_has_it_already(make: Make, fields: dict[str, str], code: int, warm: bool) -> None:
    """304 from the cache, also when the answer was fetched for this request; the backend sees no condition."""
    made = cached(make, FRESH, TAG, MODIFIED, (b"Content-Type", b"text/plain"))
    if warm:
        made.get("/orders/7")

    answer = made.request("GET", "/orders/7", fields)

    assert answer.status == code
    assert answer.body == (b"hello" if code == 200 else b"")
    assert answer.headers.get(b"etag") == b'"1"'
    assert (b"content-type" in answer.headers) is (code == 200)
    assert b"age" in answer.headers
    sent = made.backend("orders").requests[0].headers
    assert b"if-none-match" not in sent
    assert b"if-modified-since" not in sent
    assert asked(made) == 1
    assert made.get("/orders/7").status == 200
    assert asked(made) == 1


@pytest.mark.parametrize(
    ("fields", "code", "content", "said"),
    [
        ({"Range": "bytes=1-3"}, 206, b"ell", b"bytes 1-3/5"),
        ({"Range": "bytes=3-"}, 206, b"lo", b"bytes 3-4/5"),
        ({"Range": "bytes=-2"}, 206, b"lo", b"bytes 3-4/5"),
        ({"Range": "bytes=0-99"}, 206, b"hello", b"bytes 0-4/5"),
        ({"Range": "bytes=-99"}, 206, b"hello", b"bytes 0-4/5"),
        ({"Range": "bytes=5-"}, 416, b"", b"bytes */5"),
        ({"Range": "bytes=-0"}, 416, b"", b"bytes */5"),
        ({"Range": "bytes=3-1"}, 200, b"hello", None),
        ({"Range": "bytes=0-1,3-4"}, 200, b"hello", None),
        ({"Range": "lines=1-2"}, 200, b"hello", None),
        ({"Range": "bytes=1-3", "If-Range": '"1"'}, 206, b"ell", b"bytes 1-3/5"),
        ({"Range": "bytes=1-3", "If-Range": 'W/"1"'}, 200, b"hello", None),
        ({"Range": "bytes=1-3", "If-Range": '"2"'}, 200, b"hello", None),
        ({"Range": "bytes=1-3", "If-Range": "Mon, 08 Jun 2026 10:00:00 GMT"}, 206, b"ell", b"bytes 1-3/5"),
        ({"Range": "bytes=1-3", "If-Range": "Mon, 08 Jun 2026 11:00:00 GMT"}, 200, b"hello", None),
        ({"Range": "bytes=1-3", "If-None-Match": '"1"'}, 304, b"", None),
    ],
)
def test_a_part_of_what_is_kept(
    make: Make, fields: dict[str, str], code: int, content: bytes, said: bytes | None
) -> None:
    """RFC 9110 section 14; of what is not understood, the whole."""
    made = cached(make, FRESH, TAG, MODIFIED)
    made.get("/orders/7")

    answer = made.request("GET", "/orders/7", fields)

    assert (answer.status, answer.body, answer.headers.get(b"content-range")) == (code, content, said)
    assert asked(made) == 1


def test_a_part_says_nothing_of_the_whole_content(make: Make) -> None:
    """`Content-Digest` and `Content-MD5` are of what is in the message; digests of the representation stay."""
    digests = [(name, b"sha-256=:x:") for name in (b"Content-Digest", b"Content-MD5", b"Repr-Digest", b"Digest")]
    made = cached(make, FRESH, TAG, *digests)
    made.get("/orders/7")
    part, whole = made.get("/orders/7", Range="bytes=1-3"), made.get("/orders/7")

    names = [name.lower() for name, _ in digests]
    assert [part.headers.get(name) is not None for name in names] == [False, False, True, True]
    assert all(whole.headers.get(name) is not None for name in names)


def test_a_part_is_asked_of_the_backend_where_nothing_is_kept(make: Make) -> None:
    """And is not kept."""
    made = cached(make)
    made.backend("orders").answers(
        ok(b"el", FRESH, (b"Content-Range", b"bytes 1-2/5"), status=b"206 Partial Content"), ok(b"hello", FRESH)
    )

    assert made.get("/orders/7", Range="bytes=1-2").status == 206
    assert made.backend("orders").requests[0].headers.get(b"range") == b"bytes=1-2"
    assert made.get("/orders/7").body == b"hello"
    assert asked(made) == 2


# Beside other features.


def test_requests_that_pass_by(make: Make) -> None:
    """With content, or of another method: nothing is kept, and what is kept does not answer them."""
    made = cached(make, FRESH)
    made.get("/orders/7")

    assert status(made.request("GET", "/orders/7", body=b"fat")) == "gateway; fwd=bypass"
    assert status(made.request("OPTIONS", "/orders/7")) == "gateway; fwd=method"
    assert asked(made) == 3


def test_tags_are_taken_out(make: Make) -> None:
    """Of answers that are kept and of those that are not."""
    for fields in ([FRESH], []):
        made = cached(make, *fields, (b"Surrogate-Key", b"a b"), (b"X-Tags", b"c"))
        for _ in range(2):
            answer = made.get("/orders/7")
            assert b"surrogate-key" not in answer.headers
            assert answer.headers.get(b"x-tags") == b"c"
        assert b"surrogate-key" not in made.request("POST", "/orders/7", body=b"x").headers


def test_answers_are_changed_for_each_client(make: Make) -> None:
    """What the route's rules say of an answer is said of a hit, too: request ids are of this request."""
    made = cached(
        make,
        FRESH,
        (b"Content-Type", b"application/json"),
        body=b'{"a": 1, "b": 2}',
        transformations={
            "response": {"set_headers": {"X-Id": "${request_id}"}, "body": {"remove": ["b"]}, "status": {"200": 203}}
        },
    )

    for _ in range(2):
        answer = made.get("/orders/7")
        assert (answer.status, answer.body) == (203, b'{"a":1}')
        assert answer.headers.get(b"x-id") == answer.headers.get(b"x-request-id")
    assert asked(made) == 1


def test_what_the_backend_is_asked_is_what_is_kept(make: Make) -> None:
    """What rules make of a request is in the key, and so is the path that it came with."""
    made = cached(
        make,
        FRESH,
        path=["/*"],
        transformations={"request": {"path": {"strip_prefix": "/v1"}, "query": {"set": {"by": "${client_ip}"}}}},
    )
    for _ in range(2):
        made.get("/v1/orders/7")
        assert [one.target for one in made.backend("orders").requests] == [b"/orders/7?by=192.0.2.1"]

    made.send(b"GET /v1/orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n", made.client("192.0.2.2"))
    assert made.backend("orders").requests[1].target == b"/orders/7?by=192.0.2.2"
    made.get("/orders/7")
    assert asked(made) == 3


def test_an_answer_out_of_several_is_kept(make: Make) -> None:
    """`aggregate`, by `ttl`: its parts are not asked again."""
    parts = [{"name": name, "upstream": name, "path": f"/{name}"} for name in ("orders", "users")]
    made = make("orders", "users", routes=[{"path": "/all", "aggregate": {"parts": parts}, "cache": {"ttl": "60s"}}])
    for name in ("orders", "users"):
        made.backend(name).answers(ok(b"[]", (b"Content-Type", b"application/json")))

    first, second = made.get("/all"), made.get("/all")

    assert first.body == second.body == b'{"orders":[],"users":[]}'
    assert status(second) == "gateway; hit; ttl=60"
    assert asked(made) == len(made.backend("users").requests) == 1


def test_copies_are_of_what_is_asked(make: Make) -> None:
    """`mirror`: a hit has none."""
    made = make(
        "orders", "shadow", routes=[{"path": "/*", "upstream": "orders", "mirror": {"upstream": "shadow"}, "cache": {}}]
    )
    made.backend("orders").answers(ok(b"hello", FRESH))
    for _ in range(3):
        made.get("/7")
        made.advance(1)

    assert asked(made) == len(made.backend("shadow").requests) == 1


def test_pages_of_other_origins(make: Make) -> None:
    """Each gets the fields for its own origin on a hit."""
    made = cached(make, FRESH, cors={"allowed_origins": ["https://a.example", "https://b.example"]})
    for origin in ("https://a.example", "https://b.example"):
        answer = made.get("/orders/7", Origin=origin)
        assert answer.headers.get(b"access-control-allow-origin") == origin.encode()
    assert asked(made) == 1


def test_an_answer_is_kept_once_for_each_coding(make: Make) -> None:
    """Compressed before it is kept: nobody's hit is compressed again, and who takes no coding gets none."""
    body = b'{"text": "%b"}' % (b"hello " * 500)
    made = cached(make, FRESH, (b"Content-Type", b"application/json"), body=body, compression={})

    seen: dict[bytes | None, bytes] = {}
    for accept in ("gzip", "gzip;q=1.0", "gzip, deflate", "br, gzip", "br", "identity", "deflate", ""):
        answer = made.request("GET", "/orders/7", {"Accept-Encoding": accept} if accept else {})
        coding = answer.headers.get(b"content-encoding")
        assert (answer.headers.get(b"vary") or b"").lower() == b"accept-encoding"
        assert seen.setdefault(coding, answer.body) == answer.body
        assert coding is None or coding.decode() in accept
    assert sorted(seen, key=str) == [None, b"br", b"gzip"] or set(seen) == {None, b"br", b"gzip"}
    assert asked(made) == 3
    assert {one.headers.get(b"accept-encoding") for one in made.backend("orders").requests} == {None, b"gzip", b"br"}


def test_the_store_outlives_a_reload(make: Make) -> None:
    """What is kept stays, unless the route would ask its backend something else now."""
    made = cached(make, FRESH)
    made.get("/orders/7")
    made.apply(access_log={"path": "-"})
    made.get("/orders/7")
    assert asked(made) == 1

    routes = [
        {
            "path": "/orders/*",
            "upstream": "orders",
            "cache": {},
            "transformations": {"request": {"set_headers": {"X": "1"}}},
        }
    ]
    made.apply(routes=routes)
    made.get("/orders/7")
    assert asked(made) == 2


def test_a_part_of_what_is_stale(make: Make) -> None:
    """It is validated as the whole is; in place of an error it is given as long as the whole would be."""
    made = cached(make, (b"Cache-Control", b"max-age=10"), TAG, said={"stale_if_error": "1h"}, body=b"0123456789")
    made.get("/orders/7")
    made.advance(11)
    made.backend("orders").answers(not_modified((b"Cache-Control", b"max-age=10")))

    part = made.request("GET", "/orders/7", {"Range": "bytes=2-4", "If-Range": '"1"'})

    assert (part.status, part.body) == (206, b"234")
    (sent,) = made.backend("orders").requests[1:]
    assert sent.headers.get(b"range") is None
    assert sent.headers.get(b"if-none-match") == b'"1"'
    made.advance(11)
    made.backend("orders").answers(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    part = made.request("GET", "/orders/7", {"Range": "bytes=-2"})
    assert (part.status, part.body) == (206, b"89")
    made.backend("orders").answers(ok(b"abcdefghij", FRESH))
    assert made.request("GET", "/orders/7", {"Range": "bytes=0-1"}).body in (b"ab", b"abcdefghij")
    assert made.request("GET", "/orders/7", {"Range": "bytes=0-1"}).body == b"ab"


def test_what_is_kept_stays_with_another_size(make: Make) -> None:
    """A reload with more room changes nothing of what is kept; with less, what was not asked for longest makes way."""
    made = cached(make, FRESH, body=b"x" * 50_000)
    for number in (1, 2, 3):
        made.get(f"/orders/{number}")

    made.apply(cache={"size": "1GiB"})
    for number in (1, 2, 3):
        made.get(f"/orders/{number}")
    assert asked(made) == 3

    made.apply(cache={"size": "110KiB"})
    assert made.metric("gateway_cache_evictions_total") == 1
    made.get("/orders/3")
    made.get("/orders/2")
    assert asked(made) == 3
    made.get("/orders/1")
    assert asked(made) == 4


def test_all_versions_are_answered_from_the_same(make: Make) -> None:
    """What came for a client of HTTP/1.1 goes to those of 1.0 and of 2, each in its framing."""
    made = cached(make, FRESH, TAG)
    made.get("/orders/7")
    old = made.send(b"GET /orders/7 HTTP/1.0\r\nHost: gateway.test\r\n\r\n")
    client = connect(made)
    whole = client.request("GET", "/orders/7")
    has = client.request("GET", "/orders/7", {"if-none-match": '"1"'})
    part = client.request("GET", "/orders/7", {"range": "bytes=1-2"})
    head = client.request("HEAD", "/orders/7")
    made.network.pump()

    assert old.responses(b"GET")[0].body == b"hello"
    assert [(one.status, one.body) for one in (whole, has, part, head)] == [
        (200, b"hello"),
        (304, b""),
        (206, b"el"),
        (200, b""),
    ]
    assert whole.headers.get(b"cache-status") == b"gateway; hit; ttl=60"
    assert asked(made) == 1
