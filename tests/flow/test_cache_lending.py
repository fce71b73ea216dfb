"""Long answers that were kept, and slow clients: what they hold is bounded, and what nobody reads is held by nobody."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from gateway.caching.flights import Reader, Shared
from gateway.caching.kept import Kept
from gateway.memory.backend import ok
from gateway.memory.client import FakeClient
from gateway.testing import Harness
from tests.flow.test_cache_coalescing import answer_of, ask, asked, reply, status

Make = Callable[..., Harness]

FRESH = (b"Cache-Control", b"max-age=60")
LONG = bytes(range(250)) * 1200
CHUNKED = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"


def long(make: Make, said: Any = None, **settings: Any) -> Harness:
    """Make a gateway with a cache, whose backend gives long answers."""
    route = {"path": "/*", "upstream": "orders", "cache": {} if said is None else said}
    made = make("orders", routes=[route], **settings)
    made.backend("orders").answers(ok(LONG, FRESH, (b"ETag", b'"1"')))
    return made


def slow(made: Harness, path: str) -> FakeClient:
    """Send a request whose answer is not read."""
    client = made.client()
    client.stop_reading()
    client.send(f"GET {path} HTTP/1.1\r\nHost: gateway.test\r\n\r\n".encode())
    made.network.pump()
    return client


def test_a_long_answer_is_given_as_it_is_taken(make: Make) -> None:
    """Whole, a part of it, its head; to who is slow, after all have forgotten it."""
    made = long(make)
    assert made.get("/7").body == LONG
    hit = ask(made)
    assert (answer_of(hit).body, answer_of(hit).headers.get(b"content-length")) == (LONG, b"300000")
    part = ask(made, "Range: bytes=1000-200999")
    assert (answer_of(part).status, answer_of(part).body) == (206, LONG[1000:201_000])
    assert answer_of(ask(made, method="HEAD"), b"HEAD").headers.get(b"content-length") == b"300000"
    late = slow(made, "/7")
    made.request("POST", "/7")
    asked_before = asked(made)

    late.read_on()
    made.network.pump()

    assert answer_of(late).body == LONG
    assert asked(made) == asked_before


@pytest.mark.parametrize("leaves", [False, True])
def test_what_slow_clients_hold_is_bounded(make: Make, leaves: bool) -> None:
    """Where there is no more room, the backend is asked, whose answer comes as it is taken; and nothing is kept."""
    made = long(make, cache={"size": "700KiB"})
    for path in ("/1", "/2"):
        assert made.get(path).body == LONG
    clients = [slow(made, "/1"), slow(made, "/2"), slow(made, "/1")]
    for path in ("/3", "/4"):
        assert made.get(path).body == LONG
    assert asked(made) == 4

    assert status(answer_of(ask(made, path="/4"))) == "gateway; fwd=bypass"
    refused = ask(made, "Cache-Control: only-if-cached", path="/4")
    assert answer_of(refused).status == 504

    for client in clients:
        client.reset() if leaves else client.read_on()
        made.network.pump()
    assert status(answer_of(ask(made, path="/4"))).startswith("gateway; hit")
    if not leaves:
        assert [answer_of(client).body for client in clients] == [LONG] * 3


def test_a_fetch_has_room_until_it_is_read(make: Make) -> None:
    """However long ago it was kept: what is fetched while there is none is for who asks, and is not kept."""
    made = long(make, {"max_entry": "400KiB"}, cache={"size": "700KiB"})
    clients = [slow(made, f"/{number}") for number in range(2)]
    assert status(made.get("/8")) == "gateway; fwd=uri-miss"

    for client in clients:
        client.read_on()
        made.network.pump()

    assert [answer_of(client).body for client in clients] == [LONG] * 2
    assert status(made.get("/9")) == "gateway; fwd=uri-miss; stored"


def test_a_cache_that_is_smaller_than_its_longest_answer(make: Make) -> None:
    """What is of unknown length has room as well, as much as there is."""
    made = make("orders", routes=[{"path": "/*", "upstream": "orders", "cache": {}}], cache={"size": "100KiB"})
    made.backend("orders").answers(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")

    assert status(made.get("/7")).endswith("; stored")
    assert status(made.get("/7")).startswith("gateway; hit")


def test_what_nobody_reads_is_held_by_nobody(make: Make) -> None:
    """The garbage collector may come much later: what it would find holds no answer that has made way."""
    made = long(make, {"max_entry": "200KiB"}, cache={"size": "450KiB"})
    made.backend("orders").stall()
    gc.collect()
    gc.disable()
    try:
        for number in range(6):
            client = ask(made, path=f"/{number}")
            reply(made, CHUNKED + b"30000\r\n" + b"x" * 0x30000)
            reply(made, b"\r\n0\r\n\r\n")
            assert answer_of(client).complete
            assert status(answer_of(ask(made, path=f"/{number}"))).startswith("gateway; hit")
        found = gc.get_objects()
        assert sum(len(one.body) for one in found if isinstance(one, Kept)) == 2 * 0x30000
        assert not any(one.part(Reader(one, None, 0, None)) for one in found if isinstance(one, Shared))
    finally:
        gc.enable()
