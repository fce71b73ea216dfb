"""Hooks of modules that take too long are ended from a thread; here its looks are taken one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.middleware.wasm_watch import IDLE, TICKS, Watch


class Engine:
    """Counts its epoch."""

    def __init__(self) -> None:
        self.epoch = 0

    def increment_epoch(self) -> None:
        self.epoch += 1


def watching(*steps: Callable[[], Any]) -> tuple[Watch, Callable[[], int]]:
    """A watch whose thread does a step between two looks; returns also what runs it, to its end."""
    left = list(steps)
    looks = [0]
    spent = [0.0]

    def sleep(seconds: float) -> None:
        looks[0] += 1
        spent[0] += seconds
        if left:
            left.pop(0)()

    watch = Watch(sleep)
    watch._awake = True  # the thread is this one

    def run() -> int:
        watch.look(lambda: spent[0])
        return looks[0]

    return watch, run


def nothing() -> None:
    """Let a hook run on."""


def test_a_hook_that_takes_too_long_is_ended() -> None:
    """Its engine's epoch passes the deadline of its store; not before its time."""
    engine, epochs = Engine(), []
    step = lambda: epochs.append(engine.epoch)  # noqa: E731 - one of many
    watch, run = watching(step, *[step] * 9, lambda: watch.end((None, 0.0)))
    watch.begin(engine, 0.05)

    run()

    assert epochs[:5] == [0] * 5
    assert engine.epoch >= TICKS


def test_a_hook_that_follows_has_a_tick_left() -> None:
    """The epoch was counted on for the one before it, in the moment in which that ended."""
    engine, epochs = Engine(), [0]

    def another() -> None:
        watch.end((None, 0.0))
        epochs[0] = engine.epoch
        watch.begin(engine, 0.05)

    watch, run = watching(nothing, nothing, nothing, nothing, nothing, another, lambda: watch.end((None, 0.0)))
    watch.begin(engine, 0.05)

    run()

    assert engine.epoch - epochs[0] < TICKS


def test_many_short_hooks_are_not_one_long_one() -> None:
    """However many there are."""
    engine = Engine()

    def next_one() -> None:
        watch.end((None, 0.0))
        watch.begin(engine, 0.05)

    watch, run = watching(*[next_one] * 100, lambda: watch.end((None, 0.0)))
    watch.begin(engine, 0.05)

    run()

    assert engine.epoch == 0


def test_the_thread_ends_where_nothing_runs() -> None:
    """And the next hook makes another."""
    watch, run = watching(lambda: watch.end((None, 0.0)))
    watch.begin(Engine(), 0.05)

    assert run() == IDLE

    assert not watch._awake
