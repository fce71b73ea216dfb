"""Have a configuration that was read again share with the one in force the things that say the same.

Whoever compares them afterwards (what is taken over, what has changed, what is known of a route) finds one object, and
does not look into it; and of twenty versions that are kept, each costs what it changed.
"""

from __future__ import annotations

from typing import Final

from gateway.composition.slices import LOOK, Slices
from gateway.config import Settings
from gateway.config.differences import same

SHARED: Final = ("routes", "upstreams")
"""Keys of lists that may be long."""

COMPARED: Final = 10 * LOOK
"""Work of comparing two things that were read apart."""


async def share(settings: Settings, before: Settings, slices: Slices) -> None:
    """Put the things of those before into settings, where these say the same: what they say does not change.

    In place: who has read them knows them by what they are (`gateway.composition.configured`).

    Args:
        settings: Just read.
        before: Those in force.
        slices: Counts the work.
    """
    for key in SHARED:
        known = {thing.name: thing for thing in getattr(before, key)}
        found = []
        for thing in getattr(settings, key):
            was = known.get(thing.name)
            compared = was is not None and was is not thing
            found.append(was if compared and same(was, thing) else thing)
            await slices.did(COMPARED if compared else LOOK)
        settings.__dict__[key] = tuple(found)  # not by assignment, which settings refuse
