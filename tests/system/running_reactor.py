"""The reactor that pytest-twisted runs under the tests, and how an `async` test waits on it.

A test that needs a reactor which runs is a coroutine with `pytest_twisted.ensureDeferred`; it awaits Deferreds, and
`eventually` for what no Deferred tells. What stays on `private_reactor`, and why, is decision D-130 in docs/design.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import isawaitable
from typing import Any

import pytest
from twisted.internet.error import ConnectionAborted
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

PATIENCE = 10.0
"""Seconds until what should come soon is given up; far more than any test needs."""

PAUSE = 0.001
"""Seconds between two looks of `eventually`."""


async def eventually(reactor: Any, so: Callable[[], Any]) -> None:
    """Wait until `so()` is true, or what it is awaited for; fails after `PATIENCE`."""
    end = reactor.seconds() + PATIENCE
    while True:
        answer = so()
        if isawaitable(answer):
            answer = await answer
        if answer:
            return
        assert reactor.seconds() < end, "it did not come to that"
        await deferLater(reactor, PAUSE)


async def turns(reactor: Any, count: int = 5) -> None:
    """Let the reactor turn a few times, for what must not happen."""
    for _ in range(count):
        await deferLater(reactor, 0)


def watched(reactor: Any) -> set[Any]:
    """Return the sockets and timers that the reactor waits for, without those that wake it up."""
    found: set[Any] = {*reactor.getReaders(), *reactor.getWriters(), *reactor.getDelayedCalls()}
    found -= reactor._internalReaders
    return found


@pytest.fixture(name="reactor")
def running_reactor() -> Iterator[Any]:
    """Give the running reactor; sockets and timers that the test leaves open are closed behind it.

    It is a fixture, and a synchronous one: pytest-twisted has no call of its own in the reactor when it ends.
    """
    from twisted.internet import reactor

    before = watched(reactor)
    yield reactor
    left = watched(reactor) - before
    for call in left.intersection(reactor.getDelayedCalls()):
        call.cancel()
    for one in left.intersection([*reactor.getReaders(), *reactor.getWriters()]):
        reactor.removeReader(one)
        reactor.removeWriter(one)
        one.connectionLost(Failure(ConnectionAborted()))
