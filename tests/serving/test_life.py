"""An exchange at its client, without a connection: its stages, its verdict when time is up, and its one end."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.body import Body
from gateway.errors import BackendTimeout, ClientAborted, GatewayError, InternalError, RequestTimeout, ShuttingDown
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Request
from gateway.serving.contract import ConnectionOptions, Host
from gateway.serving.life import Life
from gateway.serving.times import Stage, Turn, during


class Sink:
    """Takes an answer's body."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def body_received(self, data: bytes) -> None:
        self.taken.append(data)

    def body_ended(self, trailers: Headers | None) -> None: ...

    def body_failed(self) -> None: ...


class Scene:
    """A life, and those around it, who note what they are told."""

    def __init__(self, length: int | None = None) -> None:
        self.finished: list[Exchange] = []
        self.cancelled = 0
        self.options = ConnectionOptions(10.0, 20.0, 75.0, 0.0, 40.0, 65536, 100)
        host = SimpleNamespace(
            now=lambda: 100.0,
            options=self.options,
            root=SimpleNamespace(finish=self.finished.append),
        )
        self.life = Life(cast("Host", host))
        body = None if length is None else Body(length=length)
        peer: Any = SimpleNamespace(forwarding=SimpleNamespace(client_address=lambda headers: ""))
        request = Request(b"POST", b"/", Headers(), body=body)
        self.exchange = Exchange(request, cast("Any", None), peer, 0.0, 50.0)
        self.exchange.pending = cast("Any", self)
        self.life.begin(self.exchange)

    def cancel(self, error: GatewayError | None = None) -> None:
        """What the exchange waits for is told to stop."""
        self.cancelled += 1

    def asked(self) -> None:
        """Nothing is out."""

    def answering(self) -> None:
        """The head is out."""
        self.life.answers(Body())

    def tunnel(self) -> None:
        """A 101 is out."""
        self.life.switched()


STAGES: dict[Stage, Callable[[Scene], None]] = {
    Stage.ASKED: Scene.asked,
    Stage.ANSWERING: Scene.answering,
    Stage.TUNNEL: Scene.tunnel,
}


@pytest.mark.parametrize("stage", Stage)
def test_an_exchange_is_finished_once_from_every_stage(stage: Stage) -> None:
    """With the moment of its end; what comes afterwards finds nothing to end."""
    scene = Scene()
    STAGES[stage](scene)
    assert scene.life.stage is stage
    scene.life.finish()
    scene.life.abandon(ClientAborted())

    assert scene.finished == [scene.exchange]
    assert (scene.exchange.finished, scene.exchange.error, scene.cancelled) == (100.0, None, 0)
    assert scene.life.exchange is None


@pytest.mark.parametrize("stage", Stage)
def test_an_exchange_is_abandoned_once_from_every_stage(stage: Stage) -> None:
    """What it waits for stops, its content can come no more, and the first reason stays."""
    scene = Scene(length=5)
    STAGES[stage](scene)
    scene.life.abandon(ShuttingDown())
    scene.life.abandon(ClientAborted())

    assert scene.finished == [scene.exchange]
    assert scene.cancelled == 1
    assert isinstance(scene.exchange.error, ShuttingDown)
    assert scene.exchange.request.body is not None
    assert scene.exchange.request.body.failed


def test_an_answer_that_is_abandoned_is_written_no_further() -> None:
    """Its body may go on for a moment; nobody takes it."""
    scene = Scene()
    body, sink = Body(), Sink()
    scene.life.answers(body)
    body.attach(sink)
    body.push(b"a")
    scene.life.abandon(ClientAborted())
    body.push(b"b")
    assert sink.taken == [b"a"]


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    ("length", "held_back", "error"),
    [(None, False, BackendTimeout), (5, False, RequestTimeout), (5, True, BackendTimeout)],
)
def test_what_is_said_when_time_is_up(
    stage: Stage, length: int | None, held_back: bool, error: type[GatewayError]
) -> None:
    """Whoever was waited for is to blame; where the head is out, nothing can be said."""
    scene = Scene(length)
    STAGES[stage](scene)
    verdict = scene.life.verdict(held_back)
    assert isinstance(verdict, error) if stage is Stage.ASKED else verdict is None


def test_an_error_that_is_held_up_is_not_said_twice() -> None:
    """A step keeps even the error: what is left is to break off."""
    scene = Scene()
    scene.exchange.error = InternalError()
    assert scene.life.verdict(held_back=False) is None


def test_one_life_has_one_exchange_after_the_other() -> None:
    """Nothing of the one before is left."""
    scene = Scene()
    scene.answering()
    scene.life.finish()
    scene.life.begin(scene.exchange)
    assert scene.life.stage is Stage.ASKED
    assert not scene.life.resume()


@pytest.mark.parametrize("request_timeout", [None, 0.0, 7.0])
@pytest.mark.parametrize("length", [None, 5])
@pytest.mark.parametrize("held_back", [False, True])
@pytest.mark.parametrize("stage", Stage)
def test_the_short_ways_say_what_the_table_says(
    stage: Stage, held_back: bool, length: int | None, request_timeout: float | None
) -> None:
    """What is asked most does not go through `gateway.serving.times`; it must come to the same."""
    scene = Scene(length)
    if request_timeout is not None:
        scene.exchange.route = cast("Any", SimpleNamespace(request_timeout=request_timeout))
    STAGES[stage](scene)
    turn = Turn.CLIENT if length is not None and not held_back else Turn.BACKEND
    options = scene.options

    assert scene.life.deadline(3.0, held_back) == during(stage, turn, scene.exchange, 3.0, options)
    expected = during(Stage.ANSWERING, Turn.BACKEND, scene.exchange, 3.0, options)
    assert scene.life.deadline_after_answer(3.0) == expected
