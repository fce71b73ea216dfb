"""The loop over the steps of a route; `tests/flow/test_middleware.py` has it on a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from gateway.awaited import Awaited
from gateway.errors import GatewayError, RouteNotFound
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Request, Response
from gateway.middleware.chain import Chain
from tests.peers import direct

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


class Client:
    """Keeps what is sent to it."""

    def __init__(self) -> None:
        self.sent: list[Response | None] = []

    def send_response(self, exchange: Exchange) -> None:
        self.sent.append(exchange.response)


class Walk:
    """A chain, and what happened on it in order."""

    def __init__(self, make: MakeExchange, count: int, **hooks: Any) -> None:
        self.seen: list[str] = []
        self.client = Client()
        self.exchange = make()
        self.exchange.downstream = cast("Any", self.client)
        self.steps = [self.step(number) for number in range(count)]
        for name, hook in hooks.items():  # of the step in the middle
            setattr(self.steps[count // 2], name, hook)
        self.chain = Chain(self.steps, self.answer, self.render)

    def step(self, number: int) -> Any:
        seen = self.seen

        class Step:
            name = str(number)

            def __init__(self) -> None:
                self.on_request = lambda exchange: seen.append(f"request {number}")
                self.on_response = lambda exchange: seen.append(f"response {number}")
                self.on_finish = lambda exchange: seen.append(f"finish {number}")

        return Step()

    def answer(self, exchange: Exchange) -> None:
        self.seen.append("handler")
        self.chain.deliver(exchange, Response(200))

    def render(self, exchange: Exchange, error: GatewayError) -> Response:
        return Response(error.status)

    def begin(self) -> list[int]:
        """Walk, and return the statuses that were sent."""
        self.chain.begin(self.exchange)
        return self.statuses

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.client.sent if response is not None]


def test_in_through_the_steps_and_out_again(make: MakeExchange) -> None:
    """From the client inwards, then the other way."""
    walk = Walk(make, 2)
    assert walk.begin() == [200]
    walk.chain.finish(walk.exchange)

    assert walk.seen == [
        "request 0",
        "request 1",
        "handler",
        "response 1",
        "response 0",
        "finish 1",
        "finish 0",
    ]


def test_no_step_no_cost(make: MakeExchange) -> None:
    """Without steps only the handler is called; of a step only the hooks that it has."""

    class Silent:
        name = "silent"

    walk = Walk(make, 0)
    walk.chain = Chain([Silent()], walk.answer, walk.render)

    assert walk.begin() == [200]
    assert walk.seen == ["handler"]


@given(st.lists(st.sampled_from(["none", "done", "later", "awaited", "told", "coroutine"]), max_size=8))
def test_waiting_changes_nothing_in_the_order(ways: list[str]) -> None:
    """Whether steps answer at once or later, each is asked once, in its place."""
    seen: list[str] = []
    later: list[Deferred[None] | Awaited] = []

    class Step:
        def __init__(self, number: int, way: str) -> None:
            self.name = str(number)
            self.way = way

        def pass_on(self, hook: str) -> Any:
            seen.append(hook + self.name)
            if self.way == "done":
                return succeed(None)
            if self.way in ("later", "awaited"):
                later.append(Deferred() if self.way == "later" else Awaited())
                return later[-1]
            if self.way == "told":
                told = Awaited()
                told.callback(None)
                return told
            return self.nothing() if self.way == "coroutine" else None

        async def nothing(self) -> None:
            return None

        def on_request(self, exchange: Exchange) -> Any:
            return self.pass_on("in ")

        def on_response(self, exchange: Exchange) -> Any:
            return self.pass_on("out ")

    client = Client()
    exchange = Exchange(
        Request(b"GET", b"/", Headers()),
        cast("Any", client),
        direct(""),
        started=0.0,
        deadline=1.0,
    )
    chain = Chain(
        [Step(number, way) for number, way in enumerate(ways)],
        lambda exchange: chain.deliver(exchange, Response(200)),
        lambda exchange, error: Response(error.status),
    )
    chain.begin(exchange)
    for waiting in later:  # which grows
        assert client.sent == []
        assert exchange.pending is not None
        waiting.callback(None)

    assert exchange.pending is None
    assert len(client.sent) == 1
    inwards = [f"in {number}" for number in range(len(ways))]
    assert seen == inwards + [f"out {number}" for number in reversed(range(len(ways)))]


async def _refuse_later(exchange: Exchange) -> None:
    raise RouteNotFound()


def _refuse(exchange: Exchange) -> None:
    raise RouteNotFound()


@pytest.mark.parametrize("refuse", [_refuse, _refuse_later])
def test_a_refusal_turns_round(make: MakeExchange, refuse: Any) -> None:
    """The steps after it are not asked; every step sees the error's response."""
    walk = Walk(make, 3, on_request=refuse)

    assert walk.begin() == [404]
    assert walk.seen == ["request 0", "response 2", "response 1", "response 0"]
    assert isinstance(walk.exchange.error, RouteNotFound)


def test_a_refusal_of_the_handler_turns_round(make: MakeExchange) -> None:
    """As if a step had refused."""
    walk = Walk(make, 1)
    walk.chain = Chain(walk.steps, _refuse, walk.render)

    assert walk.begin() == [404]
    assert walk.seen == ["request 0", "response 0"]


@pytest.mark.parametrize("refuse", [_refuse, _refuse_later])
def test_a_refusal_on_the_way_out(make: MakeExchange, refuse: Any) -> None:
    """All steps see the second response, except the one that refused: it is not asked again."""
    walk = Walk(make, 3, on_response=refuse)
    with capturedLogs():
        assert walk.begin() == [404]

    assert walk.seen[-3:] == ["response 2", "response 2", "response 0"]


def test_failing_cancels_what_it_waits_for(make: MakeExchange) -> None:
    """Once; the step is cancelled, and so is what the exchange waited for before."""
    cancelled: list[str] = []
    waiting: Deferred[None] = Deferred(lambda _: cancelled.append("step"))

    class Attempt:
        def cancel(self, error: GatewayError | None = None) -> None:
            cancelled.append("attempt")

    walk = Walk(make, 1, on_response=lambda exchange: None if cancelled else waiting)
    walk.exchange.pending = Attempt()
    assert walk.begin() == []
    walk.chain.fail(walk.exchange, RouteNotFound())

    assert cancelled == ["step", "attempt"]
    assert walk.statuses == [404]
    assert walk.exchange.pending is None


def test_what_was_waited_for_before_is_waited_for_again(make: MakeExchange) -> None:
    """When the step has its answer."""

    class Attempt:
        def cancel(self, error: GatewayError | None = None) -> None:
            """Not asked."""

    attempt = Attempt()
    waiting: Deferred[None] = Deferred()
    walk = Walk(make, 1, on_response=lambda exchange: waiting)
    walk.exchange.pending = attempt
    walk.begin()
    assert walk.exchange.pending is not attempt
    waiting.callback(None)

    assert walk.exchange.pending is attempt
    assert walk.statuses == [200]


@pytest.mark.parametrize("hook", ["on_request", "on_response"])
def test_what_is_awaited_without_a_deferred_is_cancelled_with_the_exchange(make: MakeExchange, hook: str) -> None:
    """Once; what it is told later reaches nobody."""
    waiting = Awaited()
    walk = Walk(make, 1, **{hook: lambda exchange: None if waiting.told else waiting})
    assert walk.begin() == []
    walk.chain.fail(walk.exchange, RouteNotFound())
    assert waiting.told
    waiting.callback(None)

    assert walk.statuses == [404]
    assert walk.exchange.pending is None


@pytest.mark.parametrize("error", [RouteNotFound(), ValueError("a fault")])
def test_a_failure_of_what_is_awaited_is_answered(make: MakeExchange, error: Exception) -> None:
    """An error of the gateway as it is, another one by 500."""
    waiting = Awaited()
    walk = Walk(make, 1, on_request=lambda exchange: waiting)
    walk.begin()
    with capturedLogs() as logs:
        waiting.errback(Failure(error))

    assert walk.statuses == [404 if isinstance(error, RouteNotFound) else 500]
    assert bool(logs) is isinstance(error, ValueError)
    assert walk.exchange.pending is None


@pytest.mark.parametrize("kind", [Awaited, Deferred])
def test_a_client_that_cannot_be_answered_does_not_disturb_who_tells_the_answer(
    make: MakeExchange, kind: type[Any]
) -> None:
    """Who reads many answers from one connection goes on to the next one; the log has why."""
    waiting = kind()
    walk = Walk(make, 1, on_request=lambda exchange: waiting)

    def broken(exchange: Exchange) -> None:
        raise ValueError("the client's end is broken")

    walk.client.send_response = broken  # type: ignore[method-assign]
    walk.begin()
    with capturedLogs() as logs:
        waiting.callback(None)

    assert "the client's end is broken" in str([log.get("log_failure") for log in logs])
    assert walk.exchange.pending is None
