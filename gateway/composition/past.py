"""What an earlier version of the configuration says, packed: what it has other than the version after it.

Packed by `gateway.composition.versions`. The settings of 5,000 routes take 40 MB; twenty versions of them, each with
every route changed, would take as much as ten gateways. Of a long list a version keeps which things the next version
has too, and the others as pickles, compressed: for every route changed some hundred kilobytes.

Tests: `tests/composition/test_past.py`.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.composition.slices import LOOK, Slices
from gateway.config import Settings
from gateway.config.loading import LISTS, without_lists

TOGETHER: Final = 50
"""Things that are compressed together: most of what routes say is said by the one before too."""

PACKING: Final = 20
"""Work of packing a thing, or of unpacking it."""

QUICK: Final = 1
"""Level of compression: the reactor does it."""


class Past(NamedTuple):
    """What a version says.

    Attributes:
        rest: Its settings without the long lists, packed.
        lists: Each long list in parts, in order: places in the list of the next version, or things, packed.
    """

    rest: bytes
    lists: Mapping[str, Sequence[range | bytes]]


async def packed(settings: Settings, after: Settings, slices: Slices) -> tuple[Past, list[object]]:
    """Pack the settings of a version.

    Args:
        settings: What it says.
        after: What the next version says; what both say is the same object (`gateway.composition.sharing`).
        slices: Counts the work.

    Returns:
        The version, packed, and the things of its lists that the next does not have: they may be many to let go of.
    """
    lists: dict[str, Sequence[range | bytes]] = {}
    gone: list[object] = []
    for key in LISTS:
        places: dict[int, int] = {}
        for place, thing in enumerate(getattr(after, key)):
            places[id(thing)] = place
            await slices.did(LOOK)
        parts: list[range | bytes] = []
        others: list[object] = []
        for thing in getattr(settings, key):
            at = places.get(id(thing), -1)
            if others and (at >= 0 or len(others) == TOGETHER):
                parts.append(await _pack(others, slices))
                others = []
            if at < 0:
                others.append(thing)
                gone.append(thing)
            elif parts and isinstance(last := parts[-1], range) and last.stop == at:
                parts[-1] = range(last.start, at + 1)
            else:
                parts.append(range(at, at + 1))
            await slices.did(LOOK)
        if others:
            parts.append(await _pack(others, slices))
        lists[key] = tuple(parts)
    return Past(await _pack([without_lists(settings)], slices), lists), gone


async def unpacked(past: Past, after: Settings, slices: Slices) -> Settings:
    """Return the settings of a version again.

    Args:
        past: The version.
        after: What the next version says.
        slices: Counts the work.
    """
    (settings,) = await _unpack(past.rest, slices)
    assert isinstance(settings, Settings)  # for the type checker
    for key, parts in past.lists.items():
        next_to, things = getattr(after, key), list[Any]()
        for part in parts:
            if isinstance(part, range):
                things += next_to[part.start : part.stop]
                await slices.did(LOOK * len(part))
            else:
                things += await _unpack(part, slices)
        settings.__dict__[key] = tuple(things)  # not by assignment, which settings refuse
    return settings


async def _pack(things: Sequence[object], slices: Slices) -> bytes:
    octets = zlib.compress(pickle.dumps(things, pickle.HIGHEST_PROTOCOL), QUICK)
    await slices.did(PACKING * len(things))
    return octets


async def _unpack(octets: bytes, slices: Slices) -> list[Any]:
    things: list[Any] = pickle.loads(zlib.decompress(octets))  # noqa: S301 - of this process
    await slices.did(PACKING * len(things))
    return things
