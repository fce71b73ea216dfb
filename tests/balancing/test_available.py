"""The rule about who may be picked."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.balancing.available import available
from gateway.errors import NoBackendAvailable


@dataclass(eq=False)
class FakeTarget:
    """A backend that says of itself whether it may be tried."""

    name: str
    weight: int = 1
    in_flight: int = 0
    willing: bool = True

    def may_try(self, now: float) -> bool:
        return self.willing


def test_the_order_is_kept() -> None:
    """Only those that have no weight, are unwilling or were tried are missing."""
    a, b, c, d, e = targets = [
        FakeTarget("a"),
        FakeTarget("b", 0),
        FakeTarget("c", willing=False),
        *map(FakeTarget, "de"),
    ]

    assert available(targets, 1.0) == [a, d, e]
    assert available(targets, 1.0, [d]) == [a, e]
    assert available(targets, 1.0, [a, d, e]) == [a, d, e]
    assert available([b, c, e], 1.0, [e]) == [e]


def test_none_is_an_error() -> None:
    """Whoever asks need not look at an empty list."""
    with pytest.raises(NoBackendAvailable):
        available([FakeTarget("a", 0)], 1.0)
