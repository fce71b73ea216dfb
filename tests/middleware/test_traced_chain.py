"""What a chain notes of steps that do not just go on; what it does beside is tested with `Chain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from gateway.errors import CredentialMissing, GatewayError, PluginFailed
from gateway.exchange import Exchange
from gateway.message import Response
from gateway.middleware.traced_chain import TracedChain
from gateway.spans import Note, Spans
from tests.middleware.test_chain import Client

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


class _Step:
    """Goes on, unless it is told otherwise."""

    def __init__(self, name: str, **hooks: Any) -> None:
        self.name = name
        self.__dict__.update(hooks)


class Walk:
    """A chain of three steps, of which the middle one does something, and the seconds that pass."""

    def __init__(self, make: MakeExchange, handler: Any = None, spans: bool = True, **hooks: Any) -> None:
        self.now = 10.0
        self.client = Client()
        self.exchange = make()
        self.exchange.downstream = cast("Any", self.client)
        if spans:
            self.exchange.spans = Spans(b"1" * 32, b"2" * 16, b"3" * 16, b"", True)
        going_on = {"on_request": lambda exchange: None, "on_response": lambda exchange: None}
        steps = [_Step("outer", **going_on), _Step("middle", **hooks), _Step("inner", **going_on)]
        self.chain = TracedChain(cast("Any", steps), handler or self.answer, self.render, lambda: self.now)
        self.chain.begin(self.exchange)

    def answer(self, exchange: Exchange) -> None:
        assert exchange.chain is not None
        exchange.chain.deliver(exchange, Response(200))

    def render(self, exchange: Exchange, error: GatewayError) -> Response:
        return Response(error.status)

    @property
    def notes(self) -> list[tuple[str, str, float, float, str, bool]]:
        """What was noted."""
        assert self.exchange.spans is not None
        return [_told(note) for note in self.exchange.spans.notes or ()]

    @property
    def statuses(self) -> list[int]:
        """What the client got."""
        return [response.status for response in self.client.sent if response is not None]


def _told(note: Note) -> tuple[str, str, float, float, str, bool]:
    return note.name, note.hook, note.started, note.ended, note.outcome, note.failed


def _raise(error: Exception) -> Any:
    def hook(exchange: Exchange) -> None:
        raise error

    return hook


def test_steps_that_go_on_leave_nothing(make: MakeExchange) -> None:
    """Nor does what answers at the end, or fails there."""
    assert Walk(make).notes == Walk(make, on_request=lambda exchange: None).notes == []
    walk = Walk(make, handler=_raise(CredentialMissing()))
    assert (walk.notes, walk.statuses) == ([], [401])


def test_a_step_that_answers(make: MakeExchange) -> None:
    """With the status."""
    walk = Walk(make, on_request=lambda exchange: Response(304))

    assert walk.notes == [("middle", "on_request", 10, 10, "304", False)]
    assert walk.statuses == [304]


def test_a_step_that_refuses(make: MakeExchange) -> None:
    """With the reason; a fault of ours, with its name."""
    walk = Walk(make, on_request=_raise(CredentialMissing()))
    assert walk.notes == [("middle", "on_request", 10, 10, "auth.missing", True)]
    with capturedLogs():
        walk = Walk(make, on_request=_raise(ValueError()))
    assert walk.notes == [("middle", "on_request", 10, 10, "ValueError", True)]
    assert walk.statuses == [500]


@pytest.mark.parametrize(
    ("result", "outcome", "failed", "status"),
    [(None, "", False, 200), (Response(201), "201", False, 201), (CredentialMissing(), "auth.missing", True, 401)],
)
def test_a_step_that_waits(make: MakeExchange, result: Any, outcome: str, failed: bool, status: int) -> None:
    """How long, and what came of it; the step behind it is not blamed for that."""
    waiting: Deferred[Any] = Deferred()
    walk = Walk(make, on_request=lambda exchange: waiting)
    assert walk.notes == [("middle", "on_request", 10, 0, "", False)]
    walk.now = 12.5
    (waiting.errback if isinstance(result, Exception) else waiting.callback)(result)

    assert walk.notes == [("middle", "on_request", 10, 12.5, outcome, failed)]
    assert walk.statuses == [status]


def test_a_failure_behind_a_step_that_waited_is_not_its_own(make: MakeExchange) -> None:
    """It has ended by then."""
    waiting: Deferred[Any] = Deferred()
    walk = Walk(make, on_request=lambda exchange: waiting, handler=_raise(CredentialMissing()))
    waiting.callback(None)

    assert walk.notes == [("middle", "on_request", 10, 10, "", False)]
    assert walk.statuses == [401]


def test_on_the_way_back(make: MakeExchange) -> None:
    """A step that waits with the head of an answer, and goes on or fails."""
    for result, outcome in ((None, ""), (ValueError(), "ValueError")):
        waiting: Deferred[Any] = Deferred()
        walk = Walk(make, on_response=lambda exchange, waiting=waiting: waiting)
        walk.now = 11
        with capturedLogs():
            (waiting.errback if isinstance(result, Exception) else waiting.callback)(result)
        assert walk.notes[0] == ("middle", "on_response", 10, 11, outcome, bool(outcome))
        assert walk.statuses == [500 if outcome else 200]


def test_on_the_way_back_at_once(make: MakeExchange) -> None:
    """A step that fails, the second time at the answer that is made from its failure."""
    walk = Walk(make, on_response=_raise(PluginFailed()))

    assert [note[4] for note in walk.notes] == ["plugin.failed"] * len(walk.notes)
    assert walk.statuses == [500]


def test_other_ends_of_the_same_steps(make: MakeExchange) -> None:
    """`ending` gives a chain that notes too."""
    walk = Walk(make, on_request=lambda exchange: Response(304))
    walk.chain.ending(walk.answer).begin(walk.exchange)

    assert [note[4] for note in walk.notes] == ["304", "304"]


def test_an_exchange_of_which_nothing_is_noted(make: MakeExchange) -> None:
    """It passes."""
    walk = Walk(make, spans=False, on_request=lambda exchange: Response(304), on_response=_raise(PluginFailed()))

    assert walk.statuses == [500]
