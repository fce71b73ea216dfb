"""A result that is still to come: told once, heard once, as a Deferred would be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.python.failure import Failure

from gateway.awaited import Awaited, Hearer

EVENTS = st.lists(st.sampled_from(["value", "failure", "cancel", "hear"]), max_size=6)


class Heard(Hearer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    def callback(self, value: Any) -> None:
        self.results.append(value)

    def errback(self, failure: Failure) -> None:
        self.results.append(type(failure.value))


@given(events=EVENTS)
def test_the_first_result_is_heard_once_whenever_it_comes(events: list[str]) -> None:
    """Before it is heard or after, and whatever is told after it."""
    awaited, heard = Awaited(), Heard()
    expected: list[Any] = []
    hears = False
    for event in events:
        if event == "hear" and not hears:
            hears = True
            awaited.hear(heard)
        elif event == "value":
            awaited.callback(1)
            expected.append(1)
        elif event == "failure":
            awaited.errback(Failure(KeyError()))
            expected.append(KeyError)
        elif event == "cancel":
            awaited.cancel()
            expected.append(CancelledError)

    assert heard.results == (expected[:1] if hears else [])
    assert awaited.told == bool(expected)


async def waiting_for(awaited: Awaited) -> Any:
    """A step that is a coroutine."""
    return await awaited


@pytest.mark.parametrize("early", [True, False])
def test_a_coroutine_may_await_it(early: bool) -> None:
    """Whether the result is there already or not."""
    awaited, heard = Awaited(), Heard()
    if early:
        awaited.callback(3)
    ensureDeferred(waiting_for(awaited)).addCallbacks(heard.callback, heard.errback)
    if not early:
        assert heard.results == []
        awaited.callback(3)

    assert heard.results == [3]


def test_a_coroutine_that_is_cancelled_gives_it_up() -> None:
    """And what is told then is ignored."""
    awaited, heard = Awaited(), Heard()
    waiting: Deferred[Any] = ensureDeferred(waiting_for(awaited)).addErrback(heard.errback)
    waiting.cancel()
    awaited.callback(3)

    assert heard.results == [CancelledError]
    assert awaited.told
