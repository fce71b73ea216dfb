"""Which breakers are told what, and that each ticket goes back once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import BackendReset, BackendTimeout, ClientAborted, GatewayError, InternalError, RequestUnprocessed
from gateway.forwarding import verdicts
from gateway.resilience.breaker import State


class Told:
    """A breaker, or the standing of a backend, that writes down what it hears."""

    def __init__(self, state: State = State.CLOSED) -> None:
        self.state = state
        self.heard: list[tuple[Any, ...]] = []

    def judge(self, ticket: int, now: float, failure: str | None) -> None:
        """The backend's."""
        self.heard.append((ticket, failure))

    def failed(self, now: float, ticket: int, failure: str) -> None:
        """The upstream's: a failure."""
        self.heard.append((ticket, failure))

    def succeeded(self, now: float, ticket: int) -> None:
        """The upstream's: a success."""
        self.heard.append((ticket, ""))

    def cancelled(self, ticket: int) -> None:
        """The upstream's: nothing is known."""
        self.heard.append((ticket, None))


def attempt(status: int = 0, state: State = State.CLOSED) -> Any:
    """An attempt with a ticket of each breaker, 7 of the backend's and 9 of the upstream's."""
    backend, whole = Told(state), Told(state)
    return SimpleNamespace(
        status=status,
        turned=False,
        ticket=7,
        upstream_ticket=9,
        backend=SimpleNamespace(standing=backend, breaker=backend),
        upstream=SimpleNamespace(breaker=whole),
    )


def heard(one: Any) -> tuple[list[Any], list[Any]]:
    """What the breakers of the backend and of the upstream were told."""
    return one.backend.standing.heard, one.upstream.breaker.heard


@pytest.mark.parametrize(
    ("status", "error", "failure"),
    [
        (200, None, ""),
        (404, None, ""),
        (500, None, "status 500"),
        (503, None, "status 503"),
        (501, None, ""),
        (505, None, ""),
        (0, BackendTimeout("late"), "upstream.timeout"),
        (200, BackendReset("gone"), "upstream.reset"),
        (0, RequestUnprocessed("GOAWAY"), None),
        (0, ClientAborted(), None),
        (0, InternalError(), None),
    ],
)
def test_what_a_backend_did_wrong(status: int, error: GatewayError | None, failure: str | None) -> None:
    """Only what it did itself, never what the client or the gateway did."""
    assert verdicts.failure_of(status, error) == failure


@pytest.mark.parametrize(
    ("status", "state", "told"),
    [
        (200, State.CLOSED, ([], [])),
        (500, State.CLOSED, ([], [(9, "status 500")])),
        (200, State.HALF_OPEN, ([(7, "")], [(9, "")])),
        (500, State.HALF_OPEN, ([(7, "status 500")], [(9, "status 500")])),
    ],
)
def test_a_head_is_enough_for_a_failure_and_for_a_probe(status: int, state: State, told: Any) -> None:
    """An answer that is well is judged at its end: it may break off."""
    one = attempt(status, state)

    verdicts.answered(one, 1.0)

    assert heard(one) == told


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (200, None, ([(7, "")], [(9, "")])),
        (200, BackendReset("gone"), ([(7, "upstream.reset")], [(9, "upstream.reset")])),
        (0, BackendReset("gone"), ([(7, "upstream.reset")], [])),
        (500, None, ([(7, "status 500")], [])),
    ],
)
def test_the_upstream_is_not_told_of_what_another_attempt_may_make_good(status: int, error: Any, told: Any) -> None:
    """Its breaker is told by the last attempt; that of the backend by each."""
    one = attempt(status)

    verdicts.finished(one, 1.0, error)

    assert heard(one) == told


def test_a_ticket_goes_back_once() -> None:
    """Whatever comes after."""
    one = attempt(500)

    verdicts.answered(one, 1.0)
    verdicts.finished(one, 2.0, None)
    verdicts.given_up(one, 3.0, BackendReset("gone"))

    assert heard(one) == ([(7, "status 500")], [(9, "status 500")])


@pytest.mark.parametrize(("failure", "upstreams"), [(None, (9, None)), ("upstream.timeout", (9, "upstream.timeout"))])
def test_a_cancelled_attempt_hands_both_back(failure: str | None, upstreams: Any) -> None:
    """With what is known."""
    one = attempt()

    verdicts.cancelled(one, 1.0, failure)

    assert heard(one) == ([(7, failure)], [upstreams])


def test_an_exchange_that_is_given_up_for_no_fault_of_the_backend_says_nothing() -> None:
    """The client's going is no failure."""
    one, other = attempt(), attempt()

    verdicts.given_up(one, 1.0, ClientAborted())
    verdicts.given_up(other, 1.0, BackendTimeout("late"))

    assert heard(one)[1] == [(9, None)]
    assert heard(other)[1] == [(9, "upstream.timeout")]
