"""A chain that notes which steps waited, answered or refused; for gateways that export traces, others have `Chain`.

A step that lets an exchange go on at once, as most do, costs what it costs in a plain chain, and leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.python.failure import Failure

from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.interfaces import ErrorRenderer, Middleware, RequestHook, ResponseHook
from gateway.message import Response
from gateway.middleware.chain import ON_REQUEST, ON_RESPONSE, Chain, Handler
from gateway.spans import Note


class TracedChain(Chain):
    """Middleware in order, then a handler; see `Chain`.

    Args:
        steps: From the client inwards.
        handler: Called when every step has let the exchange pass.
        render_error: Makes the response for an error.
        now: Monotonic seconds.
    """

    __slots__ = ("_back", "_names", "_now")

    def __init__(
        self, steps: Sequence[Middleware], handler: Handler, render_error: ErrorRenderer, now: Callable[[], float]
    ) -> None:
        super().__init__(steps, handler, render_error)
        self._now = now
        self._names = tuple(step.name for step in steps if hasattr(step, ON_REQUEST))
        self._back = tuple(step.name for step in steps[::-1] if hasattr(step, ON_RESPONSE))

    def ending(self, handler: Handler) -> Chain:
        other = TracedChain((), handler, self._render_error, self._now)
        other._requests, other._responses, other._finishes = self._requests, self._responses, self._finishes
        other._kinds = self._kinds
        other._names, other._back = self._names, self._back
        return other

    def _walk(self, exchange: Exchange, hooks: Sequence[RequestHook]) -> None:
        at = len(self._names) - len(hooks)
        stopped = False
        try:
            for hook in hooks:
                answer = hook(exchange)
                if answer is None:
                    at += 1
                    continue
                stopped = True
                note = self._note(exchange, self._names[at], ON_REQUEST)
                if isinstance(answer, Response):
                    self._end(note, str(answer.status))
                    self.deliver(exchange, answer)
                else:
                    rest = hooks[at + 1 - len(self._names) + len(hooks) :]
                    self._wait(
                        exchange,
                        answer,
                        partial(self._told, exchange, rest, note),
                        partial(self._refused, exchange, note),
                    )
                return
            stopped = True
            self._handler(exchange)
        except Exception as error:  # noqa: BLE001 - as in `Chain`
            if not stopped:
                self._end(self._note(exchange, self._names[at], ON_REQUEST), _reason(error), True)
            if isinstance(error, GatewayError):
                self.fail(exchange, error)  # without a `Failure`, which costs more than the rest
            else:
                self._failed(exchange, Failure())

    def _told(
        self, exchange: Exchange, rest: Sequence[RequestHook], note: Note | None, answer: Response | None
    ) -> None:
        self._end(note, "" if answer is None else str(answer.status))
        self._answered(exchange, rest, answer)

    def _refused(self, exchange: Exchange, note: Note | None, failure: Failure) -> None:
        # What fails here may be a step further in, which has been noted by then.
        if note is not None and not note.ended:
            self._end(note, _reason(failure.value), True)
        self._failed(exchange, failure)

    def _walk_back(self, exchange: Exchange, hooks: Sequence[ResponseHook]) -> None:
        at = len(self._back) - len(hooks)
        for position, hook in enumerate(hooks):
            try:
                answer = hook(exchange)
            except Exception as error:  # noqa: BLE001 - as in `Chain`
                failure = Failure()
                self._end(self._note(exchange, self._back[at + position], ON_RESPONSE), _reason(error), True)
                if self._response_failed(exchange, failure):
                    return
                continue
            if answer is not None:
                rest = hooks[position + 1 :]
                note = self._note(exchange, self._back[at + position], ON_RESPONSE)
                self._wait(
                    exchange,
                    answer,
                    partial(self._seen, exchange, rest, note),
                    partial(self._not_seen, exchange, rest, note),
                )
                return
        exchange.downstream.send_response(exchange)

    def _seen(self, exchange: Exchange, rest: Sequence[ResponseHook], note: Note | None, _: object) -> None:
        self._end(note)
        self._walk_back(exchange, rest)

    def _not_seen(self, exchange: Exchange, rest: Sequence[ResponseHook], note: Note | None, failure: Failure) -> None:
        if note is not None and not note.ended:
            self._end(note, _reason(failure.value), True)
        self._walk_past_failure(exchange, rest, failure)

    def _note(self, exchange: Exchange, name: str, hook: str) -> Note | None:
        spans = exchange.spans
        return None if spans is None else spans.note(name, hook, self._now())

    def _end(self, note: Note | None, outcome: str = "", failed: bool = False) -> None:
        if note is not None:
            note.end(self._now(), outcome, failed)


def _reason(error: Any) -> str:
    return error.reason if isinstance(error, GatewayError) else type(error).__name__
