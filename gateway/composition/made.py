"""What settings were made from: files, and over them what the admin API has changed.

Tests: `tests/admin/test_configuration.py::test_files_that_change_stay_below_the_overlay`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gateway.composition.overlay_file import settle
from gateway.config import ConfigError, Settings, overlays
from gateway.config.overlays import NOTHING, Overlay
from gateway.config.problems import Place, problem
from gateway.config.sources import Sources


@dataclass(frozen=True, slots=True)
class Made:
    """Settings, and what they were made from.

    Attributes:
        settings: What is, or may come, in force.
        base: The files; None where an application has handed over settings.
        overlay: What is over them.
        held: By section, the names that are there without the overlay.
        packed: The text of the overlay, as of `gateway.composition.overlay_file.Kept`; empty until it was written down.
        bare: What a single thing is judged by (`gateway.config.apart.bare`); empty where all is read for it.
        reading: Which reading of the files it was, counted: of the same one, the same overlay makes the same.
    """

    settings: Settings
    base: Sources | None
    overlay: Overlay
    held: Mapping[str, frozenset[str]]
    packed: bytes = b""
    bare: bytes = b""
    reading: int = 0


class Before(NamedTuple):
    """What a version that is kept was made from."""

    packed: bytes
    reading: int
    held: Mapping[str, frozenset[str]]
    bare: bytes


def of_settings(settings: Settings) -> Made:
    """Return settings that an application has handed over: they were made from no file."""
    from gateway.config import editing

    held = {section: frozenset(editing.names(settings, section)) for section in overlays.NAMED}
    return Made(settings, None, NOTHING, held, settle(None, NOTHING).packed)


def check_whole(fresh: Settings, before: Settings, path: str) -> None:
    """Refuse a file whose routes have gone: it is being written, or was not written to its end.

    Raises:
        ConfigError: There are none, and the file does not say so itself, by `routes: []`.
    """
    if before.routes and not fresh.routes and "routes" not in fresh.model_fields_set:
        where = Place(path, 1, 1)
        raise ConfigError([problem(where, "routes", "routes, as there are in force (`[]` to remove them all)", "none")])
