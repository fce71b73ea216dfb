"""What a plugin's hook still has to say: waited for by the chain, and no longer than the plugin's `timeout`.

# Note [A hook that waits]
Whatever the hook returned is awaited in a coroutine of ours, so that there is one end to hold. That ends in four ways:
the hook answers or raises; its time is up; the exchange is cancelled, since the client left or its deadline is over.
In the last two the hook is told `CancelledError` at the place where it waits. It may clean up, and no more: where it
waits again instead, it is closed there, as a generator is. What it says after that is nobody's.

Each piece of a coroutine between two waits is timed, as the hook itself is: it may hold the reactor too.

Not compiled: a native coroutine is stepped by hand here, and nothing of it is hot.

Tests: `tests/flow/test_plugins.py::test_a_hook_that_does_not_end`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from types import CoroutineType
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.python.failure import Failure

from gateway.awaited import Awaited
from gateway.middleware.plugin_faults import TookTooLong


def waits(answer: object) -> bool:
    """Whether a hook has returned something to be awaited.

    Its class is asked, as `await` does: what a plugin returns may have attributes that raise whatever they like.
    """
    try:
        return hasattr(type(answer), "__await__")
    except BaseException:  # noqa: BLE001 - a metaclass of the plugin's
        return False


class Held(Awaited):
    """What a hook still has to say.

    Args:
        answer: What it returned.
        timeout: Seconds that it has.
        clock: The reactor.
        settle: Makes of what it says what the chain gets; raises what the chain is to be told.
        failed: The same for what it raised.
        late: Told what it raised after its end.
        watch: Made for each piece of a coroutine: around it, what it is doing is known.
    """

    __slots__ = ("_call", "_closed", "_coroutine", "_failure_of", "_late", "_settle", "_timeout", "_waiting", "_watch")

    def __init__(
        self,
        answer: Awaitable[Any],
        timeout: float,
        clock: Any,
        settle: Callable[[Any], Any],
        failed: Callable[[Failure], Any],
        late: Callable[[Failure], None],
        watch: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__()
        self._settle = settle
        self._failure_of = failed
        self._late = late
        self._watch = watch
        self._timeout = timeout
        self._call: Any = None
        self._closed = False
        self._coroutine: Coroutine[Any, Any, Any] = self._await(answer)
        self._waiting: Deferred[Any] = ensureDeferred(self._coroutine)
        if not self._waiting.called:
            self._call = clock.callLater(timeout, self._too_late)
        self._waiting.addCallbacks(self._said, self._raised)

    def cancel(self) -> None:
        """End the hook: the exchange is over, or answered otherwise."""
        if not self.told:
            super().cancel()
            self._end()

    async def _await(self, answer: Awaitable[Any]) -> Any:
        return await (_Pieces(answer, self._watch) if isinstance(answer, CoroutineType) else answer)

    def _said(self, value: Any) -> None:
        if self.told:
            return  # it was closed, or took no notice of the end of its time
        self._stop()
        self._tell(self._settle, value)

    def _raised(self, failure: Failure) -> None:
        if self.told:
            if not self._closed and not failure.check(CancelledError):
                self._late(failure)
            return
        self._stop()
        self._tell(self._failure_of, failure)

    def _too_late(self) -> None:
        self._call = None
        # Told before it is ended: what it says to that is nobody's.
        failure = Failure(TookTooLong(f"no answer within {self._timeout:g} s"))
        self._tell(self._failure_of, failure)
        self._end()

    def _tell(self, make: Callable[[Any], Any], what: Any) -> None:
        try:
            value = make(what)
        except Exception:  # noqa: BLE001 - it is told to the chain
            self.errback(Failure())
        else:
            self.callback(value)

    def _end(self) -> None:
        self._stop()
        try:
            self._waiting.cancel()
            if not self._waiting.called:
                self._closed = True
                self._coroutine.close()
                self._waiting.cancel()  # and what it waits for now
        except BaseException:  # noqa: BLE001 - a canceller of the plugin's, or code that would not be closed
            self._late(Failure())

    def _stop(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()


class _Pieces:
    """A coroutine, each of whose pieces runs inside a context of its own."""

    __slots__ = ("_coroutine", "_watch")

    def __init__(
        self, coroutine: CoroutineType[Any, Any, Any], watch: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._coroutine = coroutine
        self._watch = watch

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, watch = self._coroutine, self._watch
        send: Callable[[Any], Any] = coroutine.send
        what: Any = None
        while True:
            try:
                with watch():
                    waits_for = send(what)
            except StopIteration as ended:
                return ended.value
            except TookTooLong:  # of the context's
                coroutine.close()
                raise
            try:
                what = yield waits_for
                send = coroutine.send
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it is raised where the plugin waits
                what, send = error, coroutine.throw
