"""Which backends may be picked, and what a panic does and does not override."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.selection import Lack, Panic, available


@dataclass
class Backend:
    """What is known of one."""

    name: str
    weight: int = 1
    healthy: bool = True
    ejected: bool = False
    admits: bool = True


def upstream(marks: str) -> list[Backend]:
    """Make backends: `o` well, `e` ejected, `u` unhealthy, `x` both, `b` breaker open, `d` draining."""
    return [
        Backend(
            mark,
            weight=0 if mark == "d" else 1,
            healthy=mark not in "ux",
            ejected=mark in "ex",
            admits=mark != "b",
        )
        for mark in marks
    ]


@pytest.mark.parametrize(
    ("marks", "picked", "panic", "lack"),
    [
        ("oooo", "oooo", Panic.NONE, Lack.NONE),
        ("ooeu", "oo", Panic.NONE, Lack.NONE),  # half is enough
        ("oeeu", "oee", Panic.EJECTED, Lack.NONE),
        ("oeex", "oee", Panic.EJECTED, Lack.NONE),
        ("ouuu", "o", Panic.NONE, Lack.NONE),  # one live, three dead
        ("eu", "e", Panic.EJECTED, Lack.NONE),
        ("uux", "uux", Panic.ALL, Lack.NONE),
        ("e", "e", Panic.EJECTED, Lack.NONE),
        ("u", "u", Panic.ALL, Lack.NONE),
        ("ub", "u", Panic.ALL, Lack.NONE),
        ("obbb", "o", Panic.NONE, Lack.NONE),
        ("bbb", "", Panic.NONE, Lack.BREAKERS_OPEN),
        ("bd", "", Panic.NONE, Lack.BREAKERS_OPEN),
        ("od", "o", Panic.NONE, Lack.NONE),
        ("oddd", "o", Panic.NONE, Lack.NONE),  # the draining are not missed
        ("ud", "u", Panic.ALL, Lack.NONE),
        ("dd", "", Panic.NONE, Lack.NO_BACKEND),
        ("", "", Panic.NONE, Lack.NO_BACKEND),
    ],
)
def test_who_may_be_picked(marks: str, picked: str, panic: Panic, lack: Lack) -> None:
    """In its order, whether it is panic, and why there is none."""
    selection = available(upstream(marks))

    assert "".join(backend.name for backend in selection.backends) == picked
    assert (selection.panic, selection.lack) == (panic, lack)


@pytest.mark.parametrize(
    ("threshold", "picked"),
    [(0.0, "o"), (0.25, "o"), (0.26, "oeee"), (1.0, "oeee")],
    ids=["never", "at", "above", "all"],
)
def test_the_share_that_must_be_left_is_a_setting(threshold: float, picked: str) -> None:
    """Below it is panic, at it is not; 0 waits until none is left."""
    selection = available(upstream("oeee"), threshold)

    assert "".join(backend.name for backend in selection.backends) == picked


def test_with_no_threshold_there_is_still_panic_when_none_is_left() -> None:
    """An answer from a doubtful backend is better than none."""
    assert available(upstream("ee"), 0.0).panic is Panic.EJECTED
    assert available(upstream("uu"), 0.0).panic is Panic.ALL


@given(
    st.lists(st.builds(Backend, st.just("a"), st.integers(0, 2), st.booleans(), st.booleans(), st.booleans())),
    st.floats(0.0, 1.0),
)
def test_no_panic_overrides_a_drain_or_an_open_breaker(backends: list[Backend], threshold: float) -> None:
    """And whoever is well is always among those picked; there is no answer only where nobody may be asked."""
    selection = available(backends, threshold)
    picked = {id(backend) for backend in selection.backends}
    may = [backend for backend in backends if backend.weight and backend.admits]

    assert picked <= {id(backend) for backend in may}
    assert {id(backend) for backend in may if backend.healthy and not backend.ejected} <= picked
    assert bool(picked) == bool(may) == (selection.lack is Lack.NONE)
    if selection.panic is Panic.NONE:
        assert not any(backend.ejected or not backend.healthy for backend in selection.backends)
    else:
        assert any(backend.ejected or not backend.healthy for backend in selection.backends)
