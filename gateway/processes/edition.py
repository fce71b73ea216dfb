"""A configuration as a parent hands it to its workers: the texts that it has read, and the overlay over them.

Files are read once, by the parent: so all workers have the same, and one that is started in the place of another has
what is in force, whatever the files have become by then.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.config.overlays import NOTHING, Overlay, parse
from gateway.config.sources import Source, Sources


@dataclass(frozen=True, slots=True)
class Edition:
    """What a configuration is made from.

    Attributes:
        found: The files.
        overlay: What the admin API has changed.
    """

    found: Sources
    overlay: Overlay

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
        """Write it into memory that a process which is started can read; returns the descriptor."""
        descriptor = os.memfd_create("gateway-configuration", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(orjson.dumps(self.body()))
        return descriptor

    @classmethod
    def read(cls, descriptor: int) -> Edition:
        """Read it from such memory, once: the descriptor is closed."""
        with os.fdopen(descriptor, "rb") as stream:
            stream.seek(0)
            return cls.of(orjson.loads(stream.read()))
