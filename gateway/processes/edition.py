"""A configuration as a parent hands it to its workers: the texts that it has read, and the overlay over them.

Files are read once, by the parent: so all workers have the same, and one that is started in the place of another has
what is in force, whatever the files have become by then.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from gateway.config import Settings
from gateway.config.overlays import NOTHING, Overlay, parse
from gateway.config.sources import Source, Sources
from gateway.processes.made import NotTold, heard, told


@dataclass(frozen=True, slots=True)
class Edition:
    """What a configuration is made from.

    Attributes:
        found: The files.
        overlay: What the admin API has changed.
        settings: What was made of both; None where that is not known.
    """

    found: Sources
    overlay: Overlay
    settings: Settings | None = None

    def body(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        found = self.found
        return {
            "directory": str(found.directory),
            "files": [list(file) for file in found.files],
            "variables": found.variables,
            "whole": found.whole,
            "overlay": None if self.overlay.empty else self.overlay.text(),
        }

    @classmethod
    def of(cls, body: dict[str, Any]) -> Edition:
        """Return what was said."""
        files = tuple(Source(*file) for file in body["files"])
        found = Sources(Path(body["directory"]), files, body["variables"], body["whole"])
        text = body["overlay"]
        return cls(found, NOTHING if text is None else parse(Source("overlay", text)))

    def kept(self) -> int:
        """Write it into memory that a process which is started can read, with the settings; returns the descriptor."""
        body = self.body()
        if self.settings is not None:
            with suppress(NotTold):
                body["made"] = told(self.settings, None)
        descriptor = os.memfd_create("gateway-configuration", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(orjson.dumps(body))
        return descriptor

    @classmethod
    def read(cls, descriptor: int) -> Edition:
        """Read it from such memory, once: the descriptor is closed."""
        with os.fdopen(descriptor, "rb") as stream:
            stream.seek(0)
            body = orjson.loads(stream.read())
        edition, made = cls.of(body), body.get("made")
        if made is not None:
            with suppress(NotTold):
                return replace(edition, settings=heard(made, None))
        return edition
