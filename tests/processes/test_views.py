"""`GET /upstreams` of several workers."""

from __future__ import annotations

from typing import Any

from gateway.processes.views import merged


def view(**extra: Any) -> list[dict[str, Any]]:
    """What one worker knows of an upstream with one backend."""
    backend = {
        "url": "http://b",
        "weight": 2,
        "in_flight": 1,
        "connections": {"idle": 1, "busy": 2, "connecting": 0, "pending": 3},
        "health": {"healthy": True},
        "circuit_breaker": {"state": "closed", "failures_in_window": 1, "outcomes_in_window": 4},
        "ejection": {"ejected": False, "times": 0},
        "last_errors": [],
        **extra,
    }
    return [{"name": "orders", "panic": False, "backends": [backend]}]


def test_what_is_counted_is_summed() -> None:
    """And what is known is said once."""
    (shown,) = merged([view(), view(in_flight=5)])
    (backend,) = shown["backends"]

    assert (backend["weight"], backend["in_flight"]) == (2, 6)
    assert backend["connections"] == {"idle": 2, "busy": 4, "connecting": 0, "pending": 6}
    assert backend["circuit_breaker"] == {"state": "closed", "failures_in_window": 2, "outcomes_in_window": 8}
    assert backend["health"] == {"healthy": True}


def test_of_breakers_and_ejections_the_worst_is_shown() -> None:
    """With the number of workers in which it is so."""
    opened = {"state": "open", "failures_in_window": 5, "outcomes_in_window": 5, "probe_in_seconds": 9.0}
    out = {"ejected": True, "times": 1, "for_seconds": 20.0}

    (shown,) = merged([view(), view(circuit_breaker=opened, ejection=out), view()])
    (backend,) = shown["backends"]

    assert backend["circuit_breaker"] == {
        "state": "open",
        "failures_in_window": 7,
        "outcomes_in_window": 13,
        "probe_in_seconds": 9.0,
        "workers": 1,
    }
    assert backend["ejection"] == {**out, "workers": 1}


def test_the_last_errors_of_all_are_shown_the_oldest_first() -> None:
    """A failed check is known to all workers: it is shown once."""
    check = {"seconds_ago": 3.0, "what": "health check: down"}
    errors = [{"seconds_ago": float(number), "what": "reset"} for number in range(4)]

    (shown,) = merged([view(last_errors=[check]), view(last_errors=[check, *errors])])

    assert [one["seconds_ago"] for one in shown["backends"][0]["last_errors"]] == [3.0, 3.0, 2.0, 1.0, 0.0]


def test_members_that_one_worker_does_not_know_yet_are_shown_as_the_first_knows_them() -> None:
    """For a moment workers differ."""
    other = view()
    other[0]["backends"] = []

    assert [len(one["backends"]) for one in merged([view(), other])] == [1]
    assert merged([]) == []
