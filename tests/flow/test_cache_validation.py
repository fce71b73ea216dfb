"""What is kept and no longer fresh: validated, given while another is fetched, given in place of an error."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.memory.backend import ok
from tests.flow.test_cache import FRESH, MODIFIED, TAG, Make, asked, cached, not_modified, status

# Validation.


def test_what_is_stale_is_validated(make: Make) -> None:
    """A 304 makes it fresh again, with what it says; nobody is sent the content a second time."""
    made = cached(make, FRESH, TAG, MODIFIED, (b"X-Own", b"1"))
    made.get("/orders/7")
    made.advance(60)
    made.backend("orders").answers(not_modified(TAG, (b"Cache-Control", b"max-age=30"), (b"X-Own", b"2")))

    again = made.get("/orders/7")

    sent = made.backend("orders").requests[1].headers
    assert (sent.get(b"if-none-match"), sent.get(b"if-modified-since")) == (b'"1"', MODIFIED[1])
    assert (again.status, again.body, again.headers.get(b"x-own")) == (200, b"hello", b"2")
    assert status(again) == "gateway; fwd=stale; fwd-status=304"
    made.advance(29)
    hit = made.get("/orders/7")
    assert (hit.headers.get(b"x-own"), hit.headers.get(b"age"), asked(made)) == (b"2", b"29", 2)


def test_what_has_changed_takes_its_place(make: Make) -> None:
    """The backend answers the condition with another content."""
    made = cached(make, FRESH, TAG)
    made.get("/orders/7")
    made.advance(60)
    made.backend("orders").answers(ok(b"other", FRESH, (b"ETag", b'"2"')))

    again = made.get("/orders/7")

    assert (again.body, status(again)) == (b"other", "gateway; fwd=stale; stored")
    assert made.get("/orders/7").body == b"other"
    assert asked(made) == 2


def test_a_304_that_is_about_something_else(make: Make) -> None:
    """What is kept goes, and the whole is asked for."""
    made = cached(make, FRESH, TAG)
    made.get("/orders/7")
    made.advance(60)
    made.backend("orders").answers(not_modified((b"ETag", b'"2"')), ok(b"other", FRESH))

    assert made.get("/orders/7").body == b"other"
    assert b"if-none-match" not in made.backend("orders").requests[-1].headers
    assert asked(made) == 3


def test_a_304_that_forbids_to_keep_it(make: Make) -> None:
    """The client gets the answer once more, and it goes."""
    made = cached(make, FRESH, TAG)
    made.get("/orders/7")
    made.advance(60)
    made.backend("orders").answers(not_modified(TAG, (b"Cache-Control", b"private")), ok(b"other"))

    assert made.get("/orders/7").body == b"hello"
    assert made.get("/orders/7").body == b"other"


def test_a_client_that_has_what_a_backend_confirms(make: Make) -> None:
    """Its condition is answered from what was validated: 304 on both sides."""
    made = cached(make, FRESH, TAG)
    made.get("/orders/7")
    made.advance(60)
    made.backend("orders").answers(not_modified(TAG, FRESH))

    assert made.get("/orders/7", If_None_Match='"1"').status == 304
    assert made.get("/orders/7", If_None_Match='"0"').body == b"hello"
    assert asked(made) == 2


def test_no_cache_is_validated_each_time(make: Make) -> None:
    """It is kept for that, where it has a validator."""
    made = cached(make, (b"Cache-Control", b"no-cache, max-age=60"), TAG)
    made.get("/orders/7")
    made.backend("orders").answers(not_modified(TAG, (b"Cache-Control", b"no-cache")))
    for _ in range(2):
        again = made.get("/orders/7")
        assert (again.status, again.body, status(again)) == (200, b"hello", "gateway; fwd=stale; fwd-status=304")

    assert asked(made) == 3


def test_conditions_that_only_a_backend_can_judge(make: Make) -> None:
    """`If-Match` and `If-Unmodified-Since` pass by the cache."""
    made = cached(make, FRESH, TAG)
    made.get("/orders/7")

    for name in ("If-Match", "If-Unmodified-Since"):
        assert status(made.request("GET", "/orders/7", {name: '"1"'})) == "gateway; fwd=bypass"
    assert asked(made) == 3


# Stale answers.


@pytest.mark.parametrize(
    ("said", "settings", "seconds"),
    [
        (b"max-age=60, stale-while-revalidate=30", {}, 30),
        (b"max-age=60", {"stale_while_revalidate": "20s"}, 20),
        (b"max-age=60, stale-while-revalidate=5", {"stale_while_revalidate": "20s"}, 5),
        (b"s-maxage=60, stale-while-revalidate=30", {}, 30),
    ],
)
def test_a_stale_answer_while_it_is_fetched(make: Make, said: bytes, settings: Any, seconds: int) -> None:
    """The client does not wait; the next one gets the new answer. One fetch, however many come."""
    made = cached(make, (b"Cache-Control", said), TAG, said=settings)
    made.get("/orders/7")
    made.advance(60 + seconds - 1)
    made.backend("orders").stall()

    for _ in range(3):
        stale = made.get("/orders/7")
        assert (stale.body, status(stale)) == (b"hello", f"gateway; hit; ttl={1 - seconds}")
    assert asked(made) == 2
    assert made.backend("orders").requests[1].headers.get(b"if-none-match") == b'"1"'
    made.backend("orders").connections[-1].send(ok(b"other", FRESH))
    made.network.pump()

    assert made.get("/orders/7").body == b"other"
    assert asked(made) == 2
    made.advance(200)
    made.backend("orders").answers(ok(b"third", FRESH))
    assert made.get("/orders/7").body == b"third"


@pytest.mark.parametrize("refuses", [True, False])
def test_a_backend_that_fails_is_not_asked_for_each_stale_answer(make: Make, refuses: bool) -> None:
    """Once a second in the background, for each key."""
    made = cached(make, FRESH, said={"stale_while_revalidate": "60s"})
    made.get("/orders/7")
    made.advance(61)
    attempts = made.backend("orders").requests
    made.backend("orders").answers(ok(b"no", status=b"503 No"))
    if refuses:
        made.backend("orders").reset_on_data()

    def tries() -> int:
        return (
            len(attempts) if not refuses else sum(len(one.received) > 0 for one in made.backend("orders").connections)
        )

    before = tries()
    for _ in range(5):
        assert made.get("/orders/7").body == b"hello"
    first = tries() - before
    assert first <= (2 if refuses else 1)
    made.advance(1.1)
    made.get("/orders/7")
    assert tries() - before > first


@pytest.mark.parametrize(
    "said", [b"max-age=60, must-revalidate", b"max-age=60, proxy-revalidate", b"s-maxage=60", b"no-cache"]
)
def test_an_answer_that_must_not_be_stale(make: Make, said: bytes) -> None:
    """What the route allows does not count: neither while another is fetched, nor in place of an error."""
    made = cached(make, (b"Cache-Control", said), TAG, said={"stale_while_revalidate": "60s", "stale_if_error": "60s"})
    made.get("/orders/7")
    made.advance(61)
    made.backend("orders").answers(ok(b"no", status=b"503 Service Unavailable"))

    assert made.get("/orders/7").status == 503


@pytest.mark.parametrize("said", [b"max-age=60, stale-if-error=30", b"max-age=60"])
@pytest.mark.parametrize("failure", ["refuses", "resets", "silent", "500", "502", "503", "504"])
def test_a_stale_answer_in_place_of_an_error(make: Make, said: bytes, failure: str) -> None:
    """`stale-if-error`, of the answer or of the route; the log has the error where there is one."""
    made = cached(
        make, (b"Cache-Control", said), said={} if b"stale" in said else {"stale_if_error": "30s"}, timeout="1s"
    )
    backend = made.backend("orders")
    made.get("/orders/7")
    made.advance(65)
    if failure == "refuses":
        backend.refuse_connections()
        backend.reset_on_data()
    elif failure == "resets":
        backend.reset_on_data()
    elif failure == "silent":
        backend.stall()
    else:
        backend.answers(ok(b"no", status=failure.encode() + b" No"))
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    made.advance(1.5)

    (answer,) = client.responses(b"GET")

    assert (answer.status, answer.body) == (200, b"hello")
    assert "; hit; ttl=-" in status(answer)
    if failure.isdigit():
        assert made.last_log["reason"] is None
    else:
        assert (answer.headers.get(b"gateway-reason") or b"").decode() == made.last_log["reason"]
        assert made.last_log["reason"].startswith("upstream.")
    made.advance(30)
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    made.advance(1.5)
    assert client.responses(b"GET")[0].status >= 500


def test_a_stale_answer_while_a_breaker_is_open(make: Make) -> None:
    """The same mechanism: nobody is asked."""
    made = make(
        "orders",
        routes=[{"path": "/*", "upstream": "orders", "cache": {"stale_if_error": "10m"}}],
        upstreams=[
            {
                "name": "orders",
                "backends": [{"url": "http://127.0.0.1:9001"}],
                "circuit_breaker": {"failure_threshold": 1, "timeout": "1h"},
            }
        ],
    )
    made.backend("orders").answers(ok(b"hello", FRESH))
    made.get("/7")
    made.backend("orders").answers(ok(b"no", status=b"503 Service Unavailable"))
    made.get("/8")
    before = asked(made)
    assert made.get("/8").headers.get(b"gateway-reason") == b"breaker.open"
    made.advance(65)

    stale = made.get("/7")

    assert (stale.status, stale.body, asked(made)) == (200, b"hello", before)
    assert status(stale).startswith("gateway; hit; ttl=-")
    assert status(stale).endswith('detail="breaker.open"')
    assert made.last_log["reason"] == "breaker.open"


def test_a_client_that_wants_it_validated_gets_no_stale_answer(make: Make) -> None:
    """`no-cache` in a request, and `max-age`: an error is an error."""
    made = cached(make, FRESH, said={"stale_if_error": "60s", "stale_while_revalidate": "60s"})
    made.get("/orders/7")
    made.advance(61)
    made.backend("orders").answers(ok(b"no", status=b"503 Service Unavailable"))

    for said in ("no-cache", "max-age=10"):
        assert made.request("GET", "/orders/7", {"Cache-Control": said}).status == 503


@pytest.mark.parametrize("answers", [True, False])
def test_the_gateway_waits_for_fetches_in_the_background_before_it_ends(make: Make, answers: bool) -> None:
    """As long as it waits for exchanges; what is not over by then is broken off."""
    made = cached(make, FRESH, said={"stale_while_revalidate": "60s"})
    made.get("/orders/7")
    made.advance(61)
    made.backend("orders").stall()
    assert made.get("/orders/7").body == b"hello"
    made.hang_up()
    drained = made.gateway.site.drain()
    made.network.pump()
    assert not drained.called
    if answers:
        made.backend("orders").requests[-1].connection.send(ok(b"new", FRESH))
        made.network.pump()
    else:
        made.gateway.site.abort()

    assert drained.called
    made.check_quiet()


@pytest.mark.parametrize("line", [b"406 Not Acceptable", b"431 Request Header Fields Too Large", b"403 Forbidden"])
def test_no_client_has_what_is_kept_forgotten(make: Make, line: bytes) -> None:
    """An answer to the form of its request, which it has asked for anew, says nothing of what others get."""
    made = make("orders", routes=[{"path": "/*", "upstream": "orders", "cache": {}}])
    made.backend("orders").answers(ok(b"good", (b"Cache-Control", b"max-age=60"), (b"ETag", b'"1"')))
    made.get("/7")
    made.backend("orders").answers(ok(b"no", status=line))

    assert made.request("GET", "/7", {"Cache-Control": "no-cache", "Accept": "evil/evil"}).body == b"no"

    assert made.get("/7").body == b"good"
    made.backend("orders").answers(ok(b"gone", status=b"410 Gone"))
    assert made.request("GET", "/7", {"Cache-Control": "no-cache"}).status == 410
    assert made.get("/7").status == 410
