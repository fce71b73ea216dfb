"""A few threads of one's own, for work that would hold up the reactor.

The reactor's own ten threads look names up as well: hashing secrets there could
take all of them, and no name would be found any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")


class Threads(Protocol):
    """Does work elsewhere; started and stopped as a service is."""

    def startService(self) -> None: ...

    def stopService(self) -> Deferred[Any] | None: ...

    def call(self, work: Callable[..., T], /, *arguments: Any) -> Deferred[T]:
        """Let a thread do some work, when one is free; fires in the reactor with what came of it."""


class ThreadService(Service):
    """A pool of threads.

    Args:
        reactor: Is told what came of the work.
        most: How many there are at once.
        name: What they are called.
    """

    def __init__(self, reactor: Any, most: int, name: str) -> None:
        self._reactor = reactor
        self._most = most
        self._name = name
        self._pool: ThreadPool | None = None

    def startService(self) -> None:
        """Be ready; threads are made as they are needed."""
        super().startService()
        self._pool = ThreadPool(0, self._most, self._name)
        self._pool.start()

    def stopService(self) -> Deferred[Any] | None:
        """Take no more work; fires when what is begun is done."""
        super().stopService()
        pool, self._pool = self._pool, None
        if pool is None:
            return None
        # `stop` blocks until its threads are done: called in a thread of the reactor's, it does not block the reactor.
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), pool.stop)

    def call(self, work: Callable[..., T], /, *arguments: Any) -> Deferred[T]:
        """Let a thread do some work."""
        assert self._pool is not None, "not started"
        return deferToThreadPool(self._reactor, self._pool, work, *arguments)
