"""Which backends may be picked, and what a panic does and does not override."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.selection import Lack, available


@dataclass
class Backend:
    """What is known of one."""

    name: str
    weight: int = 1
    healthy: bool = True
    ejected: bool = False
    admits: bool = True
    backup: bool = False


def upstream(marks: str) -> list[Backend]:
    """Make backends: `o` well, `e` ejected, `u` unhealthy, `x` both, `b` open, `d` draining; upper case: a backup."""
    return [
        Backend(
            mark,
            weight=0 if mark in "dD" else 1,
            healthy=mark not in "uxUX",
            ejected=mark in "exEX",
            admits=mark not in "bB",
            backup=mark.isupper(),
        )
        for mark in marks
    ]


@pytest.mark.parametrize(
    ("marks", "picked", "panic", "lack"),
    [
        ("oooo", "oooo", False, Lack.NONE),
        ("ooeu", "oo", False, Lack.NONE),  # half is enough
        ("oeeu", "oee", True, Lack.NONE),
        ("oeex", "oee", True, Lack.NONE),
        ("ouuu", "o", False, Lack.NONE),  # one live, three dead
        ("eu", "e", True, Lack.NONE),
        ("uux", "", False, Lack.NO_BACKEND),
        ("e", "e", True, Lack.NONE),
        ("u", "", False, Lack.NO_BACKEND),
        ("ub", "", False, Lack.NO_BACKEND),
        ("obbb", "o", False, Lack.NONE),
        ("bbb", "", False, Lack.BREAKERS_OPEN),
        ("bd", "", False, Lack.BREAKERS_OPEN),
        ("od", "o", False, Lack.NONE),
        ("oddd", "o", False, Lack.NONE),  # the draining are not missed
        ("ud", "", False, Lack.NO_BACKEND),
        ("dd", "", False, Lack.NO_BACKEND),
        ("", "", False, Lack.NO_BACKEND),
        ("ooO", "ooO", False, Lack.NONE),  # the balancer asks it last
        ("oeeO", "oeeO", True, Lack.NONE),  # panic is a matter of the others
        ("oOOOO", "oOOOO", False, Lack.NONE),
        ("eeO", "O", False, Lack.NONE),  # a sound backup is better than an ejected backend
        ("eeE", "ee", True, Lack.NONE),
        ("eeU", "ee", True, Lack.NONE),
        ("uuO", "O", False, Lack.NONE),
        ("uuOE", "O", False, Lack.NONE),
        ("uuOEE", "OEE", True, Lack.NONE),
        ("uuE", "E", True, Lack.NONE),
        ("bbO", "O", False, Lack.NONE),
        ("bbB", "", False, Lack.BREAKERS_OPEN),
        ("bU", "", False, Lack.NO_BACKEND),
        ("dO", "O", False, Lack.NONE),
        ("dD", "", False, Lack.NO_BACKEND),
        ("OO", "OO", False, Lack.NONE),
    ],
)
def test_who_may_be_picked(marks: str, picked: str, panic: bool, lack: Lack) -> None:
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
    """An answer from a doubtful backend is better than none; from one that fails its checks there will be none."""
    assert available(upstream("ee"), 0.0).panic
    assert available(upstream("uu"), 0.0).lack is Lack.NO_BACKEND


@given(
    st.lists(st.builds(Backend, st.just("a"), st.integers(0, 2), *[st.booleans()] * 4)),
    st.floats(0.0, 1.0),
)
def test_no_panic_overrides_these_three(backends: list[Backend], threshold: float) -> None:
    """And whoever is well is always among those picked; there is no answer only where nobody may be asked."""
    selection = available(backends, threshold)
    picked = {id(backend) for backend in selection.backends}
    may = [backend for backend in backends if backend.weight and backend.admits and backend.healthy]

    assert picked <= {id(backend) for backend in may}
    assert {id(backend) for backend in may if not backend.ejected} <= picked
    assert bool(picked) == bool(may) == (selection.lack is Lack.NONE)
    assert selection.panic == any(backend.ejected for backend in selection.backends)
