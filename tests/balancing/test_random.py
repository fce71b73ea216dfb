"""The weighted draw."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.balancing.random import Random


@dataclass(eq=False)
class FakeTarget:
    """A backend that says of itself whether it may be tried."""

    name: str
    weight: int = 1
    in_flight: int = 0
    willing: bool = True

    def may_try(self, now: float) -> bool:
        return self.willing


@pytest.mark.parametrize(
    ("chance", "name"), [(0.0, "a"), (0.249, "a"), (0.25, "b"), (0.749, "b"), (0.75, "c"), (0.999, "c"), (1.0, "c")]
)
def test_the_draw_falls_on_the_weights(chance: float, name: str) -> None:
    """Backends of 1, 2 and 1; even a chance of one, which must not be, finds somebody."""
    targets = [FakeTarget("a", 1), FakeTarget("b", 2), FakeTarget("c", 1)]

    assert Random(targets, lambda: chance).pick(b"", 1.0).name == name


def test_only_those_who_may_be_tried_take_part() -> None:
    """Their weights alone make up the whole."""
    targets = [FakeTarget("a", 1), FakeTarget("b", 8, willing=False), FakeTarget("c", 1)]

    assert Random(targets, lambda: 0.5).pick(b"", 1.0).name == "c"
