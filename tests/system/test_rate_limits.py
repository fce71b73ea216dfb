"""Limits that instances share: real gateways on a real Redis, which is killed, paused and started again."""

# mypy: allow-untyped-calls

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.composition.lifecycle import GatewayService
from tests.system.callers import Asked, calling, quick_backend
from tests.system.gateway_process import GatewayProcess, one_upstream, running, until
from tests.system.ports import free_port
from tests.system.private_reactor import PrivateReactor, private_reactor
from tests.system.redis_cluster import redis_cluster
from tests.system.redis_server import RedisServer, redis_server

DEADLINE = 0.05
"""`redis.timeout`."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server."""
    with redis_server(tmp_path) as server:
        yield server


def on_redis(server: RedisServer, url: str, *limits: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The configuration of a gateway that counts in a server."""
    return {
        **one_upstream(url, rate_limit=list(limits)),
        "redis": {"url": server.url, "timeout": DEADLINE},
        "rate_limit_store": "redis",
        **more,
    }


def gateway(stack: ExitStack, directory: Path, **configuration: Any) -> GatewayProcess:
    """Start a gateway that lives as long as the stack."""
    directory.mkdir(exist_ok=True)
    return stack.enter_context(running(directory, **configuration))


def most_within(window: float, asked: list[Asked]) -> int:
    """The most requests that lie in one window as a whole: they were let through within it, whenever exactly."""
    asked = sorted(asked, key=lambda one: one.answered)
    most = 0
    for start in [one.sent for one in asked]:
        most = max(most, sum(one.sent >= start and one.answered <= start + window for one in asked))
    return most


@pytest.mark.parametrize(
    ("limit", "at_once"),
    [
        ({"limit": 150, "window": "1s", "algorithm": "sliding_window"}, 150),
        ({"limit": 50, "window": "1s", "algorithm": "sliding_window"}, 50),
        ({"limit": 150, "window": "1s", "burst": 40}, 40 + 150),
        ({"limit": 150, "window": "1s", "algorithm": "sliding_window", "lease": 10}, 150),
        ({"limit": 150, "window": "1s", "burst": 40, "lease": 10}, 40 + 150),
    ],
    ids=["window", "exact window", "bucket", "leased window", "leased bucket"],
)
def test_two_gateways_on_one_redis_never_let_more_through_than_the_limit(
    tmp_path: Path, redis: RedisServer, limit: dict[str, Any], at_once: int
) -> None:
    """Over any window, and not less than 95 % of it."""
    with ExitStack() as stack:
        url = stack.enter_context(quick_backend())
        configuration = on_redis(redis, url, limit)
        one, two = (gateway(stack, tmp_path / name, **configuration) for name in ("one", "two"))
        with calling(one.port, two.port) as callers:
            begin, end = callers.run_for(2.3)

    assert {asked.status for asked in callers.asked} == {200, 429}
    passed = [asked for asked in callers.asked if asked.status == 200]
    assert most_within(1.0, passed) <= at_once
    assert len([asked for asked in passed if asked.sent < end]) >= 0.95 * limit["limit"] * (end - begin)


def test_an_outage_of_redis_is_none_of_the_gateway(tmp_path: Path, redis: RedisServer) -> None:
    """Killed, paused and started again under load: no request fails, and none waits longer than the deadline.

    The table is that of docs/guides/rate-limits.md.
    """
    table = []
    with ExitStack() as stack:
        url = stack.enter_context(quick_backend())
        limit = {"limit": 1_000_000, "window": "1h"}
        one = gateway(stack, tmp_path / "one", **on_redis(redis, url, limit))
        callers = stack.enter_context(calling(one.port, threads=4))

        def phase(words: str, seconds: float, act: Any = None) -> None:
            if act is not None:
                act()
            table.append((words, callers.run_for(seconds)))

        phase("answers", 1.0)
        phase("paused", 1.0, redis.pause)
        phase("goes on", 1.0, redis.resume)
        phase("killed", 1.0, redis.kill)
        phase("started again", 1.0, redis.start)
        until(lambda: "answers again" in one.errors.rpartition("does not answer")[2])
        last = callers.run_for(0.3)
        counted = redis.say("DBSIZE")

    figures = []
    for words, (begin, end) in [*table, ("at the end", last)]:
        took = sorted(one.answered - one.sent for one in callers.between(begin, end))
        over = sum(one > DEADLINE * 0.8 for one in took)
        figures.append((words, len(took), took[len(took) // 2] * 1000, took[-1] * 1000, over))
        print(f"{words:14} {len(took):6} requests, median {figures[-1][2]:5.1f} ms, longest {took[-1] * 1000:6.1f} ms")  # noqa: T201
    assert {asked.status for asked in callers.asked} == {200}
    assert counted == b":1\r\n"  # the shared count is in use again
    calm = figures[0]
    for words, number, median, longest, over in figures[1:]:
        assert number > 100, words
        assert median < calm[2] * 3 + 5, words
        # Threads of this test share two processors with all else that runs: what they add is seen in the calm.
        assert longest < DEADLINE * 1000 + max(calm[3], 50.0) * 2, words
        assert over <= 4 * 3 + number * 0.01, words  # three deadlines, for all that ask at once


class Skewed:
    """A gateway in this process whose clocks differ from ours.

    Attributes:
        port: Of its listener.
    """

    def __init__(self, stack: ExitStack, reactor: PrivateReactor, skew: float, configuration: dict[str, Any]) -> None:
        self.port = free_port()
        self._skew = skew
        service = GatewayService(
            {
                "listeners": [{"endpoint": f"tcp:{self.port}:interface=127.0.0.1"}],
                "admin": {"endpoint": f"tcp:{free_port()}:interface=127.0.0.1"},
                "access_log": False,
                "timeouts": {"shutdown": 0},
                **configuration,
            },
            reactor,
            now=lambda: time.monotonic() + skew * 7,
            wall_clock=lambda: time.time() + skew,
        )
        service.privilegedStartService()
        service.startService()
        stack.callback(lambda: reactor.result(service.stopService()))

    def ask(self, answers: list[tuple[int, int]]) -> None:
        """Make a request; takes down its status and when the limit is whole again."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/name")
        response = connection.getresponse()
        answers.append((response.status, int(response.headers["X-RateLimit-Reset"])))
        connection.close()


def test_the_clocks_of_instances_do_not_matter(redis: RedisServer) -> None:
    """One is an hour ahead, and counts its seconds from elsewhere: they refuse together and say the same."""
    answers: list[tuple[int, int]] = []
    with ExitStack() as stack:
        url = stack.enter_context(quick_backend())
        reactor = stack.enter_context(private_reactor())
        configuration = on_redis(redis, url, {"limit": 10, "window": "1h", "scope": "route"})
        configuration["redis"]["timeout"] = 10.0  # turned by hand, the reactor may be late
        instances = [Skewed(stack, reactor, skew, configuration) for skew in (0.0, 3600.0)]
        for number in range(14):
            thread = threading.Thread(target=instances[number % 2].ask, args=(answers,))
            thread.start()
            reactor.until(lambda: not thread.is_alive())  # noqa: B023  # called before the next one is there

    assert [status for status, _ in answers] == [200] * 10 + [429] * 4
    resets = [reset for _, reset in answers]
    assert max(resets) - time.time() <= 3601
    assert max(resets[9:]) - min(resets[9:]) <= 1


def test_a_quota_outlives_the_gateway(tmp_path: Path, redis: RedisServer) -> None:
    """A month's is not begun anew by a restart; its key goes when the month is over, and not before."""
    with quick_backend() as url:
        quota = {"limit": 1000, "window": "30d", "algorithm": "sliding_window"}
        left = []
        for _ in range(3):
            with running(tmp_path, **on_redis(redis, url, quota)) as one:
                left += [requests.get(one.url, timeout=10).headers["X-RateLimit-Remaining"] for _ in range(2)]
        name = redis.say("KEYS", "*").split(b"\r\n")[2].decode()
        days = int(redis.say("PTTL", name)[1:]) / 86_400_000

    assert left == ["999", "998", "997", "996", "995", "994"]
    assert 30 < days < 31


def test_keys_go_by_themselves(tmp_path: Path, redis: RedisServer) -> None:
    """When there is nothing left to remember: clients come and go."""
    with quick_backend() as url:
        limits = [{"limit": 5, "window": "1s"}, {"limit": 5, "window": "1s", "algorithm": "sliding_window"}]
        with running(tmp_path, **on_redis(redis, url, *limits)) as one:
            with calling(one.port, threads=1) as callers:
                until(lambda: any(asked.status == 429 for asked in callers.asked))
            assert redis.say("DBSIZE") == b":2\r\n"

            until(lambda: redis.say("DBSIZE") == b":0\r\n")


def test_plans_and_limits_in_dry_run_are_counted_together_and_alone(tmp_path: Path, redis: RedisServer) -> None:
    """Two gateways share each tier's count; without Redis each has its part of it."""
    tiers = {"header.X-Plan=pro": 6, "header.X-Plan=house": 0}
    limit = {"limit": 2, "window": "1h", "scope": "header:X-Who", "algorithm": "sliding_window", "tiers": tiers}
    watched = {"limit": 5, "window": "1h", "scope": "header:X-Who", "dry_run": True}
    with ExitStack() as stack:
        url = stack.enter_context(quick_backend())
        configuration = on_redis(redis, url, limit, watched, rate_limit_instances=2, dry_run_header=True)
        gateways = [gateway(stack, tmp_path / name, **configuration) for name in ("one", "two")]

        def asked(who: str, plan: str) -> list[tuple[int, bool]]:
            """Ask the gateways in turn; whether each request passed, and whether more passed than `watched` has."""
            fields = {"X-Who": who, "X-Plan": plan}
            answers = [requests.get(gateways[n % 2].url, headers=fields, timeout=10) for n in range(8)]
            return [(one.status_code, "X-Dry-Run" in one.headers) for one in answers]

        together = [asked("a", "free"), asked("b", "pro"), asked("c", "house")]
        redis.kill()
        until(lambda: all("does not answer" in one.errors for one in gateways))
        alone = [asked("d", "free"), asked("e", "pro")]

    passed, told = (200, False), (200, True)
    assert together == [
        [passed] * 2 + [(429, False)] * 6,
        [passed] * 5 + [told] + [(429, False)] * 2,
        [passed] * 5 + [told] * 3,
    ]
    assert [statuses.count(passed) + statuses.count(told) for statuses in alone] == [2, 6]


def test_gateways_at_different_nodes_of_a_cluster_count_together(tmp_path: Path) -> None:
    """Whichever node each of them is told: together they let the limit through, and both say that Redis is up."""
    with ExitStack() as stack:
        url = stack.enter_context(quick_backend())
        cluster = stack.enter_context(redis_cluster(tmp_path))
        limit = {"limit": 9, "window": "1h", "scope": "route"}
        told = [on_redis(node, url, limit, on_store_failure="closed") for node in cluster.nodes]
        for one in told:
            one["redis"]["timeout"] = 5.0  # what is not answered in time is refused here
        gateways = [gateway(stack, tmp_path / str(number), **one) for number, one in enumerate(told)]
        statuses = [requests.get(gateways[number % 3].url, timeout=10).status_code for number in range(15)]

    assert statuses == [200] * 9 + [429] * 6
