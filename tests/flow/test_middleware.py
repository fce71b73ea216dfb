"""Steps in a real chain: they answer, wait, fail and are cancelled; `on_finish` runs once in every case."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from gateway.errors import RouteNotFound
from gateway.exchange import Exchange
from gateway.memory.backend import ok
from gateway.message import Response
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


class Spy:
    """Counts how exchanges end."""

    name = "spy"

    def __init__(self) -> None:
        self.finished: list[Exchange] = []
        self.requests = 0
        self.responses: list[int] = []

    def on_request(self, exchange: Exchange) -> None:
        self.requests += 1

    def on_response(self, exchange: Exchange) -> None:
        assert exchange.response is not None
        self.responses.append(exchange.response.status)

    def on_finish(self, exchange: Exchange) -> None:
        self.finished.append(exchange)


class Step:
    """Does in one hook what the test says."""

    name = "step"

    def __init__(self, hook: str, does: Any) -> None:
        setattr(self, hook, does)


def fail(exchange: Exchange) -> None:
    """Raise an error that is not a `GatewayError`."""
    raise ValueError("a fault of the step")


async def fail_later(exchange: Exchange) -> None:
    """Raise it in a coroutine."""
    raise ValueError("a fault of the step")


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
@pytest.mark.parametrize("fault", [fail, fail_later])
def test_a_step_that_fails_is_a_500(gateway: Harness, hook: str, fault: Any) -> None:
    """The client gets a problem document that does not show the error; the log has the traceback."""
    spy = Spy()
    gateway.insert("/orders/7", spy, Step(hook, fault))
    with capturedLogs() as events:
        response = gateway.get("/orders/7")

    assert (response.status, response.json["type"]) == (500, "urn:gateway:reason:internal")
    assert b"fault" not in response.body
    assert response.headers.get(b"X-Request-ID") == response.json["request_id"].encode()
    faults = [event["log_failure"].value for event in events if "log_failure" in event]
    assert {str(value) for value in faults} == {"a fault of the step"}
    assert len(spy.finished) == 1
    assert gateway.last_log["status_code"] == 500
    gateway.check_quiet()


@pytest.mark.parametrize("fault", [fail, fail_later])
def test_the_steps_after_one_that_fails_see_the_error(gateway: Harness, fault: Any) -> None:
    """Outer steps add their fields to the 500, even if an inner one fails on it too."""
    spy = Spy()
    gateway.insert("/orders/7", spy, Step("on_response", fault))
    with capturedLogs():
        gateway.get("/orders/7")

    assert spy.responses == [500]


def test_a_fault_at_the_end_keeps_nobody_else_from_finishing(gateway: Harness) -> None:
    """`on_finish` of the other steps runs, and the connection stays open."""
    spy = Spy()
    gateway.insert("/orders/7", spy, Step("on_finish", fail))
    with capturedLogs() as events:
        client = gateway.send(GET)
        gateway.send(GET, client)

    assert len(spy.finished) == 2
    assert len([event for event in events if "log_failure" in event]) == 2
    assert [response.status for response in client.responses()] == [200, 200]


def test_a_step_may_refuse(gateway: Harness) -> None:
    """With a `GatewayError`: its status, and no traceback."""

    def refuse(exchange: Exchange) -> None:
        raise RouteNotFound("not for you")

    gateway.insert("/orders/7", Step("on_request", refuse))
    with capturedLogs() as events:
        response = gateway.get("/orders/7")

    assert (response.status, response.json["detail"]) == (404, "not for you")
    assert not [event for event in events if "log_failure" in event]
    assert gateway.backend("orders").requests == []


def test_a_step_may_answer(gateway: Harness) -> None:
    """The inner steps are not asked, the outer ones see the response."""
    spy, inner = Spy(), Spy()
    gateway.insert("/orders/7", spy, Step("on_request", lambda exchange: Response(202, body=b"made here")), inner)
    response = gateway.get("/orders/7")

    assert (response.status, response.body, spy.responses) == (202, b"made here", [202])
    assert (inner.requests, len(inner.finished)) == (0, 1)
    assert gateway.backend("orders").requests == []


async def pass_on(exchange: Exchange) -> None:
    """Let pass, in a coroutine that never waits."""


async def answer(exchange: Exchange) -> Response:
    """Answer, in a coroutine that never waits."""
    return Response(202, body=b"made here")


def test_a_coroutine_may_let_pass_or_answer(gateway: Harness) -> None:
    """As a function may."""
    gateway.insert("/orders/7", Step("on_request", pass_on), Step("on_response", pass_on))
    assert gateway.get("/orders/7").status == 200
    gateway.insert("/orders/7", Step("on_request", answer))
    assert gateway.get("/orders/7").status == 202


class Waits(Step):
    """Waits for a Deferred in one hook, directly or in a coroutine."""

    def __init__(self, hook: str, coroutine: bool) -> None:
        self.waiting: list[Deferred[Any]] = []
        self.cancelled = 0

        def wait(exchange: Exchange) -> Awaitable[Any]:
            waiting: Deferred[Any] = Deferred(self._cancel)
            self.waiting.append(waiting)
            return self._await(waiting) if coroutine else waiting

        super().__init__(hook, wait)

    def _cancel(self, waiting: Deferred[Any]) -> None:
        self.cancelled += 1

    async def _await(self, waiting: Deferred[Any]) -> Any:
        return await waiting


@pytest.mark.parametrize("coroutine", [False, True])
@pytest.mark.parametrize("hook", ["on_request", "on_response"])
class TestWaiting:
    """A step that waits, and the exchange with it."""

    @pytest.fixture
    def step(self, gateway: Harness, hook: str, coroutine: bool) -> Waits:
        """A step between two spies."""
        step = Waits(hook, coroutine)
        self.outer, self.inner = Spy(), Spy()
        gateway.insert("/orders/7", self.outer, step, self.inner)
        return step

    def test_goes_on(self, gateway: Harness, step: Waits) -> None:
        """With None the rest of the chain is walked, once."""
        client = gateway.send(GET)
        assert client.received == b""
        step.waiting[0].callback(None)
        gateway.network.pump()

        assert client.responses()[0].body == b"ok"
        assert (self.inner.requests, self.inner.responses, self.outer.responses) == (1, [200], [200])

    def test_fails(self, gateway: Harness, step: Waits) -> None:
        """As if the step had failed at once."""
        client = gateway.send(GET)
        with capturedLogs():
            for waiting in step.waiting:  # which grows: it is asked about the 500 as well
                waiting.errback(ValueError("late"))
            gateway.network.pump()

        assert client.responses()[0].status == 500

    @pytest.mark.parametrize("how", ["reset", "close"])
    def test_is_cancelled_when_the_client_leaves(self, gateway: Harness, step: Waits, how: str) -> None:
        """Once, and the exchange is over."""
        client = gateway.send(GET)
        getattr(client, how)()
        gateway.network.pump()
        gateway.advance(2.2)

        assert step.cancelled == 1
        assert len(self.outer.finished) == 1
        gateway.check_quiet()

    def test_is_cancelled_when_time_is_up(self, gateway: Harness, step: Waits) -> None:
        """504, which the steps see; one that waits in `on_response` is asked about it, and may take a little longer."""
        client = gateway.send(GET)
        gateway.advance(32)
        assert step.cancelled == 1
        for waiting in step.waiting[1:]:
            waiting.callback(None)
        gateway.network.pump()

        assert client.responses()[0].status == 504

    def test_does_not_hold_up_the_error_for_ever(self, gateway: Harness, step: Waits) -> None:
        """A step that waits on the 504 too is left behind."""
        client = gateway.send(GET)
        gateway.advance(36)

        assert step.cancelled == len(step.waiting)
        assert [response.status for response in client.responses()] == [504] * (2 - len(step.waiting))
        gateway.check_quiet()

    def test_that_cancels_itself_is_a_fault(self, gateway: Harness, step: Waits) -> None:
        """500; the exchange does not end without an answer."""
        client = gateway.send(GET)
        with capturedLogs():
            step.waiting[0].errback(CancelledError())
            gateway.network.pump()
            for waiting in step.waiting[1:]:
                waiting.callback(None)
            gateway.network.pump()

        assert client.responses()[0].status == 500


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_a_step_that_ignores_being_cancelled_is_ignored(gateway: Harness, hook: str) -> None:
    """The exchange is over: nothing is sent to a backend, nothing is held."""
    waiting: Deferred[None] = Deferred()

    async def stubborn(exchange: Exchange) -> None:
        try:
            await waiting
        except CancelledError:
            return

    spy = Spy()
    gateway.insert("/orders/7", Step(hook, stubborn), spy)
    client = gateway.send(GET)
    client.reset()
    gateway.network.pump()

    assert spy.requests == (hook == "on_response")
    assert len(spy.finished) == 1
    gateway.check_quiet()


def test_a_step_that_fails_when_it_is_cancelled_is_logged(gateway: Harness) -> None:
    """It has no other effect."""
    waiting: Deferred[None] = Deferred()

    async def clumsy(exchange: Exchange) -> None:
        try:
            await waiting
        finally:
            raise ValueError("in the cleanup")

    gateway.insert("/orders/7", Step("on_request", clumsy))
    client = gateway.send(GET)
    with capturedLogs() as events:
        client.reset()
        gateway.network.pump()

    assert [str(event["log_failure"].value) for event in events if "log_failure" in event] == ["in the cleanup"]
    assert len(gateway.logs) == 1


def test_content_waits_while_a_step_looks_at_its_head(gateway: Harness) -> None:
    """The whole answer follows the head, whatever the backend sends meanwhile."""
    step = Waits("on_response", coroutine=False)
    gateway.insert("/orders/7", step)
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 100)
    client = gateway.send(GET)
    backend.connection.send(b"x" * 299_900)
    gateway.network.pump()
    assert backend.connection.unread > 100_000
    gateway.advance(20)  # it is the step that is slow, not the backend
    step.waiting[0].callback(None)
    gateway.network.pump()

    assert client.responses()[0].body == b"x" * 300_000


def test_an_answer_that_was_complete_while_a_step_waited(gateway: Harness) -> None:
    """If the client leaves then, the step is cancelled."""
    step = Waits("on_response", coroutine=True)
    gateway.insert("/orders/7", step)
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    client = gateway.send(GET)
    backend.connection.send(b"cd")
    gateway.network.pump()
    client.reset()
    gateway.network.pump()

    assert step.cancelled == 1
    assert backend.connection.closed is None  # the backend's part was done: its connection is kept


def test_a_backend_that_breaks_off_while_a_step_waits(gateway: Harness) -> None:
    """The step ends first; then the client's connection is broken off, since the answer is not complete."""
    step = Waits("on_response", coroutine=False)
    gateway.insert("/orders/7", step)
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    client = gateway.send(GET)
    backend.connection.reset()
    gateway.network.pump()
    step.waiting[0].callback(None)
    gateway.network.pump()

    assert client.closed is not None
    assert not any(response.complete and response.status == 200 for response in client.responses())
    assert gateway.last_log["reason"] == "upstream.reset"


def test_the_last_hook_runs_once_for_every_end(gateway: Harness) -> None:
    """Answered, refused, aborted by either side."""
    spy = Spy()
    gateway.insert("/orders/7", spy)
    backend = gateway.backend("orders")
    gateway.get("/orders/7")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", ok())
    gateway.send(GET)
    backend.connection.reset()
    gateway.network.pump()
    backend.stall()
    gateway.send(GET).reset()
    gateway.network.pump()
    backend.refuse_connections()
    gateway.get("/orders/7")

    assert len(spy.finished) == 4
    assert len(gateway.logs) == 4
    assert all(exchange.finished for exchange in spy.finished)
