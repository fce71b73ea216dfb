"""Limits that are counted in Redis, and Redis gone: what the gateway does is what `on_store_failure` says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import capturedLogs

from gateway.config import from_mapping
from gateway.memory.client import FakeClient
from gateway.memory.network import MemoryNetwork
from gateway.simulation.clock import JumpingClock
from gateway.simulation.faults import parse_fault
from gateway.simulation.mix import draw, made_up, one_of_each_route
from gateway.simulation.playing import Outcome, Scene, play
from gateway.simulation.redis import HOST, PORT, SECONDS, RedisServer
from gateway.simulation.service import parse_service
from gateway.storage.limits import GIVE_BACK, SCRIPT
from gateway.storage.resp import pack

NOW = 1_780_000_000.0

LIMIT = {"requests": 60, "window": "60s", "algorithm": "sliding_window"}


def scene(*faults: str, **more: Any) -> Scene:
    """Make one of two minutes, of one caller and a limit that is counted in Redis."""
    settings = from_mapping(
        {
            "rate_limit_store": "redis",
            "upstreams": [{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}],
            "routes": [{"name": "orders", "path": "/orders", "upstream": "orders", "rate_limit": LIMIT}],
            **more,
        }
    )
    requests, _ = one_of_each_route(settings)
    asked = [request for request, _ in requests]
    return Scene(
        settings, 120.0, 1, asked, made_up(1, {}), [parse_service("5ms")], [parse_fault(one) for one in faults]
    )


def every_half_second() -> Iterator[float]:
    """Return when requests come: 60 in the 30 seconds before Redis goes, so that the limit is used up then."""
    return (number / 2 + 0.25 for number in range(240))


def played(*faults: str, **more: Any) -> Outcome:
    """Play it, two requests a second."""
    return play(scene(*faults, **more), draw(every_half_second(), [1], 1, 1))


# 60 requests pass before Redis goes at 30 s. It comes back at 60 s with nothing counted, so that 60 more pass by 90 s,
# and the last 60 are refused. What differs is what becomes of the 60 in between.
@pytest.mark.parametrize(
    ("on_store_failure", "passed", "limited", "failed"),
    [("open", 180, 60, 0), ("closed", 120, 60, 60), ("local", 150, 90, 0)],
)
def test_while_redis_is_down_limits_do_what_the_configuration_says(
    on_store_failure: str, passed: int, limited: int, failed: int
) -> None:
    """All pass, none does (503 `limit.unavailable`), or this gateway's half of the limit, where there are two."""
    outcome = played("redis:down@30s+30s", on_store_failure=on_store_failure, rate_limit_instances=2)
    figures = outcome.figures

    assert outcome.stations["orders[0]"].asked == passed
    assert (figures.tally.limited, figures.tally.errors) == (limited, failed)
    assert (figures.reasons["limit.exceeded"], figures.reasons["limit.unavailable"]) == (limited, failed)
    at_fault = [figures.columns[place] for place in range(15, 30)]
    assert sum(column.errors for column in at_fault) == failed


def test_while_redis_is_there_limits_are_counted_in_it() -> None:
    """Half of two minutes is refused, no matter what would be done without it; an answer takes its time."""
    outcome = played(on_store_failure="closed")

    assert (outcome.stations["orders[0]"].asked, outcome.figures.tally.limited) == (120, 120)
    assert outcome.figures.tally.errors == 0
    assert outcome.figures.tally.latency.max >= 0.005 + SECONDS


def test_the_store_says_that_redis_is_down_and_that_it_is_back() -> None:
    """At once where connections are reset, and up again within the second in which it is dialled again."""
    events = [(one.name, one.at) for one in played("redis:down@30s+30s").figures.events]

    names = [name for name, _ in events]
    assert names == ["store.up", "fault.begins", "store.down", "fault.ends", "store.up"]
    assert events[2][1] == pytest.approx(30.0, abs=0.01)
    assert 60.0 < events[4][1] < 61.5


@pytest.mark.parametrize("fault", ["redis:lost@30s+30s", "redis:slow=1000@30s+30s"])
def test_a_redis_that_does_not_answer_costs_its_timeout_until_the_breaker_opens(fault: str) -> None:
    """Three requests wait for `redis.timeout`, and those after them for nothing; no count is lost meanwhile."""
    outcome = played(fault, redis={"timeout": "80ms"}, on_store_failure="closed")
    figures = outcome.figures

    assert figures.tally.latency.max == pytest.approx(0.08, abs=0.01)
    waits = [column.latency.max for column in figures.columns[15:30]]
    assert sum(wait > 0.05 for wait in waits) <= 2
    assert figures.happened["store.down"] == 1
    # The 60 of the first half minute have left the window by the end of it: 60 pass between 60 s and 90 s.
    assert outcome.stations["orders[0]"].asked == 120


class Place:
    """A server, and one connection to it."""

    def __init__(self) -> None:
        self.clock = JumpingClock()
        self.network = MemoryNetwork(self.clock)
        self.server = RedisServer(self.network, lambda: NOW + self.clock.seconds())
        self.client = FakeClient()
        self.network.dial(HOST, PORT, None, lambda: self.client, 1.0)
        self.network.pump()

    def ask(self, *command: bytes | int) -> bytes:
        """Return the answer to a command."""
        before = len(self.client.received)
        self.client.send(pack(*command))
        self.network.pump()
        self.clock.advance(SECONDS)
        self.network.pump()
        return self.client.received[before:]


BUCKET = (1, b"key", b"t", 2, b"500000.0", 2, 1)
"""A key, and a token bucket of two requests a second: one of them is taken."""


def test_a_script_is_known_once_its_source_was_told() -> None:
    """By its digest then, until the server goes down; others are never known."""
    place = Place()

    assert place.ask(b"EVALSHA", SCRIPT.digest, *BUCKET).startswith(b"-NOSCRIPT ")
    assert place.ask(b"EVAL", SCRIPT.source, *BUCKET).startswith(b"*8\r\n:1\r\n:1\r\n:1\r\n")
    assert place.ask(b"EVALSHA", SCRIPT.digest, *BUCKET).startswith(b"*8\r\n:1\r\n:1\r\n:0\r\n")
    assert place.ask(b"EVALSHA", GIVE_BACK.digest, *BUCKET).startswith(b"-NOSCRIPT ")
    assert place.ask(b"EVAL", b"return 1", 0).startswith(b"-NOSCRIPT ")


def test_a_server_that_was_down_has_forgotten_what_it_counted() -> None:
    """And the scripts; connections are reset."""
    place = Place()
    place.ask(b"EVAL", SCRIPT.source, *BUCKET)
    fault = parse_fault("redis:down")
    place.server.begin(fault)
    place.network.pump()
    assert place.client.closed is not None
    place.server.end(fault)

    place.client = FakeClient()
    place.network.dial(HOST, PORT, None, lambda: place.client, 1.0)
    place.network.pump()

    assert place.ask(b"EVALSHA", SCRIPT.digest, *BUCKET).startswith(b"-NOSCRIPT ")
    assert place.ask(b"EVAL", SCRIPT.source, *BUCKET).startswith(b"*8\r\n:1\r\n:1\r\n:1\r\n")


def test_what_limits_do_not_ask_for_is_an_error() -> None:
    """In the words that clients of Redis know."""
    place = Place()

    assert place.ask(b"PING") == b"+PONG\r\n"
    assert place.ask(b"GET", b"key") == b"-ERR unknown command\r\n"


def test_answers_come_in_the_order_of_the_commands() -> None:
    """Though the first was asked while everything took longer."""
    place = Place()
    fault = parse_fault("redis:slow=100")
    place.server.begin(fault)
    assert place.ask(b"PING") == b""
    place.server.end(fault)

    assert place.ask(b"GET", b"key") == b""
    place.clock.advance(100 * SECONDS)
    place.network.pump()

    assert place.client.received == b"+PONG\r\n-ERR unknown command\r\n"


@pytest.mark.parametrize("later", [False, True])
def test_nothing_comes_back_by_a_connection_on_which_something_was_lost(later: bool) -> None:
    """A command, or the answer to one: else the next answer would be taken for that to the one before."""
    place = Place()
    fault = parse_fault("redis:lost")
    if later:
        place.client.send(pack(b"PING"))
        place.network.pump()
    place.server.begin(fault)
    if not later:
        place.client.send(pack(b"PING"))
        place.network.pump()
    place.clock.advance(SECONDS)
    place.server.end(fault)

    assert place.ask(b"PING") == b""


def numbers(answer: bytes) -> list[int]:
    """Read an answer that is a list of numbers."""
    return [int(line[1:]) for line in answer.split(b"\r\n")[1:-1]]


def test_a_limit_that_has_been_whole_for_long_is_so_now() -> None:
    """Where nothing is taken of it: the answer says when it is whole, and never a moment that is past."""
    place = Place()
    place.ask(b"EVAL", SCRIPT.source, *BUCKET)
    place.clock.advance(10.0)

    answer = numbers(place.ask(b"EVALSHA", SCRIPT.digest, *BUCKET[:-1], 0))

    assert answer[:4] == [1, 1, 2, 0]
    assert answer[5] == 0
    assert answer[6] == answer[7] > NOW * 1e6


def test_what_is_given_back_can_be_taken_again() -> None:
    """As if the request had never come; where nothing is counted there is nothing to give back."""
    place = Place()
    *_, at, whole = numbers(place.ask(b"EVAL", SCRIPT.source, *BUCKET))
    given = (*BUCKET[:-1], b"%d:%d" % (at, whole))

    assert place.ask(b"EVAL", GIVE_BACK.source, *given) == b"+OK\r\n"
    assert numbers(place.ask(b"EVALSHA", SCRIPT.digest, *BUCKET))[2] == 1
    assert place.ask(b"EVALSHA", GIVE_BACK.digest, 1, b"other", *given[2:]) == b"+OK\r\n"


def test_what_gateways_tell_each_other_is_no_error() -> None:
    """Of credentials and purges, where Redis is written in the configuration; TLS and its password are not needed."""
    verifier = {"algorithms": ["HS256"], "secret": "a-secret-of-forty-octets-for-the-tests-only", "issuer": "i"}
    route = {"name": "orders", "path": "/orders", "upstream": "orders", "rate_limit": LIMIT, "cache": {}}
    with capturedLogs() as events:
        outcome = played(
            "redis:down@30s+30s",
            redis={"url": "rediss://:secret@redis.example:6380/3"},
            auth={"jwt": {"default": {**verifier, "audience": "a"}}},
            routes=[route, {**route, "name": "own", "path": "/own", "auth": {"type": "jwt"}}],
        )

    told = [event["event"] for event in events if str(event.get("event")).startswith("store.")]
    assert told == ["store.up", "store.down", "store.up"]
    assert outcome.figures.reasons.keys() == {"limit.exceeded"}
