"""A stream that a copy of this process makes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from gateway.rehearsal.replaying.forked_stream import BUNDLE, CopyFailed, forked_stream


def test_what_the_copy_yields_comes_in_order() -> None:
    """More than one bundle of it; this process sees nothing else of what the copy does."""
    seen: list[int] = []

    def make() -> Iterator[int]:
        for number in range(3 * BUNDLE + 1):
            seen.append(number)
            yield number

    assert list(forked_stream(make)) == list(range(3 * BUNDLE + 1))
    assert seen == []


def test_an_exception_is_told_with_its_traceback() -> None:
    """After what came before it."""

    def make() -> Iterator[int]:
        yield from range(BUNDLE)
        raise ValueError("no such thing")

    stream = forked_stream(make)

    assert [next(stream) for _ in range(BUNDLE)] == list(range(BUNDLE))
    with pytest.raises(CopyFailed, match="ValueError: no such thing"):
        next(stream)


def test_a_copy_that_was_ended_is_told() -> None:
    """Not waited for."""

    def make() -> Iterator[int]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield 1

    with pytest.raises(CopyFailed, match="the process beside this one has ended"):
        list(forked_stream(make))


def test_who_stops_early_leaves_nothing_running() -> None:
    """However much the copy had still to say."""

    def make() -> Iterator[int]:
        while True:
            yield os.getpid()

    stream = forked_stream(make)
    process = next(stream)
    stream.close()

    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
