"""A reactor of a test's own: turned by hand, never installed, gone when the test is.

For what `running_reactor` cannot do: see D-130 in docs/design.md.
"""

# mypy: allow-untyped-calls
# (Twisted's reactors and protocols carry few types.)

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds until a turn that should come soon is given up; far more than any needs."""


class PrivateReactor(EPollReactor):
    """Twisted's epoll reactor, with a way to run it until something is so."""

    def until(self, so: Callable[[], object]) -> None:
        """Turn until `so()` is true; fails after `PATIENCE`."""
        end = self.seconds() + PATIENCE
        while not so():
            assert self.seconds() < end, "it did not come to that"
            self.iterate(0.001)  # the other end is often the test itself: no long wait for it

    def watched(self) -> set[Any]:
        """Whatever the reactor still waits for on behalf of the test."""
        return {*self.getReaders(), *self.getWriters(), *self.getDelayedCalls()} - self._internalReaders

    def turns(self, count: int = 5) -> None:
        """Turn a few times, for what must not happen."""
        for _ in range(count):
            self.iterate(0)

    def result(self, deferred: Deferred[T]) -> T:
        """Turn until the Deferred fires; gives its result or raises its failure."""
        fired: list[Any] = []
        deferred.addBoth(fired.append)
        self.until(lambda: fired)
        value = fired[0]
        if isinstance(value, Failure):
            value.raiseException()
        result: T = value
        return result


@contextmanager
def private_reactor() -> Iterator[PrivateReactor]:
    """Make a reactor, and close what is left open on it."""
    reactor = PrivateReactor()
    try:
        yield reactor
    finally:
        for call in reactor.getDelayedCalls():
            call.cancel()
        for selectable in reactor.removeAll():
            selectable.connectionLost(Failure(ConnectionAborted()))
        for reader in list(reactor._internalReaders):
            reactor.removeReader(reader)
            reader.connectionLost(None)
        reactor._poller.close()
