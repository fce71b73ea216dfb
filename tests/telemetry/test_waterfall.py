"""Where the time of an exchange went."""

from __future__ import annotations

from typing import Any

from gateway.telemetry.waterfall import Tried, phases, printed


def tried(started: float, ended: float, **more: Any) -> Tried:
    """An attempt of one backend."""
    return Tried(more.pop("number", 1), "orders", "http://a", started, ended, **more)


def divided(finished: float, *attempts: Tried) -> list[tuple[str, float, float, int | None]]:
    """The phases of an exchange that began at 100."""
    return [
        (phase["name"], phase["start_ms"], phase["ms"], phase["attempt"])
        for phase in phases(100.0, 100.0 + finished, attempts)
    ]


def test_an_exchange_without_attempts_is_the_gateways() -> None:
    """All of its time."""
    assert divided(0.004) == [("gateway", 0.0, 4.0, None)]


def test_an_answered_attempt_on_a_new_connection() -> None:
    """Steps, connection, wait for the head, answer, and what the client took longer."""
    one = tried(100.001, 100.020, connected=100.003, head=100.013, status=500, reused=False)

    assert divided(0.025, one) == [
        ("gateway", 0.0, 1.0, None),
        ("connect", 1.0, 2.0, 1),
        ("wait", 3.0, 10.0, 1),
        ("answer", 13.0, 7.0, 1),
        ("client", 20.0, 5.0, None),
    ]


def test_a_wait_for_a_connection_that_others_had() -> None:
    """It is a queue and no connecting; so it is where no connection became free."""
    one = tried(100.0, 100.020, connected=100.015, status=500, reused=True)
    assert divided(0.020, one) == [("queue", 0.0, 15.0, 1), ("wait", 15.0, 5.0, 1)]

    none = tried(100.0, 100.020, outcome="failed", reason="pool.exhausted")
    assert divided(0.020, none) == [("queue", 0.0, 20.0, 1)]


def test_attempts_one_after_the_other() -> None:
    """Between them is the wait that the retry's rules want."""
    first = tried(100.0, 100.002, outcome="failed", reason="upstream.connect")
    second = tried(100.052, 100.054, number=2, status=503, reused=True)

    assert divided(0.054, first, second) == [
        ("connect", 0.0, 2.0, 1),
        ("backoff", 2.0, 50.0, None),
        ("wait", 52.0, 2.0, 2),
    ]


def test_attempts_side_by_side() -> None:
    """Nothing lies between them."""
    first = tried(100.0, 100.030, outcome="failed", reason="upstream.timeout", reused=True)
    second = tried(100.010, 100.020, number=2, outcome="cancelled", reused=True)

    assert divided(0.030, first, second) == [("wait", 0.0, 30.0, 1), ("wait", 10.0, 10.0, 2)]


def test_what_others_have_written_is_bounded_and_can_be_said() -> None:
    """Half of a surrogate pair is spelled out: nobody could be told of it."""
    assert printed("\udcff") == "\\udcff"
    assert printed("x" * 10_000) == "x" * 2048
