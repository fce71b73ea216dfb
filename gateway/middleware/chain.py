"""The steps of one route, in order, around what answers.

A plain loop over bound methods. It is left only when a step returns an
awaitable, and goes on when that has fired. A hook that a step does not have
costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from twisted.internet.defer import CancelledError, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.awaited import Awaited, Hearer
from gateway.errors import GatewayError, InternalError, PluginFailed
from gateway.exchange import Cancellable, Exchange
from gateway.interfaces import ErrorRenderer, FinishHook, Middleware, RequestHook, ResponseHook
from gateway.message import Response

_log = Logger()

ON_REQUEST: Final = "on_request"
ON_RESPONSE: Final = "on_response"

_HOOKS: Final = ("on_request", "on_response", "on_finish")

Handler = Callable[[Exchange], None]
"""What stands at the end of a chain; it answers by calling `exchange.chain.deliver` or `fail`."""


class Chain:
    """Middleware in order, then a handler.

    Args:
        steps: From the client inwards.
        handler: Called when every step has let the exchange pass.
        render_error: Makes the response for an error.
    """

    __slots__ = ("_finishes", "_handler", "_kinds", "_render_error", "_requests", "_responses")

    def __init__(self, steps: Sequence[Middleware], handler: Handler, render_error: ErrorRenderer) -> None:
        self._requests: tuple[RequestHook, ...] = _hooks(steps, "on_request")
        self._responses: tuple[ResponseHook, ...] = _hooks(steps[::-1], "on_response")
        self._finishes: tuple[FinishHook, ...] = _hooks(steps[::-1], "on_finish")
        # A digit for each step, in order: which hooks it has. One text for all routes that are alike.
        self._kinds = sys.intern("".join([_kinds(step) for step in steps]))
        self._handler = handler
        self._render_error = render_error

    @property
    def steps(self) -> list[str]:
        """Return the names of the steps, from the client inwards: for people, who ask seldom."""
        return [str(getattr(step, "name", type(step).__name__)) for step in self.parts]

    @property
    def parts(self) -> list[Any]:
        """Return the steps themselves, likewise."""
        rest: list[list[Any]] = [list(self._requests), list(self._responses[::-1]), list(self._finishes[::-1])]
        found: list[Any] = []
        for kinds in self._kinds:
            step: Any = None
            for kind in range(len(_HOOKS)):
                if int(kinds) & 1 << kind:
                    step = rest[kind].pop(0).__self__
            found.append(step)
        return found

    def ending(self, handler: Handler) -> Chain:
        """Return a chain of the same steps with another handler behind them."""
        other = Chain((), handler, self._render_error)
        other._requests, other._responses, other._finishes = self._requests, self._responses, self._finishes
        other._kinds = self._kinds
        return other

    def begin(self, exchange: Exchange) -> None:
        """Take an exchange through every step to the handler."""
        exchange.chain = self
        self._walk(exchange, self._requests)

    def deliver(self, exchange: Exchange, response: Response) -> None:
        """Let every step see a response head, then have it written."""
        exchange.response = response
        self._walk_back(exchange, self._responses)

    def fail(self, exchange: Exchange, error: GatewayError) -> None:
        """Answer with an error; where a response has begun, the client's end breaks the connection off."""
        exchange.error = error
        if exchange.pending is not None:
            pending, exchange.pending = exchange.pending, None
            pending.cancel(error)
        self.deliver(exchange, self._render_error(exchange, error))

    def wait(self, exchange: Exchange, place: Awaitable[None], go_on: Callable[[], None]) -> None:
        """Call `go_on` when `place` fires; the exchange fails with what either of them raises."""
        self._wait(exchange, place, lambda _: go_on(), partial(self._failed, exchange))

    def finish(self, exchange: Exchange) -> None:
        """Run the last hooks; one that fails does not keep the others from running."""
        for hook in self._finishes:
            try:
                hook(exchange)
            except Exception:  # noqa: BLE001 - the other hooks release what they hold
                _log.failure("on_finish failed for request {request_id}", request_id=exchange.request_id)

    def _walk(self, exchange: Exchange, hooks: Sequence[RequestHook]) -> None:
        position = -1
        try:
            for position, hook in enumerate(hooks):
                answer = hook(exchange)
                if answer is None:
                    continue
                if isinstance(answer, Response):
                    if answer.status >= 500:
                        _note(exchange, hook, ON_REQUEST, str(answer.status))
                    self.deliver(exchange, answer)
                else:
                    rest = hooks[position + 1 :]
                    self._wait(
                        exchange,
                        answer,
                        partial(self._answered, exchange, rest),
                        partial(self._step_refused, exchange, hook),
                        hook,
                    )
                return
            position = -1  # what is raised from here on is no step's
            self._handler(exchange)
        except GatewayError as error:
            if position >= 0:
                _note(exchange, hooks[position], ON_REQUEST, error.reason)
            self.fail(exchange, error)
        except Exception:  # noqa: BLE001 - whatever a step raises, the client gets a 500 and the log a traceback
            failure = Failure()  # not named here: compiled, the name is for errors of the type above only
            if position >= 0:
                _note(exchange, hooks[position], ON_REQUEST, type(failure.value).__name__)
            self._failed(exchange, failure)

    def _answered(self, exchange: Exchange, rest: Sequence[RequestHook], answer: Response | None) -> None:
        if answer is None:
            self._walk(exchange, rest)
        else:
            self.deliver(exchange, answer)

    def _step_refused(self, exchange: Exchange, hook: RequestHook, failure: Failure) -> None:
        _note(exchange, hook, ON_REQUEST, _reason(failure.value))
        self._failed(exchange, failure)

    def _walk_back(self, exchange: Exchange, hooks: Sequence[ResponseHook]) -> None:
        for position, hook in enumerate(hooks):
            try:
                answer = hook(exchange)
            except Exception as error:  # noqa: BLE001 - as above
                _note(exchange, hook, ON_RESPONSE, _reason(error))
                if self._response_failed(exchange, Failure()):
                    return
                continue
            if answer is not None:
                rest = hooks[position + 1 :]
                self._wait(
                    exchange,
                    answer,
                    partial(self._walk_on_back, exchange, rest),
                    partial(self._step_failed, exchange, rest, hook),
                    hook,
                )
                return
        exchange.downstream.send_response(exchange)

    def _walk_on_back(self, exchange: Exchange, rest: Sequence[ResponseHook], _: object) -> None:
        self._walk_back(exchange, rest)

    def _step_failed(
        self, exchange: Exchange, rest: Sequence[ResponseHook], hook: ResponseHook, failure: Failure
    ) -> None:
        _note(exchange, hook, ON_RESPONSE, _reason(failure.value))
        self._walk_past_failure(exchange, rest, failure)

    def _walk_past_failure(self, exchange: Exchange, rest: Sequence[ResponseHook], failure: Failure) -> None:
        if not self._response_failed(exchange, failure):
            self._walk_back(exchange, rest)

    def _response_failed(self, exchange: Exchange, failure: Failure) -> bool:
        """Handle the failure of a step on a response head; return whether another response goes out in its place."""
        error = exchange.error
        # A plugin that failed closed keeps this answer from going out, whatever it was made from: it may have content.
        if error is None or (isinstance(failure.value, PluginFailed) and not isinstance(error, PluginFailed)):
            self._failed(exchange, failure)
            return True
        # The response is an error's already: another one would fail at the same step. So it goes on to the other steps.
        if isinstance(failure.value, PluginFailed):
            return False  # its guard has told of it
        _log.failure("on_response failed for request {request_id}", failure, request_id=exchange.request_id)
        return False

    def _wait(
        self,
        exchange: Exchange,
        answer: Awaitable[Any],
        go_on: Callable[[Any], object],
        failed: Callable[[Failure], object],
        hook: Any = None,
    ) -> None:
        waited: Any = answer if isinstance(answer, Awaited) else ensureDeferred(_await(answer))
        waiting = exchange.pending = _Waiting(exchange, waited, go_on, failed, hook)
        if isinstance(waited, Awaited):
            waited.hear(waiting)
        else:
            waited.addCallbacks(waiting.callback, waiting.errback)

    def _failed(self, exchange: Exchange, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, GatewayError):
            _log.failure("A step failed for request {request_id}", failure, request_id=exchange.request_id)
            error = InternalError()
        self.fail(exchange, error)


class _Waiting(Hearer):
    """What an exchange waits for while a step does; in place of what it waited for before, which it gets back.

    That is an attempt, where the step waits in `on_response`: the body of the answer is still to come.

    Args:
        exchange: The exchange.
        waited: What tells the step's answer, and can be cancelled.
        go_on: Called with the answer; not once `cancel` was called.
        failed: Called with a failure, of the step or of `go_on`; not once `cancel` was called.
        hook: Whose answer it is; None for what waits outside of the steps.
    """

    __slots__ = ("_before", "_cancelled", "_exchange", "_failed", "_go_on", "_hook", "_waited")

    def __init__(
        self,
        exchange: Exchange,
        waited: Any,
        go_on: Callable[[Any], object],
        failed: Callable[[Failure], object],
        hook: Any = None,
    ) -> None:
        self._exchange = exchange
        self._hook = hook
        self._before: Cancellable | None = exchange.pending
        self._waited = waited
        self._go_on = go_on
        self._failed = failed
        self._cancelled = False

    def callback(self, value: Any) -> None:
        if self._cancelled:
            return
        self._exchange.pending = self._before
        try:
            self._go_on(value)
        except Exception:  # noqa: BLE001 - the exchange fails, and who told the answer goes on to the next one
            self.errback(Failure())

    def errback(self, failure: Failure) -> None:
        if self._cancelled:
            if not failure.check(CancelledError):
                _log.failure("A step that was cancelled failed", failure)
            return
        self._exchange.pending = self._before
        try:
            self._failed(failure)
        except Exception:  # noqa: BLE001 - as above
            _log.failure("Answering with an error failed: {request_id}", request_id=self._exchange.request_id)

    def cancel(self, error: GatewayError | None = None) -> None:
        """See `gateway.exchange.Cancellable`."""
        self._cancelled = True
        if self._hook is not None:
            _note(self._exchange, self._hook, "", "cancelled")
        self._waited.cancel()
        if self._before is not None:
            self._before.cancel(error)


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _reason(error: Any) -> str:
    return error.reason if isinstance(error, GatewayError) else type(error).__name__


def _note(exchange: Exchange, hook: Any, name: str, outcome: str) -> None:
    """Note which step ended an exchange: for who asks why (`gateway.telemetry.failed_exchange`)."""
    step = getattr(hook, "__self__", hook)
    exchange.step_ended_it(str(getattr(step, "name", "")), name or getattr(hook, "__name__", ""), outcome)


def _kinds(step: Middleware) -> str:
    has = sum([1 << kind for kind, name in enumerate(_HOOKS) if hasattr(step, name)])
    return str(has) if has else ""


def _hooks(steps: Sequence[Middleware], name: str) -> tuple[Any, ...]:
    return tuple(getattr(step, name) for step in steps if hasattr(step, name))
