"""A function whose results are kept by the text that it was asked with, within a bound that is one of memory.

Clients choose these texts, and one of them may be as long as a head. `functools.lru_cache` bounds how many results are
kept and not how large they are: 256 values of Connection, full of short options, took 94 MiB for as long as the process
lived. So nothing is kept of a text that is longer than usual ones are: it is worked out each time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

K = TypeVar("K", bytes, str)
R = TypeVar("R")


def remembered(function: Callable[[K], R], most: int, longest: int) -> Callable[[K], R]:
    """Return the function with a memory.

    Args:
        function: Gives the same result for the same text, whoever asks.
        most: Texts whose results are kept; the one that was not asked for longest makes way.
        longest: Length of the longest text that is kept.
    """
    kept = lru_cache(most)(function)

    def ask(text: K) -> R:
        return kept(text) if len(text) <= longest else function(text)

    return ask
