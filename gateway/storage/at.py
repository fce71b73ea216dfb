"""A store at one key: what is sent there goes to the node that has it, wherever that comes to be.

Tests: `tests/storage/test_redis_cluster.py::test_limits_and_keys_are_found_wherever_they_are`.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from gateway.storage.redis_cluster import Node


class Nodes(Protocol):
    """What is needed of `gateway.storage.redis.RedisStore`."""

    def node(self, key: bytes) -> Node: ...


class At:
    """A store, at one key: what `gateway.storage.limits` asks."""

    __slots__ = ("_key", "_store")

    def __init__(self, store: Nodes, key: bytes) -> None:
        self._store = store
        self._key = key

    @property
    def available(self) -> bool:
        """Whether it makes sense to ask."""
        return self._store.node(self._key).available

    def send(self, command: bytes) -> Deferred[Any]:
        """See `RedisStore.send`."""
        return self._store.node(self._key).send(command)

    def ask(self, command: bytes, waiting: Any) -> None:
        """See `RedisStore.ask`."""
        self._store.node(self._key).ask(command, waiting)
