"""What clients notice while a Redis Cluster, or sentinels, make another server the master: real servers, real gateways.

The figures of docs/guides/rate-limits.md are printed by these tests.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.storage.limits import PREFIX
from gateway.storage.redis_cluster import slot_of
from tests.system.callers import quick_backend
from tests.system.gateway_process import GatewayProcess, one_upstream, running, until
from tests.system.redis_cluster import redis_cluster
from tests.system.redis_server import RedisServer, redis_server

LIMIT = 6
ASKED = 10
"""Requests of one caller, at two gateways in turn: more than the limit, and less than it twice."""
SECONDS = 1.0
"""After which servers take another for gone."""
LONGEST = 20.0
"""Seconds until limits must be exact again, on a machine that has other work."""


class Callers:
    """Ask two gateways, as one new caller after the other.

    Attributes:
        statuses: All that they were answered.
        took: Seconds that each answer took.
    """

    def __init__(self, gateways: list[GatewayProcess]) -> None:
        self._sessions = [(requests.Session(), one.url) for one in gateways]
        self._names = itertools.count()
        self.statuses: list[int] = []
        self.took: list[float] = []

    def let_through(self) -> int:
        """Return how many requests of a new caller are let through."""
        name = f"caller{next(self._names)}"
        before = len(self.statuses)
        for number in range(ASKED):
            session, url = self._sessions[number % 2]
            begin = time.monotonic()
            answer = session.get(url, headers={"X-Who": name}, timeout=10)
            self.took.append(time.monotonic() - begin)
            self.statuses.append(answer.status_code)
        return self.statuses[before:].count(200)

    def until_exact(self) -> float:
        """Ask until the gateways count together, three callers in a row; returns the seconds until that began."""
        begin = time.monotonic()
        in_a_row, since = 0, begin
        while in_a_row < 3:
            if self.let_through() == LIMIT:
                since = since if in_a_row else time.monotonic()
                in_a_row += 1
            else:
                in_a_row = 0
            assert time.monotonic() < begin + LONGEST, "the gateways do not count together"
            time.sleep(0.02)
        return since - begin


@contextmanager
def two_gateways(directory: Path, redis: str) -> Iterator[Callers]:
    """Two gateways that count in a Redis."""
    limit = {"limit": LIMIT, "window": "1h", "scope": "header:X-Who", "algorithm": "sliding_window"}
    with ExitStack() as stack:
        url = stack.enter_context(quick_backend())
        configuration: dict[str, Any] = {
            **one_upstream(url, rate_limit=limit),
            "redis": {"url": redis, "timeout": 0.05},
            "rate_limit_store": "redis",
        }
        gateways = []
        for name in ("one", "two"):
            (directory / name).mkdir()
            gateways.append(stack.enter_context(running(directory / name, **configuration)))
        callers = Callers(gateways)
        callers.until_exact()
        yield callers


@contextmanager
def a_cluster(directory: Path) -> Iterator[tuple[str, RedisServer]]:
    """Three masters with a replica each; gives the URL, and the master that has the limits."""
    with redis_cluster(directory, replicas=3) as cluster:
        master = cluster.owner(slot_of(PREFIX))
        seeds = ",".join(f"127.0.0.1:{node.port}" for node in (master, *cluster.others(slot_of(PREFIX))))
        yield f"redis+cluster://{seeds}", master


@contextmanager
def sentinels(directory: Path) -> Iterator[tuple[str, RedisServer]]:
    """A master with a replica, and three sentinels; gives the URL, and the master."""
    with ExitStack() as stack:

        def started(name: str, **options: Any) -> RedisServer:
            (directory / name).mkdir()
            return stack.enter_context(redis_server(directory / name, **options))

        master = started("master")
        replica = started("replica", replicaof=f"127.0.0.1 {master.port}")
        until(lambda: b"master_link_status:up" in replica.say("INFO", "replication"))
        watchers = [started(f"sentinel{number}", sentinel=True) for number in range(3)]
        for watcher in watchers:
            watcher.say("SENTINEL", "MONITOR", "main", "127.0.0.1", str(master.port), "2")
            watcher.say("SENTINEL", "SET", "main", "down-after-milliseconds", str(int(SECONDS * 1000)))
            watcher.say("SENTINEL", "SET", "main", "failover-timeout", "5000")
        for watcher in watchers:
            until(lambda watcher=watcher: knows(watcher, sentinels=2, replicas=1))
        hosts = ",".join(f"127.0.0.1:{watcher.port}" for watcher in watchers)
        yield f"redis+sentinel://{hosts}/main/0", master


def knows(sentinel: RedisServer, sentinels: int, replicas: int) -> bool:
    """Whether a sentinel has found the others, and the replica."""
    words = sentinel.say("SENTINEL", "MASTER", "main").split(b"\r\n")
    figures = {words[at]: words[at + 2] for at in range(len(words) - 2)}
    return (figures.get(b"num-other-sentinels"), figures.get(b"num-slaves")) == (b"%d" % sentinels, b"%d" % replicas)


@pytest.mark.parametrize("how", ["killed", "stands still"])
@pytest.mark.parametrize("kind", [a_cluster, sentinels])
def test_a_master_that_goes_costs_no_request(tmp_path: Path, kind: Callable[[Path], Any], how: str) -> None:
    """No request fails or waits; within seconds the gateways count together again, also when the old master is back."""
    with kind(tmp_path) as (url, master), two_gateways(tmp_path, url) as callers:
        calm = max(callers.took)
        before = len(callers.took)
        (master.kill if how == "killed" else master.pause)()
        let_through = callers.let_through()
        seconds = callers.until_exact()
        took = sorted(callers.took[before:])
        print(  # noqa: T201
            f"{kind.__name__}, {how}: exact after {seconds:.1f} s, {len(took)} requests meanwhile, median"
            f" {took[len(took) // 2] * 1000:.1f} ms, longest {took[-1] * 1000:.0f} ms"
        )
        (master.start if how == "killed" else master.resume)()
        back = callers.until_exact()
        print(f"{kind.__name__}, {how}: exact {back:.1f} s after it is back")  # noqa: T201

    assert set(callers.statuses) == {200, 429}
    assert LIMIT <= let_through <= ASKED  # each gateway counted for itself
    # Threads of other tests may hold this one up: what they add is seen in the calm.
    slow = [one for one in took if one > 0.04 + calm]
    assert len(slow) <= 2 * 3 + len(took) * 0.02, slow  # three waits of each gateway, see `redis.timeout`
