"""Many who wait for the same answer: one fetch, and what becomes of those whom it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.memory.client import FakeClient, Received
from gateway.testing import Harness
from tests.flow.test_http2 import connect

Make = Callable[..., Harness]
Field = tuple[bytes, bytes]

FRESH = (b"Cache-Control", b"max-age=60")


def waiting(make: Make, said: Any = None, **route: Any) -> Harness:
    """Make a gateway with a cache whose backend says nothing yet."""
    settings = {"path": "/*", "upstream": "orders", "cache": {} if said is None else said}
    made = make("orders", routes=[settings | route])
    made.backend("orders").stall()
    return made


def ask(made: Harness, *lines: str, method: str = "GET", path: str = "/7") -> FakeClient:
    """Send a request on a connection of its own."""
    head = "".join(f"{line}\r\n" for line in lines)
    return made.send(f"{method} {path} HTTP/1.1\r\nHost: gateway.test\r\n{head}\r\n".encode())


def reply(made: Harness, data: bytes, number: int = -1) -> None:
    """Have the backend send octets in answer to one of its requests."""
    made.backend("orders").requests[number].connection.send(data)
    made.network.pump()


def answer_of(client: FakeClient, method: bytes = b"GET") -> Received:
    """Return the one answer that a client got."""
    (answer,) = client.responses(method)
    return answer


def status(answer: Received) -> str:
    """What an answer says of the cache."""
    return (answer.headers.get(b"cache-status") or b"").decode()


def asked(made: Harness) -> int:
    """How often the backend was asked."""
    return len(made.backend("orders").requests)


def test_one_fetch_for_all_who_wait(make: Make) -> None:
    """Each gets the whole answer, under its own request id."""
    made = waiting(make)
    clients = [ask(made) for _ in range(5)]
    assert asked(made) == 1

    reply(made, ok(b"hello", FRESH))

    answers = [answer_of(client) for client in clients]
    assert [answer.body for answer in answers] == [b"hello"] * 5
    assert len({answer.headers.get(b"x-request-id") for answer in answers}) == 5
    assert [status(answer) for answer in answers] == ["gateway; fwd=uri-miss; stored"] + [
        "gateway; fwd=uri-miss; stored; collapsed"
    ] * 4
    assert asked(made) == 1
    assert [one["attempts"] for one in made.logs] == [1, 0, 0, 0, 0]
    assert made.metric("gateway_cache_requests_total", outcome="collapsed") == 4


def test_each_fetches_for_itself_where_that_is_wanted(make: Make) -> None:
    """`coalesce: false`."""
    made = waiting(make, {"coalesce": False})
    for _ in range(3):
        ask(made)

    assert asked(made) == 3


def test_parts_go_to_all_as_they_come(make: Make) -> None:
    """Whoever comes late gets the parts before; the slowest does not hold the others."""
    made = waiting(make)
    first = ask(made)
    reply(made, b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 300000\r\n\r\n" + b"a" * 100_000)
    assert answer_of(first).body == b"a" * 100_000
    slow = made.client()
    slow.stop_reading()
    slow.send(b"GET /7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    late = ask(made)
    assert answer_of(late).body == b"a" * 100_000

    reply(made, b"b" * 200_000)

    whole = b"a" * 100_000 + b"b" * 200_000
    assert answer_of(first).body == answer_of(late).body == whole
    assert answer_of(first).complete
    slow.read_on()
    made.network.pump()
    assert answer_of(slow).body == whole
    assert asked(made) == 1
    assert status(answer_of(ask(made))).startswith("gateway; hit")


@pytest.mark.parametrize("again", ["", "HEAD", "Range: bytes=0-1", "leaves"])
def test_what_was_too_long_to_be_kept_is_not_shared_again(make: Make, again: str) -> None:
    """Past what may be kept, the slowest would hold the others: only its first clients can, whatever is asked later."""
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
    made = waiting(make, {"max_entry": "100KiB"})
    ask(made)
    for before in (head, b"", b""):
        reply(made, before + b"10000\r\n" + b"a" * 0x10000 + b"\r\n", 0)
    reply(made, b"0\r\n\r\n", 0)
    if again == "HEAD":
        ask(made, method="HEAD")
        reply(made, head)
    elif again.startswith("Range"):
        ask(made, again)
        reply(
            made,
            b"HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\n"
            b"Content-Range: bytes 0-1/196608\r\nContent-Length: 2\r\n\r\naa",
        )
    elif again:
        left = ask(made)
        reply(made, head + b"5\r\nhello\r\n")
        left.reset()
        made.network.pump()

    count = asked(made)
    ask(made)
    ask(made)

    assert asked(made) == count + 2
    for number in (count, count + 1):
        reply(made, head + b"5\r\nhello\r\n0\r\n\r\n", number)
    ask(made)
    ask(made)
    assert asked(made) == count + 3, "it was short enough to be kept"


def test_the_fetch_lives_on_as_long_as_one_waits(make: Make) -> None:
    """Whoever it was made for may go, before the answer and while it comes."""
    made = waiting(make)
    first, second, third = ask(made), ask(made), ask(made)
    first.reset()
    made.network.pump()
    reply(made, b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nab")
    second.reset()
    made.network.pump()
    reply(made, b"cd")

    assert answer_of(third).body == b"abcd"
    assert asked(made) == 1
    assert status(answer_of(ask(made))).startswith("gateway; hit")


@pytest.mark.parametrize("began", [False, True])
def test_the_fetch_ends_with_the_last_who_waits(make: Make, began: bool) -> None:
    """The backend's connection is closed; the next one asks anew."""
    made = waiting(make)
    clients = [ask(made), ask(made)]
    if began:
        reply(made, b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nab")
    for client in clients:
        client.reset()
        made.network.pump()

    assert made.backend("orders").connections[0].closed is not None
    ask(made)
    assert asked(made) == 2


@pytest.mark.parametrize(
    "fields",
    [[], [(b"Cache-Control", b"private, max-age=60")], [FRESH, (b"Set-Cookie", b"who=me")], [FRESH, (b"Vary", b"*")]],
)
def test_what_is_not_kept_is_not_shared(make: Make, fields: list[Field]) -> None:
    """It is for the first; the others ask at once, and not one after the other; later ones do not wait at all."""
    made = waiting(make)
    clients = [ask(made) for _ in range(4)]

    reply(made, ok(b"for one", *fields))

    assert answer_of(clients[0]).body == b"for one"
    assert asked(made) == 4
    ask(made)
    ask(made)
    assert asked(made) == 6
    for number in range(1, 6):
        reply(made, ok(b"%d" % number, *fields), number)
    assert {answer_of(client).body for client in clients[1:]} == {b"1", b"2", b"3"}


def test_what_is_kept_again_is_shared_again(make: Make) -> None:
    """A key whose answers were not kept is forgotten as such with the first one that could be."""
    made = waiting(make)
    ask(made)
    reply(made, ok(b"1"))
    ask(made)
    reply(made, ok(b"2", FRESH))

    ask(made)
    ask(made)

    assert asked(made) == 3


def test_those_whom_it_does_not_fit_have_a_fetch_of_their_own(make: Make) -> None:
    """`Vary`: one for each value, however many wait for it."""
    made = waiting(make)
    clients = [ask(made, f"Accept-Language: {language}") for language in ("en", "de", "en", "de", "fr")]
    assert asked(made) == 1

    reply(made, ok(b"en", FRESH, (b"Vary", b"Accept-Language")))

    assert answer_of(clients[0]).body == answer_of(clients[2]).body == b"en"
    assert asked(made) == 3
    for number in (1, 2):
        said = made.backend("orders").requests[number].headers.get(b"accept-language") or b""
        reply(made, ok(said, FRESH, (b"Vary", b"Accept-Language")), number)
    assert [answer_of(client).body for client in clients] == [b"en", b"de", b"en", b"de", b"fr"]
    for language in ("en", "de", "fr"):
        assert status(answer_of(ask(made, f"Accept-Language: {language}"))).startswith("gateway; hit")
    made.advance(61)
    made.backend("orders").requests.clear()
    for language in ("en", "de", "en"):
        ask(made, f"Accept-Language: {language}")
    assert asked(made) == 2


def test_who_comes_late_has_to_fit(make: Make) -> None:
    """An answer that has begun, and varies, goes to nobody who asks for another kind of it."""
    made = waiting(make)
    german = ask(made, "Accept-Language: de")
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: Accept-Language\r\nContent-Length: 4\r\n\r\n"
    reply(made, head + b"gu")
    late, french = ask(made, "Accept-Language: de"), ask(made, "Accept-Language: fr")
    assert asked(made) == 2

    reply(made, b"t!", 0)
    reply(made, head + b"bon!", 1)

    assert [answer_of(client).body for client in (german, french, late)] == [b"gut!", b"bon!", b"gut!"]
    assert asked(made) == 2


def test_an_error_is_everybodys(make: Make) -> None:
    """One attempt was made, and each gets its error."""
    made = waiting(make, timeout="1s")
    clients = [ask(made) for _ in range(3)]
    made.advance(1.5)

    assert [answer_of(client).status for client in clients] == [504] * 3
    assert asked(made) == 1
    assert {one["reason"] for one in made.logs} == {"upstream.timeout"}


def test_a_retry_is_the_fetchs(make: Make) -> None:
    """Where the route retries, a failure of one attempt is nobody's."""
    made = waiting(make, retry={"attempts": 2, "on": [503], "backoff": "10ms"})
    clients = [ask(made) for _ in range(3)]
    made.backend("orders").answers(ok(b"hello", FRESH))
    reply(made, ok(b"no", status=b"503 No"))
    made.advance(1)

    assert [answer_of(client).body for client in clients] == [b"hello"] * 3
    assert asked(made) == 2


def test_each_gets_what_is_stale_in_place_of_an_error(make: Make) -> None:
    """But for those that want it validated."""
    made = waiting(make, {"stale_if_error": "60s"})
    ask(made)
    reply(made, ok(b"hello", FRESH))
    made.advance(61)
    clients = [ask(made), ask(made)]
    wants = ask(made, "Cache-Control: no-cache")
    assert asked(made) == 3

    for number in (1, 2):
        reply(made, ok(b"no", status=b"503 No"), number)

    assert [answer_of(client).body for client in clients] == [b"hello"] * 2
    assert answer_of(wants).status == 503


def test_one_validation_for_all(make: Make) -> None:
    """The 304 is everybody's, and each is answered as it asked."""
    made = waiting(make)
    ask(made)
    reply(made, ok(b"hello", FRESH, (b"ETag", b'"1"')))
    made.advance(61)
    plain, has, head = ask(made), ask(made, 'If-None-Match: "1"'), ask(made, method="HEAD")
    assert asked(made) == 2

    reply(made, b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nCache-Control: max-age=60\r\n\r\n')

    assert [answer_of(plain).status, answer_of(has).status, answer_of(head, b"HEAD").status] == [200, 304, 200]
    assert [answer_of(plain).body, answer_of(has).body, answer_of(head, b"HEAD").body] == [b"hello", b"", b""]


def test_a_fetch_that_began_before_a_change_is_not_joined(make: Make) -> None:
    """Who has changed something, and asks for it, does not get what was before; nor is that kept."""
    made = waiting(make)
    before = ask(made)
    put = made.send(b"PUT /7 HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1\r\n\r\nx")
    reply(made, ok(b""))
    assert put.responses(b"PUT")[0].status == 200

    after = ask(made)
    reply(made, ok(b"old", FRESH), 0)

    assert answer_of(before).body == b"old"
    assert not after.responses(b"GET")
    reply(made, ok(b"new", FRESH))
    assert answer_of(after).body == b"new"
    assert answer_of(ask(made)).body == b"new"


def test_an_answer_that_grows_too_long_goes_on_at_the_pace_of_the_slowest(make: Make) -> None:
    """It is not kept, what waits is bounded, and everybody has all of it in the end."""
    made = waiting(make, {"max_entry": "100KiB"})
    first = ask(made)
    slow = made.client()
    slow.stop_reading()
    slow.send(b"GET /7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    made.network.pump()
    reply(made, b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"4e20\r\n" + b"x" * 20_000 + b"\r\n"
    for _ in range(50):
        reply(made, chunk)
    assert asked(made) == 1
    assert len(answer_of(first).body) < 900_000

    slow.read_on()
    made.network.pump()
    reply(made, b"0\r\n\r\n")

    assert answer_of(first).body == answer_of(slow).body == b"x" * 1_000_000
    ask(made)
    assert asked(made) == 2


def test_recordings_have_a_bound(make: Make) -> None:
    """What is recorded at once takes no more than the store may hold; past that, answers pass as they are."""
    made = make(
        "orders",
        routes=[{"path": "/*", "upstream": "orders", "cache": {"max_entry": "64KiB"}}],
        cache={"size": "100KiB"},
    )
    made.backend("orders").stall()
    clients = [ask(made, path=f"/{number}") for number in range(3)]
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 60000\r\n\r\n"
    for number in range(3):
        reply(made, head + b"x", number)
    for number in range(3):
        reply(made, b"x" * 59_999, number)

    assert [len(answer_of(client).body) for client in clients] == [60_000] * 3
    assert made.metric("gateway_cache_bytes") < 100 * 1024


def test_streams_of_events_are_not_held(make: Make) -> None:
    """They are nobody else's, and each part goes on as it comes."""
    made = waiting(make)
    first, second = ask(made), ask(made)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: max-age=60\r\n"

    reply(made, head + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n", 0)

    assert answer_of(first).body == b"one"
    assert asked(made) == 2
    reply(made, b"3\r\ntwo\r\n", 0)
    assert answer_of(first).body == b"onetwo"
    assert not second.responses(b"GET")


def test_a_reload_does_not_end_what_is_fetched(make: Make) -> None:
    """Exchanges end under the configuration that they began with."""
    made = waiting(make)
    first = ask(made)
    made.apply(access_log={"path": "-"})
    second = ask(made)

    reply(made, ok(b"hello", FRESH), 0)

    assert answer_of(first).body == b"hello"
    assert asked(made) + bool(second.responses(b"GET")) == 2


def test_streams_of_one_connection_wait_together(make: Make) -> None:
    """HTTP/2: one fetch, shared with clients of HTTP/1.1; one that is reset leaves the others."""
    made = waiting(make)
    client, old = connect(made), ask(made)
    streams = [client.request("GET", "/7") for _ in range(3)]
    made.network.pump()
    assert asked(made) == 1
    client.cancel(streams[1])
    made.network.pump()

    reply(made, b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nab")
    client.cancel(streams[2])
    made.network.pump()
    reply(made, b"cd")

    assert (streams[0].body, streams[0].complete) == (b"abcd", True)
    assert answer_of(old).body == b"abcd"
    assert asked(made) == 1


def test_a_fallback_and_a_stale_answer(make: Make) -> None:
    """While a breaker is open, what is stale in the cache goes before what the upstream falls back on."""
    breaker = {"failure_threshold": 1, "timeout": "1h", "fallback": {"cached": True, "status": 200, "body": "{}"}}
    made = make(
        "orders",
        routes=[{"path": "/*", "upstream": "orders", "cache": {"stale_if_error": "60s"}}],
        upstreams=[{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "circuit_breaker": breaker}],
    )
    made.backend("orders").answers(ok(b"kept", FRESH))
    made.get("/7")
    made.backend("orders").answers(ok(b"says nothing"))
    made.get("/8")
    made.backend("orders").answers(ok(b"no", status=b"503 No"))
    made.get("/9")
    made.advance(65)

    answers = [made.get(path) for path in ("/7", "/8", "/9")]

    assert [answer.body for answer in answers] == [b"kept", b"says nothing", b"{}"]
    assert status(answers[0]).startswith("gateway; hit; ttl=-")
    assert {answer.headers.get(b"gateway-reason") for answer in answers} == {b"breaker.open"}
    assert made.metric("gateway_cache_requests_total", outcome="stale") == 1


def test_silence_counts_against_the_backend(make: Make) -> None:
    """When the exchanges are out of time, so is what they waited for; the log says who was asked."""
    breaker = {"failure_threshold": 1, "timeout": "1h"}
    made = make(
        "orders",
        routes=[{"path": "/*", "upstream": "orders", "cache": {}, "timeout": "10s", "request_timeout": "1s"}],
        upstreams=[{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "circuit_breaker": breaker}],
    )
    made.backend("orders").stall()
    clients = [ask(made), ask(made)]
    made.advance(1.5)

    assert [answer_of(client).status for client in clients] == [504, 504]
    assert made.logs[0]["upstream_service"] == "orders"
    assert made.logs[0]["backend"] == "http://127.0.0.1:9001"
    assert answer_of(ask(made)).headers.get(b"gateway-reason") == b"breaker.open"
    assert asked(made) == 1


def test_who_is_sent_on_finds_what_was_kept_meanwhile(make: Make) -> None:
    """Another kind of answer than the one that was waited for, which somebody else has had fetched: it is a hit."""
    made = waiting(make)
    german, english = ask(made, "Accept-Language: de"), ask(made, "Accept-Language: en")
    ask(made, "Accept-Language: en", "Cache-Control: no-cache")  # has a fetch of its own
    assert asked(made) == 2
    vary = (b"Vary", b"Accept-Language")
    reply(made, ok(b"good", FRESH, vary), 1)
    reply(made, ok(b"gut", FRESH, vary), 0)

    assert (answer_of(german).body, answer_of(english).body) == (b"gut", b"good")
    assert status(answer_of(english)) == "gateway; hit; ttl=60"
    assert asked(made) == 2
    assert made.metric("gateway_cache_requests_total", outcome="hit") == 1


def test_who_is_sent_on_has_what_is_stale_validated(make: Make) -> None:
    """What was kept meanwhile is asked about again where it is not fresh any more."""
    made = waiting(make)
    german, english = ask(made, "Accept-Language: de"), ask(made, "Accept-Language: en")
    ask(made, "Accept-Language: en", "Cache-Control: no-cache")
    vary = (b"Vary", b"Accept-Language")
    reply(made, ok(b"good", (b"Cache-Control", b"max-age=1"), (b"ETag", b'"1"'), vary), 1)
    made.advance(2)
    reply(made, ok(b"gut", FRESH, vary), 0)
    assert (made.backend("orders").requests[2].headers.get(b"if-none-match"), answer_of(german).body) == (
        b'"1"',
        b"gut",
    )
    reply(
        made, b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nCache-Control: max-age=60\r\nVary: Accept-Language\r\n\r\n', 2
    )

    assert (answer_of(english).body, asked(made)) == (b"good", 3)
    assert status(answer_of(english)) == "gateway; fwd=stale; fwd-status=304"
