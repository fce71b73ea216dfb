"""A reactor, a Redis server, and stores on it."""

# mypy: allow-untyped-calls

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_twisted

from gateway.config.redis_url import parse_redis_url
from gateway.dialling.dialer import SocketDialer
from gateway.dialling.resolver import Resolver
from gateway.storage.redis import RedisStore
from gateway.storage.redis_connection import RedisConnection
from tests.system.redis_server import RedisServer, redis_server
from tests.system.running_reactor import running_reactor

__all__ = ["running_reactor"]


class Counts:
    """What a store counted."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.durations: list[float] = []

    def failed(self, reason: str) -> None:
        self.failures.append(reason)

    def answered(self, seconds: float) -> None:
        self.durations.append(seconds)


@pytest.fixture
def redis(tmp_path: Any) -> Iterator[RedisServer]:
    """A server."""
    with redis_server(tmp_path) as server:
        yield server


MakeStore = Callable[..., RedisStore]


@pytest_twisted.async_yield_fixture
async def make(reactor: Any) -> AsyncIterator[MakeStore]:
    """Make stores on a URL; they are started, and stopped when the test is over."""
    made: list[RedisStore] = []

    def store(url: str, *, timeout: float = 0.2, pool: int = 2, tls: Any = None) -> RedisStore:
        dialer = SocketDialer(reactor, Resolver(reactor, time.monotonic))

        def dial(host: str, port: int) -> Any:
            return dialer.dial(host, port, tls, RedisConnection, 1.0)

        address = parse_redis_url(url)
        one = RedisStore(address, timeout, pool, dial, reactor, time.monotonic, random.random, Counts())
        one.startService()
        made.append(one)
        return one

    yield store
    for one in made:
        if one.running:
            await one.stopService()
