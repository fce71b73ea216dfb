"""What a builder makes once, and does not keep itself alive by."""

from __future__ import annotations

import gc
import weakref

from gateway.composition.builders.memo import memo


class Maker:
    """Counts what it makes."""

    def __init__(self) -> None:
        self.made = 0
        self.ask = memo(self._make)

    def _make(self, what: str) -> str:
        self.made += 1
        return what * 2


def test_the_same_is_made_once() -> None:
    """For each argument."""
    maker = Maker()

    assert [maker.ask("a"), maker.ask("a"), maker.ask("b")] == ["aa", "aa", "bb"]
    assert maker.made == 2


def test_it_goes_without_the_collector() -> None:
    """With the last who has it."""
    gc.disable()
    try:
        maker = Maker()
        maker.ask("a")
        gone = weakref.ref(maker)
        del maker
        assert gone() is None
    finally:
        gc.enable()
