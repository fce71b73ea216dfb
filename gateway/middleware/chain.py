"""The steps of one route, in order, around what answers.

A plain loop over bound methods: it is left only for an awaitable and entered
again when that has its answer. No step, no cost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.errors import GatewayError, InternalError
from gateway.exchange import Exchange, Response
from gateway.interfaces import Cancellable, ErrorRenderer, FinishHook, Middleware, RequestHook, ResponseHook

_log = Logger()

Handler = Callable[[Exchange], None]
"""What stands at the end of a chain and answers by `exchange.chain.deliver` or `fail`."""


class Chain:
    """Middleware in order, then a handler.

    Args:
        steps: From the client inwards.
        handler: Called when every step let the exchange pass.
        render_error: Makes the response for an error.
    """

    __slots__ = ("_finishes", "_handler", "_render_error", "_requests", "_responses")

    def __init__(self, steps: Sequence[Middleware], handler: Handler, render_error: ErrorRenderer) -> None:
        self._requests: tuple[RequestHook, ...] = _hooks(steps, "on_request")
        self._responses: tuple[ResponseHook, ...] = _hooks(steps[::-1], "on_response")
        self._finishes: tuple[FinishHook, ...] = _hooks(steps[::-1], "on_finish")
        self._handler = handler
        self._render_error = render_error

    def begin(self, exchange: Exchange) -> None:
        """Take an exchange through every step to the handler."""
        exchange.chain = self
        self._walk(exchange, self._requests)

    def deliver(self, exchange: Exchange, response: Response) -> None:
        """Let every step see a response head, then have it written."""
        exchange.response = response
        self._walk_back(exchange, self._responses)

    def fail(self, exchange: Exchange, error: GatewayError) -> None:
        """Answer with an error; where a response has begun, the connection is broken off."""
        exchange.error = error
        if exchange.pending is not None:
            pending, exchange.pending = exchange.pending, None
            pending.cancel()
        self.deliver(exchange, self._render_error(exchange, error))

    def finish(self, exchange: Exchange) -> None:
        """Run the last hooks; one that fails does not keep the others from running."""
        for hook in self._finishes:
            try:
                hook(exchange)
            except Exception:  # noqa: BLE001 - the other hooks release what they hold
                _log.failure("on_finish failed for request {request_id}", request_id=exchange.request_id)

    def _walk(self, exchange: Exchange, hooks: Sequence[RequestHook]) -> None:
        try:
            for position, hook in enumerate(hooks):
                answer = hook(exchange)
                if answer is None:
                    continue
                if isinstance(answer, Response):
                    self.deliver(exchange, answer)
                else:
                    rest = hooks[position + 1 :]
                    self._wait(exchange, answer, partial(self._answered, exchange, rest))
                return
            self._handler(exchange)
        except GatewayError as error:
            self.fail(exchange, error)
        except Exception:  # noqa: BLE001 - whatever a step has, the client gets a 500 and the log a traceback
            self._failed(exchange, Failure())

    def _answered(self, exchange: Exchange, rest: Sequence[RequestHook], answer: Response | None) -> None:
        if answer is None:
            self._walk(exchange, rest)
        else:
            self.deliver(exchange, answer)

    def _walk_back(self, exchange: Exchange, hooks: Sequence[ResponseHook], waited_for: None = None) -> None:
        try:
            for position, hook in enumerate(hooks):
                answer = hook(exchange)
                if answer is not None:
                    rest = hooks[position + 1 :]
                    self._wait(exchange, answer, partial(self._walk_back, exchange, rest))
                    return
        except Exception:  # noqa: BLE001 - as above
            if exchange.error is None:
                self._failed(exchange, Failure())
                return
            # A step fails on the error's own response as well: send that as it is.
            _log.failure("on_response failed for request {request_id}", request_id=exchange.request_id)
        exchange.downstream.send_response(exchange)

    def _wait(self, exchange: Exchange, answer: Awaitable[Any], go_on: Callable[[Any], None]) -> None:
        before = exchange.pending
        waiting: Deferred[Any] = ensureDeferred(_await(answer))

        def resume(value: Any) -> None:
            exchange.pending = before
            go_on(value)

        exchange.pending = _Waiting(waiting, before)
        waiting.addCallback(resume).addErrback(lambda failure: self._failed(exchange, failure))

    def _failed(self, exchange: Exchange, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, CancelledError):
            return  # the client has gone; who cancelled has ended the exchange
        if not isinstance(error, GatewayError):
            _log.failure("A step failed for request {request_id}", failure, request_id=exchange.request_id)
            error = InternalError()
        self.fail(exchange, error)


class _Waiting:
    """A step that waits, over what the exchange waited for before (an attempt whose head is being looked at)."""

    __slots__ = ("_before", "_waiting")

    def __init__(self, waiting: Deferred[Any], before: Cancellable | None) -> None:
        self._waiting = waiting
        self._before = before

    def cancel(self) -> None:
        self._waiting.cancel()
        if self._before is not None:
            self._before.cancel()


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _hooks(steps: Sequence[Middleware], name: str) -> tuple[Any, ...]:
    return tuple(getattr(step, name) for step in steps if hasattr(step, name))
