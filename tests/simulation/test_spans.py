"""When something holds, as a command line says it."""

from __future__ import annotations

from math import inf

import pytest

from gateway.config.problems import Unexpected
from gateway.simulation.spans import ALWAYS, Span, split


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("down", ("down", ALWAYS)),
        ("down@10m", ("down", Span(600.0, inf))),
        ("down@10m+5m", ("down", Span(600.0, 900.0))),
        ("down@1.5s+250ms", ("down", Span(1.5, 1.75))),
        ("@0", ("", Span(0.0, inf))),
    ],
)
def test_a_time_stands_behind_the_words(said: str, found: tuple[str, Span]) -> None:
    """Nothing behind them is all the time; without a length it is until the end."""
    assert split(said) == found


@pytest.mark.parametrize("said", ["down@", "down@soon", "down@10m+", "down@10m+5m+1m", "down@-1s", "down@1m@2m"])
def test_what_is_no_time_is_refused(said: str) -> None:
    """In words that say how one is written."""
    with pytest.raises(Unexpected, match=r"@10m\+5m"):
        split(said)
