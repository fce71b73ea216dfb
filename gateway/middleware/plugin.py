"""A plugin as a step of the chain: whatever it does, its exchange goes on or is answered, and no other one notices.

Made by `gateway.composition.builders.plugins`, one for each plugin and each choice of upstreams that a route gives it.
What a hook raises, returns or leaves in the exchange is looked at here (`plugin_changes`), what it waits for is bounded
(`plugin_waiting`), what goes wrong is told (`plugin_faults`). `on_error` decides the rest: the chain goes on, or the
client gets a 500 with `plugin.failed`.

A hook that changes nothing and returns nothing costs the time of two looks at the clock and a few comparisons.

Tests: `tests/flow/test_plugins.py::test_faults_on_the_way_in`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from types import CoroutineType, TracebackType
from typing import Any, Final

from twisted.python.failure import Failure

from gateway.errors import GatewayError, PluginFailed, reasons
from gateway.exchange import Exchange
from gateway.message import Response
from gateway.middleware.plugin_changes import (
    Before,
    BeforeAnswer,
    checked,
    settle_answer,
    settle_end,
    settle_request,
)
from gateway.middleware.plugin_facts import of_answer, of_request, same_answer, same_request
from gateway.middleware.plugin_faults import Faults, TookTooLong, WrongAnswer
from gateway.middleware.plugin_running import Inside, Running
from gateway.middleware.plugin_waiting import Held, waits

BLOCKS: Final = 0.1
"""Seconds at once from which a plugin is said to hold the reactor."""

ON_REQUEST: Final = "on_request"
ON_RESPONSE: Final = "on_response"
ON_FINISH: Final = "on_finish"

_RAISED: Final = "gateway.plugin_raised"
"""In `Exchange.state`: which plugin has raised which error on the way out."""

_REASONS: Final = frozenset(kind.reason for kind in reasons())
"""The closed list: what a plugin makes up would be a label of its own."""


class PluginStep:
    """The hooks of a plugin, guarded.

    Args:
        plugin: The author's object; its hooks are looked up once.
        faults: Takes what goes wrong.
        rejects: Whether a fault answers with 500; else the chain goes on.
        timeout: Seconds that a hook has.
        now: Monotonic seconds.
        clock: The reactor, for hooks that wait.
        running: Told which hook is running.
        inside: Told which exchanges the plugin has to do with; None where nobody asks.
        upstreams: Names of the upstreams of the route, where it has several: a plugin may choose one.
    """

    __slots__ = (
        "_clock",
        "_finish",
        "_inside",
        "_most",
        "_now",
        "_rejects",
        "_request",
        "_response",
        "_running",
        "_timeout",
        "_upstreams",
        "faults",
        "name",
    )

    def __init__(
        self,
        plugin: Any,
        faults: Faults,
        rejects: bool,
        timeout: float,
        now: Callable[[], float],
        clock: Any,
        running: Running,
        inside: Inside | None,
        upstreams: frozenset[str],
    ) -> None:
        self.name: str = faults.name
        self.faults = faults
        self._request: Any = getattr(plugin, ON_REQUEST, None)
        self._response: Any = getattr(plugin, ON_RESPONSE, None)
        self._finish: Any = getattr(plugin, ON_FINISH, None)
        self._rejects = rejects
        self._timeout = timeout
        self._most = min(timeout, BLOCKS)
        self._now = now
        self._clock = clock
        self._running = running
        self._inside = inside
        self._upstreams = upstreams

    @property
    def hooks(self) -> dict[str, Any]:
        """The hooks that the chain needs, by name: those that the plugin has, and those that count."""
        found: dict[str, Any] = {}
        if self._request is not None or self._inside is not None:
            found[ON_REQUEST] = self.on_request
        if self._response is not None:
            found[ON_RESPONSE] = self.on_response
        if self._finish is not None or self._inside is not None:
            found[ON_FINISH] = self.on_finish
        return found

    def on_request(self, exchange: Exchange) -> Response | Awaitable[Response | None] | None:
        """Ask the plugin.

        Raises:
            GatewayError: The plugin's answer, or `PluginFailed`.
        """
        if self._inside is not None:
            self._inside.exchanges.add(exchange)
        hook = self._request
        if hook is None:
            return None
        facts = of_request(exchange)
        running = self._running
        outer, outer_hook, outer_since = running.plugin, running.hook, running.since
        running.plugin, running.hook = self.name, ON_REQUEST
        running.since = started = self._now()
        failure: Failure | None = None
        answer: Any = None
        try:
            answer = hook(exchange)
        except BaseException:  # noqa: BLE001 - a plugin's SystemExit must not end the gateway either
            failure = Failure()
        took = self._now() - started
        running.plugin, running.hook, running.since = outer, outer_hook, outer_since
        if took > self._most:
            failure = self._held(exchange, ON_REQUEST, took, answer) or failure
        if answer is None and failure is None and same_request(exchange, facts):
            return None
        before = Before(facts)
        if failure is None:
            return self._asked(exchange, before, answer)  # type: ignore[no-any-return]  # as `Held` or `_go_on` have it
        return self._request_failed(exchange, before, failure)  # type: ignore[no-any-return]  # likewise

    def on_response(self, exchange: Exchange) -> Awaitable[None] | None:
        """Show the plugin the answer.

        Raises:
            GatewayError: Another answer, of the plugin's, or `PluginFailed`.
        """
        response = exchange.response
        hook = self._response
        if response is None or hook is None:
            return None
        error = exchange.error
        if error is not None and self._made(exchange, error):
            return None  # this answer is there since the hook has failed, or has raised it
        facts = of_answer(exchange)
        running = self._running
        outer, outer_hook, outer_since = running.plugin, running.hook, running.since
        running.plugin, running.hook = self.name, ON_RESPONSE
        running.since = started = self._now()
        failure: Failure | None = None
        answer: Any = None
        try:
            answer = hook(exchange)
        except BaseException:  # noqa: BLE001 - as above
            failure = Failure()
        took = self._now() - started
        running.plugin, running.hook, running.since = outer, outer_hook, outer_since
        if took > self._most:
            failure = self._held(exchange, ON_RESPONSE, took, answer) or failure
        if answer is None and failure is None and same_answer(exchange, facts):
            return None
        before = BeforeAnswer(facts)
        if failure is not None:
            self._answer_failed(exchange, before, failure)
            return None
        if not waits(answer):
            self._answered(exchange, before, answer)
            return None
        return self._wait(  # type: ignore[no-any-return]  # it is a `Held`
            exchange,
            ON_RESPONSE,
            answer,
            partial(self._answered, exchange, before),
            partial(self._answer_failed, exchange, before),
        )

    def on_finish(self, exchange: Exchange) -> None:
        """Tell the plugin that the exchange is over."""
        hook = self._finish
        if hook is not None:
            running = self._running
            outer, outer_hook, outer_since = running.plugin, running.hook, running.since
            running.plugin, running.hook = self.name, ON_FINISH
            facts = of_answer(exchange)
            running.since = started = self._now()
            failure: Failure | None = None
            answer: Any = None
            try:
                answer = hook(exchange)
            except BaseException:  # noqa: BLE001 - as above
                failure = Failure()
            took = self._now() - started
            running.plugin, running.hook, running.since = outer, outer_hook, outer_since
            if took > self._most:
                failure = self._held(exchange, ON_FINISH, took, answer) or failure
            if not same_answer(exchange, facts):
                failure = settle_end(exchange, facts) or failure
            if failure is not None:
                self.faults.failed(exchange, ON_FINISH, failure)
            elif answer is not None:
                self._finishing(exchange, answer)
        if self._inside is not None:
            self._inside.discard(exchange)

    # What came of a hook.

    def _asked(self, exchange: Exchange, before: Before, answer: Any) -> Any:
        """Make of what `on_request` returned what the chain gets."""
        if not isinstance(answer, Response) and waits(answer):
            return self._wait(
                exchange,
                ON_REQUEST,
                answer,
                partial(self._go_on, exchange, before),
                partial(self._request_failed, exchange, before),
            )
        return self._go_on(exchange, before, answer)

    def _go_on(self, exchange: Exchange, before: Before, answer: Any) -> Any:
        """Take what the hook said in the end, and what it changed."""
        wrong = settle_request(exchange, before, self._upstreams, self.faults)
        made: Response | None = None
        if answer is not None:
            try:
                if not isinstance(answer, Response):
                    raise WrongAnswer(
                        f"it returned {type(answer).__name__}: None, a Response, or an awaitable of either"
                    )
                made = checked(answer)
            except BaseException:  # noqa: BLE001 - whatever it is that it returned
                wrong = Failure()
        if wrong is not None:
            return self._failed(exchange, ON_REQUEST, wrong)
        return made

    def _request_failed(self, exchange: Exchange, before: Before, failure: Failure) -> Any:
        settle_request(exchange, before, self._upstreams, self.faults)
        return self._failed(exchange, ON_REQUEST, failure)

    def _answered(self, exchange: Exchange, before: BeforeAnswer, answer: Any) -> Any:
        wrong = settle_answer(exchange, before, self.faults)
        if answer is not None and wrong is None:
            wrong = Failure(WrongAnswer(f"it returned {type(answer).__name__}: None, or an awaitable of it"))
        if wrong is not None:
            self._failed(exchange, ON_RESPONSE, wrong)

    def _answer_failed(self, exchange: Exchange, before: BeforeAnswer, failure: Failure) -> Any:
        settle_answer(exchange, before, self.faults)
        self._failed(exchange, ON_RESPONSE, failure)

    def _failed(self, exchange: Exchange, hook: str, failure: Failure) -> Any:
        """Go on, or raise what answers in place of it; an error of ours that the plugin raised is its answer."""
        error = failure.value
        if isinstance(error, GatewayError) and not isinstance(error, PluginFailed) and error.reason in _REASONS:
            if hook == ON_RESPONSE:
                exchange.state[_RAISED] = self.name, error
            raise error
        self.faults.failed(exchange, hook, failure)
        if self._rejects:
            raise PluginFailed(self.name, hook)
        return None

    def _made(self, exchange: Exchange, error: GatewayError) -> bool:
        """Whether this hook has made an answer of an error; asked again, it would only do the same."""
        if isinstance(error, PluginFailed):
            return error.plugin == self.name and error.hook == ON_RESPONSE
        return exchange.state.get(_RAISED) == (self.name, error)

    def _held(self, exchange: Exchange, hook: str, took: float, answer: Any) -> Failure | None:
        """Take note that the hook held the reactor; what it returns counts as a fault where that was too long."""
        self.faults.blocked(exchange, hook, took)
        if took <= self._timeout:
            return None
        if isinstance(answer, CoroutineType):
            answer.close()  # nobody awaits it
        return Failure(TookTooLong(f"it held the reactor for {took:.3f} s"))

    def _wait(
        self,
        exchange: Exchange,
        hook: str,
        answer: Any,
        settle: Callable[[Any], Any],
        failed: Callable[[Failure], Any],
    ) -> Any:
        piece = Piece(self, exchange, hook)
        late = partial(self.faults.failed, None, hook)
        return Held(answer, self._timeout, self._clock, settle, failed, late, piece.again)

    def _finishing(self, exchange: Exchange, answer: Any) -> None:
        """Let `on_finish` wait: nobody waits for it, and it has no longer than other hooks."""
        if not waits(answer):
            wrong = WrongAnswer(f"it returned {type(answer).__name__}: None, or an awaitable of it")
            self.faults.failed(exchange, ON_FINISH, Failure(wrong))
            return
        self._wait(exchange, ON_FINISH, answer, _forget, partial(self._finish_failed, exchange))

    def _finish_failed(self, exchange: Exchange, failure: Failure) -> None:
        self.faults.failed(exchange, ON_FINISH, failure)

    def piece_begins(self, hook: str) -> float:
        """A piece of a hook that waited begins; returns the time."""
        running = self._running
        running.plugin, running.hook = self.name, hook
        running.since = now = self._now()
        return now

    def piece_ended(self, exchange: Exchange, hook: str, started: float) -> None:
        """A piece of a hook that waited has ended.

        Raises:
            TookTooLong: It alone took longer than the hook has.
        """
        took = self._now() - started
        self._running.plugin = ""
        if took > self._most:
            self.faults.blocked(exchange, hook, took)
            if took > self._timeout:
                raise TookTooLong(f"it held the reactor for {took:.3f} s")


class Piece:
    """What a plugin's coroutine does between two waits: the context around it."""

    __slots__ = ("_exchange", "_hook", "_started", "_step")

    def __init__(self, step: PluginStep, exchange: Exchange, hook: str) -> None:
        self._step = step
        self._exchange = exchange
        self._hook = hook
        self._started = 0.0

    def again(self) -> Piece:
        """Return the context of the next piece: one object serves all, since they come one after the other."""
        return self

    def __enter__(self) -> None:
        self._started = self._step.piece_begins(self._hook)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._step.piece_ended(self._exchange, self._hook, self._started)


def _forget(value: Any) -> None:
    """Take what `on_finish` returned in the end: nobody asks for it."""
