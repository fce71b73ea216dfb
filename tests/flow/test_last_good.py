"""`circuit_breaker.fallback.cached`: the last good answer stands in while the breaker is open."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.caching.store import Purge
from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.tokens import SECRET, sign

FAILS = ok(b"no", status=b"500 Internal Server Error")


def gateway(*, route: dict[str, Any] | None = None, **fallback: Any) -> Harness:
    """One upstream `orders` of one backend, whose breaker opens at the first failure."""
    breaker = {"failure_threshold": 1, "fallback": {"cached": True, **fallback}}
    return Harness(
        "a",
        upstreams=[{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "circuit_breaker": breaker}],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders", **(route or {})}],
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
    )


def answers(made: Harness, body: bytes, *fields: tuple[bytes, bytes]) -> None:
    """Let the backend answer this."""
    made.backend("a").answers(ok(body, *fields))


def opens(made: Harness) -> None:
    """Let the breaker open, by a request for another path."""
    made.backend("a").answers(FAILS)
    assert made.get("/fails").status == 500


def test_what_was_good_last_is_answered_while_the_breaker_is_open() -> None:
    """With its fields, its age and the reason; the backend gets no request."""
    made = gateway()
    answers(made, b"first", (b"ETag", b'"1"'))
    made.get("/orders?a=1")
    answers(made, b"second", (b"ETag", b'"2"'))
    made.get("/orders?a=1")
    made.advance(7.0)
    opens(made)
    heard = len(made.backend("a").requests)

    response = made.get("/orders?a=1")

    assert (response.status, response.body) == (200, b"second")
    assert response.headers.get(b"etag") == b'"2"'
    assert response.headers.get(b"age") == b"7"
    assert response.headers.get(b"cache-status") == b'gateway; hit; detail="breaker.open"'
    assert response.headers.get(b"gateway-reason") == b"breaker.open"
    assert response.headers.get(b"x-request-id") is not None
    assert made.last_log["reason"] == "breaker.open"
    assert made.last_log["status_code"] == 200
    assert len(made.backend("a").requests) == heard
    assert made.metric("gateway_last_good_answers_total", upstream="orders") == 1
    assert made.metric("gateway_last_good_bytes", upstream="orders") > 0
    made.check_quiet()


@pytest.mark.parametrize(
    "field",
    [
        ("X-Original-URL", "/evil"),
        ("X-Script-Name", "/evil"),
        ("X_HTTP_Method_Override", "DELETE"),
        ("True-Client-IP", "127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("Forwarded", "for=192.0.2.1;host=evil.example"),
        ("X-Forwarded-For", "<script>"),
    ],
)
def test_what_one_client_has_made_of_an_answer_stands_in_for_nobody(field: tuple[str, str]) -> None:
    """Fields by which frameworks learn another URL tell requests apart; another address than its own keeps it out."""
    made = gateway()
    answers(made, b"good")
    made.get("/orders")
    answers(made, b"evil")
    made.request("GET", "/orders", dict([field]))
    opens(made)

    assert made.get("/orders").body == b"good"


def test_where_there_is_none_the_other_keys_say_what_is_answered() -> None:
    """503 by default, or the static answer."""
    made, static = gateway(), gateway(status=200, body="{}")
    for one in (made, static):
        answers(one, b"good")
        one.get("/orders")
        opens(one)

    assert made.get("/others").status == 503
    assert static.get("/others").body == b"{}"
    assert static.get("/orders").body == b"good"


def test_head_is_answered_from_it_without_content() -> None:
    """With the length of the content."""
    made = gateway()
    answers(made, b"good")
    made.get("/orders")
    opens(made)

    (response,) = made.send(b"HEAD /orders HTTP/1.1\r\nHost: gateway.test\r\n\r\n").responses(b"HEAD")

    assert (response.status, response.body) == (200, b"")
    assert response.headers.get(b"content-length") == b"4"


@pytest.mark.parametrize(
    "field",
    [
        (b"Cache-Control", b"no-store"),
        (b"Cache-Control", b"private"),
        (b"Set-Cookie", b"a=b"),
        (b"Vary", b"*"),
        (b"Content-Type", b"text/event-stream"),
    ],
)
def test_what_is_for_one_caller_alone_is_not_kept(field: tuple[bytes, bytes]) -> None:
    """Where the backend says so; nor are event streams."""
    made = gateway()
    answers(made, b"secret", field)
    made.get("/orders")
    opens(made)

    assert made.get("/orders").status == 503


@pytest.mark.parametrize(
    ("line", "field", "status"),
    [
        (b"Authorization: Bearer x", b"max-age=60", 503),
        (b"Cookie: session=1", b"max-age=60", 503),
        (b"X-Api-Key: k", b"max-age=60", 503),
        (b"Cookie: session=1", b"public, max-age=60", 200),
        (b"Accept: */*", b"max-age=60", 200),
    ],
)
def test_what_was_said_to_somebody_who_showed_who_they_are(line: bytes, field: bytes, status: int) -> None:
    """It is kept only where the backend says that it is for everybody."""
    made = gateway()
    answers(made, b"yours", (b"Cache-Control", field))
    made.send(b"GET /orders HTTP/1.1\r\nHost: gateway.test\r\n" + line + b"\r\n\r\n")
    opens(made)

    assert made.get("/orders").status == status


def test_an_answer_for_a_principal_is_kept_only_if_it_is_for_all() -> None:
    """A caller still has to authenticate to get it."""
    made = gateway(route={"auth": {"type": "jwt"}})
    token = sign(SECRET, "HS256", {"sub": "alice", "exp": 2_000_000_000})
    fields = {"Authorization": f"Bearer {token}"}
    answers(made, b"hers")
    made.get("/hers", **fields)
    answers(made, b"everybody's", (b"Cache-Control", b"public"))
    made.get("/everybodys", **fields)
    made.backend("a").answers(FAILS)
    made.get("/fails", **fields)

    assert made.get("/hers", **fields).status == 503
    assert made.get("/everybodys", **fields).body == b"everybody's"
    assert made.get("/everybodys").status == 401


def test_answers_that_differ_by_a_request_field_go_to_whom_they_fit() -> None:
    """By `Vary`."""
    made = gateway()
    for language in ("de", "en"):
        answers(made, language.encode(), (b"Vary", b"Accept-Language"))
        made.get("/orders", **{"Accept-Language": language})
    opens(made)

    assert made.get("/orders", **{"Accept-Language": "de"}).body == b"de"
    assert made.get("/orders", **{"Accept-Language": "en"}).body == b"en"
    assert made.get("/orders", **{"Accept-Language": "fr"}).status == 503


def test_it_grows_too_old() -> None:
    """Past `max_stale`, or at once where the backend forbids stale answers."""
    made = gateway(max_stale="10m")
    answers(made, b"good", (b"Cache-Control", b"max-age=60"))
    made.get("/orders")
    answers(made, b"strict", (b"Cache-Control", b"max-age=60, must-revalidate"))
    made.get("/strict")
    opens(made)
    made.advance(29.0)
    assert [made.get(path).status for path in ("/orders", "/strict")] == [200, 200]

    opened = 29.0
    for until, expected in ((61.0, [200, 503]), (661.0, [503, 503])):
        made.advance(until - opened)
        opened = until
        opens(made)
        assert [made.get(path).status for path in ("/orders", "/strict")] == expected


def test_a_change_makes_what_was_kept_worthless() -> None:
    """RFC 9111 section 4.4: after a successful POST to the target it is forgotten."""
    made = gateway()
    answers(made, b"before")
    made.get("/orders")
    made.send(b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1\r\n\r\nx")
    opens(made)

    assert made.get("/orders").status == 503


@pytest.mark.parametrize("wish", ["no-cache", "no-store"])
def test_a_client_may_want_no_copy(wish: str) -> None:
    """RFC 9111 section 5.2.1: `no-cache` and `no-store` in the request."""
    made = gateway()
    answers(made, b"good")
    made.get("/orders")
    opens(made)

    assert made.get("/orders", **{"Cache-Control": wish}).status == 503


def test_a_long_answer_is_kept_up_to_the_bound_and_one_that_broke_off_is_not() -> None:
    """`cache_entry`; with and without a length."""
    made = gateway(cache_entry="100KiB")
    long, longer = b"x" * 100 * 1024, b"x" * (100 * 1024 + 1)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for path, octets in {
        "/long": ok(long),
        "/longer": ok(longer),
        "/chunked": chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(long), long),
        "/too": chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(longer), longer),
    }.items():
        made.backend("a").answers(octets)
        assert made.get(path).status == 200
    made.backend("a").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbroken")
    client = made.send(b"GET /broken HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    made.backend("a").connection.reset()
    made.network.pump()
    assert client.closed is not None
    made.backend("a").answers(FAILS)
    made.get("/fails")

    assert made.get("/long").body == long
    assert made.get("/chunked").body == long
    assert [made.get(path).status for path in ("/longer", "/too", "/broken")] == [503] * 3
    made.check_quiet()


def test_a_reload_forgets_nothing() -> None:
    """Kept answers are carried over."""
    made = gateway()
    answers(made, b"good")
    made.get("/orders")
    made.apply(trusted_proxies=["192.0.2.0/24"])
    opens(made)

    assert made.get("/orders").body == b"good"


@pytest.mark.parametrize("field", [b"X-Forwarded-For", b"X-Real-IP", b"Forwarded", b"x-forwarded-for, Accept"])
def test_fields_that_the_gateway_writes_tell_clients_apart(field: bytes) -> None:
    """`Vary: X-Forwarded-For`: the answer to one client is not given to another."""
    made = gateway()
    made.apply(forwarded={"forwarded": True})
    answers(made, b"for .1", (b"Vary", field))
    get = b"GET /orders HTTP/1.1\r\nHost: h\r\n\r\n"
    made.send(get, made.client("192.0.2.1"))
    opens(made)

    first, second = made.send(get, made.client("192.0.2.1")), made.send(get, made.client("192.0.2.2"))
    assert [response.body for response in first.responses()] == [b"for .1"]
    assert [response.status for response in second.responses()] == [503]


def test_what_the_client_says_in_a_field_that_is_not_passed_on_has_no_part() -> None:
    """A client's `X-User-ID` reaches no backend, so it does not select the answer for that user."""
    made = gateway()
    answers(made, b"nobody's", (b"Vary", b"X-User-ID"))
    made.get("/orders", **{"X-User-ID": "alice"})
    opens(made)

    assert made.get("/orders").body == b"nobody's"


def test_an_answer_to_a_get_with_content_is_not_kept() -> None:
    """The answer may depend on the content, which is not part of the key."""
    made = gateway()
    answers(made, b"found")
    assert made.request("GET", "/orders", body=b"a search").body == b"found"
    opens(made)

    assert made.get("/orders").status == 503


@pytest.mark.parametrize(
    ("purge", "given"),
    [
        (Purge(), False),
        (Purge(route="orders"), False),
        (Purge(route="others"), True),
        (Purge(tag=b"t2"), False),
        (Purge(tag=b"t3"), True),
        (Purge(url=b"gateway.test/orders"), False),
        (Purge(url=b"gateway.test/orders", query=b"a=1"), False),
        (Purge(url=b"gateway.test/orders", query=b"a=2"), True),
    ],
)
@pytest.mark.parametrize("said", [b"max-age=1", b"must-understand"])
def test_what_was_purged_is_not_given_from_here(purge: Purge, given: bool, said: bytes) -> None:
    """Where the route has a cache, which has kept the answer as well or not; its tags are taken out of both."""
    made = gateway(route={"cache": {}})
    answers(made, b"good", (b"Cache-Control", said), (b"Surrogate-Key", b"t1 t2"))
    made.get("/orders?a=1")
    made.advance(2)
    made.gateway.root.tree.caches.purge(purge)
    opens(made)

    answer = made.get("/orders?a=1")
    assert (answer.status, answer.body == b"good") == ((200, True) if given else (503, False))
    assert answer.headers.get(b"surrogate-key") is None


def test_what_was_purged_while_it_came_is_not_kept() -> None:
    """The purge is later than the look-up, and the answer may be older."""
    made = gateway(route={"cache": {}})
    made.backend("a").answer = lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngo"
    client = made.send(b"GET /orders HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    made.gateway.root.tree.caches.purge(Purge(route="orders"))
    made.backend("a").requests[-1].connection.send(b"od")
    made.network.pump()
    assert client.responses()[0].body == b"good"
    opens(made)

    assert made.get("/orders").status == 503
