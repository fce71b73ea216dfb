"""Whether an attempt is made again."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    BackendConnectTimeout,
    BackendProtocolError,
    BackendRefused,
    BackendReset,
    BackendTimeout,
    BackendTLSFailed,
    ClientAborted,
    GatewayError,
    InternalError,
    NoBackendAvailable,
    PoolExhausted,
    RequestRejected,
    RequestTimeout,
    RequestUnprocessed,
    Retry,
    ReusedConnectionLost,
    reasons,
)
from gateway.resilience.retry import DEFAULT_ON, IDEMPOTENT, KINDS, RetryPolicy, Tried, lost_race

EVERYTHING: frozenset[str | int] = frozenset(["connect", "refused", "reset", "timeout", *range(400, 600)])
METHODS = (b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE", b"POST", b"PATCH")


def low() -> float:
    """Chance at its lowest."""
    return 0.0


def again(policy: RetryPolicy, outcome: GatewayError | int, tried: Tried) -> bool:
    """Decide with time enough."""
    return policy.again(outcome, tried, 30.0, low) is not None


@pytest.mark.parametrize(
    ("error", "names"),
    [
        (BackendRefused(), {"connect", "refused"}),
        (BackendTLSFailed(), {"connect"}),
        (BackendConnectTimeout(), {"connect", "timeout"}),
        (PoolExhausted(), {"connect"}),
        (BackendReset(), {"reset"}),
        (ReusedConnectionLost(), {"reset"}),
        (RequestUnprocessed(), {"reset"}),
        (BackendTimeout(), {"timeout"}),
        (BackendProtocolError(), set()),
        (NoBackendAvailable(), set()),
        (InternalError(), set()),
        (ClientAborted(), set()),
        (RequestTimeout(), set()),
    ],
)
def test_which_word_of_the_configuration_stands_for_which_error(error: GatewayError, names: set[str]) -> None:
    """Each alone, and no status: those are for what backends answer."""
    tried = Tried(b"GET", sent=False)

    for word in ("connect", "refused", "reset", "timeout"):
        assert again(RetryPolicy(on=frozenset([word])), error, tried) is (word in names)
    assert not again(RetryPolicy(on=frozenset(range(400, 600))), error, tried)


def test_only_errors_of_the_way_to_the_backend_are_ever_tried_again() -> None:
    """All that exist, with everything allowed: the others are the client's, the gateway's, or say no."""
    kinds = tuple(kind for kind, _, _ in KINDS)
    policy = RetryPolicy(on=EVERYTHING)

    for error in reasons():
        if not issubclass(error, kinds):
            made = error.__new__(error)
            assert not again(policy, made, Tried(b"GET", sent=False)), error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (BackendRefused(), "unavailable"),
        (BackendReset(), "unavailable"),
        (BackendConnectTimeout(), "unavailable"),
        (PoolExhausted(), "unavailable"),
        (BackendTimeout(), "deadline-exceeded"),
        (RequestRejected(), ""),
        (InternalError(), ""),
    ],
)
def test_which_outcome_of_a_call_stands_for_which_error(error: GatewayError, outcome: str) -> None:
    """Of calls only, and whether or not they were sent."""
    for word in ("cancelled", "deadline-exceeded", "resource-exhausted", "internal", "unavailable"):
        policy = RetryPolicy(on=frozenset([word]))
        assert again(policy, error, Tried(b"POST", sent=True, call=True)) is (word == outcome)
        assert not again(policy, error, Tried(b"POST", sent=False))


@pytest.mark.parametrize(("method", "sent"), list(product(METHODS, [False, True])))
def test_what_was_sent_is_sent_again_only_if_idempotent(method: bytes, sent: bool) -> None:
    """And what was not sent, always."""
    policy = RetryPolicy(on=EVERYTHING)

    assert again(policy, BackendReset(), Tried(method, sent=sent)) is (not sent or method in IDEMPOTENT)


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_proves_that_the_request_was_sent(method: bytes) -> None:
    """A 503 to a POST is passed on, whatever the bookkeeping says."""
    assert again(RetryPolicy(), 503, Tried(method, sent=False)) is (method in IDEMPOTENT)


def test_an_idempotency_key_counts_where_the_route_says_so() -> None:
    """Both are needed."""
    for honoured, keyed in product([False, True], repeat=2):
        policy = RetryPolicy(idempotency_key=honoured)
        assert again(policy, BackendReset(), Tried(b"POST", keyed=keyed)) is (honoured and keyed)
        assert again(policy, 502, Tried(b"POST", keyed=keyed)) is (honoured and keyed)


def test_content_that_is_gone_cannot_be_sent_again() -> None:
    """However idempotent, and however little has left."""
    for sent in (False, True):
        assert not again(RetryPolicy(), BackendRefused(), Tried(b"PUT", sent=sent, replayable=False))


def test_statuses_are_those_of_the_policy() -> None:
    """By default 502, 503 and 504; never a good one."""
    assert [status for status in range(100, 600) if again(RetryPolicy(), status, Tried(b"GET"))] == [502, 503, 504]
    assert again(RetryPolicy(on=frozenset([429])), 429, Tried(b"GET"))


def test_a_timeout_is_tried_again_only_if_it_is_named() -> None:
    """The default does not name it: a slow backend would be asked twice as much."""
    assert not again(RetryPolicy(), BackendTimeout(), Tried(b"GET"))
    assert again(RetryPolicy(on=DEFAULT_ON | {"timeout"}), BackendTimeout(), Tried(b"GET"))
    assert not again(RetryPolicy(on=DEFAULT_ON | {"timeout"}), BackendTimeout(), Tried(b"POST"))


def test_attempts_are_counted_after_the_first() -> None:
    """Two more, then no more; with none configured, none."""
    made = [again(RetryPolicy(attempts=2), BackendRefused(), Tried(b"GET", attempts)) for attempts in (1, 2, 3, 4)]

    assert made == [True, True, False, False]
    assert not again(RetryPolicy(attempts=0), BackendRefused(), Tried(b"GET"))


def test_waits_double_up_to_the_longest() -> None:
    """The bounds; chance takes any part of them."""
    policy = RetryPolicy(attempts=10, backoff=0.025, max_backoff=0.25)

    assert [policy.delay(attempts, lambda: 1.0) for attempts in range(1, 7)] == [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]
    assert policy.delay(3, lambda: 0.5) == 0.05
    assert policy.delay(3, low) == 0.0


def test_nothing_is_tried_past_the_deadline() -> None:
    """A wait that would end at it, or after it, is not begun."""
    policy, tried = RetryPolicy(backoff=0.2), Tried(b"GET")

    assert policy.again(BackendRefused(), tried, 0.11, lambda: 0.5) == 0.1
    assert policy.again(BackendRefused(), tried, 0.1, lambda: 0.5) is None
    assert policy.again(BackendRefused(), tried, 0.0, low) is None
    assert policy.again(BackendRefused(), tried, -1.0, low) is None


@pytest.mark.parametrize(("method", "sent", "replayable"), list(product(METHODS, [False, True], [False, True])))
def test_the_keep_alive_race_is_run_again_where_that_is_safe(method: bytes, sent: bool, replayable: bool) -> None:
    """A fresh connection, if the method allows; no policy is asked."""
    tried = Tried(method, sent=sent, replayable=replayable)

    expected = replayable and (not sent or method in IDEMPOTENT)
    assert lost_race(ReusedConnectionLost(), tried) is expected
    assert lost_race(RequestUnprocessed(), tried) is expected
    assert not lost_race(BackendReset(), tried)


@given(
    st.sampled_from([kind for kind in reasons() if kind.__init__ is GatewayError.__init__]) | st.integers(100, 599),
    st.sampled_from(METHODS),
    st.integers(1, 12),
    st.booleans(),
    st.booleans(),
    st.frozensets(st.sampled_from(sorted(EVERYTHING, key=str))),
    st.floats(-1.0, 5.0),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_no_request_is_ever_acted_upon_twice(
    outcome: type[GatewayError] | int,
    method: bytes,
    attempts: int,
    sent: bool,
    replayable: bool,
    on: frozenset[str | int],
    remaining: float,
    chance: float,
) -> None:
    """Whatever the policy: a yes is within attempts, deadline, bounds of the wait, and Note [Never twice]."""
    policy = RetryPolicy(attempts=10, on=on)
    tried = Tried(method, attempts, sent=sent, replayable=replayable, keyed=True)
    what = outcome if isinstance(outcome, int) else outcome()

    delay = policy.again(what, tried, remaining, lambda: chance)

    if delay is not None:
        assert attempts <= 10
        assert replayable
        assert 0.0 <= delay <= 0.25
        assert delay < remaining
        assert method in IDEMPOTENT or not (sent or isinstance(what, int))
        if isinstance(what, int):
            assert what in on
        else:
            assert what.retry is not Retry.NEVER or "timeout" in on
