"""What a step of a chain waits for, in one object: for paths on which a Deferred, or a coroutine, costs too much.

A noun, and no I/O. Made where a request asks something (`gateway.storage.limits`), told the answer by who reads it
from a socket, and heard by the chain (`gateway.middleware.chain`). Whoever awaits it instead, as a plugin or a test
may, gets a Deferred, made then.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from mypy_extensions import mypyc_attr
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure


@mypyc_attr(allow_interpreted_subclasses=True)
class Hearer:
    """Is told one result, once: a value, or a failure.

    The two methods are called as those of a `Deferred` are, so that who tells results need not know which it has.
    """

    __slots__ = ()

    def callback(self, value: Any) -> None:
        """Take the value; raises nothing."""
        raise NotImplementedError

    def errback(self, failure: Failure) -> None:
        """Take the failure; raises nothing."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Awaited(Hearer):
    """A result that is still to come, and the one hearer that waits for it.

    A subclass may make another result of what it is told. Unlike a Deferred it has one hearer only, and forgets a
    failure that nobody hears.
    """

    __slots__ = ("_failed", "_hearer", "_result", "_told")

    def __init__(self) -> None:
        self._hearer: Any = None
        self._result: Any = None
        self._failed = False
        self._told = False

    @property
    def told(self) -> bool:
        """Whether there is a result, or it was cancelled: whatever is told after that is ignored."""
        return self._told

    def callback(self, value: Any) -> None:
        """See `Hearer`."""
        if self._told:
            return
        self._told = True
        hearer, self._hearer = self._hearer, None
        if hearer is None:
            self._result = value
        else:
            hearer.callback(value)

    def errback(self, failure: Failure) -> None:
        """See `Hearer`."""
        if self._told:
            return
        self._told = True
        hearer, self._hearer = self._hearer, None
        if hearer is None:
            self._result, self._failed = failure, True
        else:
            hearer.errback(failure)

    def hear(self, hearer: Any) -> None:
        """Tell a `Hearer`, or a Deferred, the result: when it comes, or at once where it is there."""
        if not self._told:
            self._hearer = hearer
        elif self._failed:
            hearer.errback(self._result)
        else:
            hearer.callback(self._result)

    def cancel(self) -> None:
        """Give up: who hears is told `CancelledError`, and what comes later is ignored."""
        # Not by `self.errback`: a subclass may make something else of failures.
        Awaited.errback(self, Failure(CancelledError()))

    def __await__(self) -> Generator[Any, None, Any]:
        waiting: Deferred[Any] = Deferred(lambda _: self.cancel())
        self.hear(waiting)
        return waiting.__await__()
