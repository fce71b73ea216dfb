"""Threads of one's own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from gateway.transport.threads import ThreadService


class Reactor:
    """As much of a reactor as threads need: it is told things from other threads, and has a pool itself."""

    def __init__(self) -> None:
        self.told: queue.Queue[Callable[[], Any]] = queue.Queue()
        self.pool = ThreadPool(0, 1, "the reactor's")
        self.pool.start()

    def getThreadPool(self) -> ThreadPool:  # noqa: N802  # Twisted's name
        return self.pool

    def callFromThread(self, call: Callable[..., Any], *arguments: Any) -> None:  # Twisted's name
        self.told.put(lambda: call(*arguments))

    def result(self, deferred: Deferred[Any]) -> Any:
        """Do what threads ask for until the Deferred has fired."""
        found: list[Any] = []
        deferred.addBoth(found.append)
        while not found:
            self.told.get(timeout=10)()
        return found[0]


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    """A reactor whose own threads end with the test."""
    made = Reactor()
    yield made
    made.pool.stop()


def test_work_is_done_in_a_thread_of_that_name(reactor: Reactor) -> None:
    """And heard of in the reactor."""
    threads = ThreadService(reactor, 2, "oauth")
    threads.startService()

    name = reactor.result(threads.call(lambda: threading.current_thread().name))

    assert "oauth" in name
    reactor.result(threads.stopService() or Deferred())


def test_what_fails_there_fails_here(reactor: Reactor) -> None:
    """With what it failed with."""
    threads = ThreadService(reactor, 1, "oauth")
    threads.startService()

    failure = reactor.result(threads.call(int, "three"))

    assert isinstance(failure, Failure)
    assert failure.check(ValueError)
    reactor.result(threads.stopService() or Deferred())


def test_stopping_waits_for_what_is_begun_without_holding_anything_up(reactor: Reactor) -> None:
    """The pool is waited for in another thread: here things go on."""
    threads = ThreadService(reactor, 1, "oauth")
    threads.startService()
    go_on = threading.Event()
    working = threads.call(go_on.wait, 10)

    stopping = threads.stopService()

    assert stopping is not None
    assert not stopping.called
    go_on.set()
    assert reactor.result(working) is True
    reactor.result(stopping)


def test_what_was_never_started_has_nothing_to_stop(reactor: Reactor) -> None:
    """A configuration that is rolled back leaves no thread."""
    assert ThreadService(reactor, 1, "oauth").stopService() is None
