"""A directory as the kubelet mounts ConfigMaps and Secrets, and changes it.

As `AtomicWriter` in Kubernetes has it: files lie in a directory of their own, `..data` is a link to that, and each name
is a link to `..data/NAME`. A change is another directory, a link beside `..data` that is renamed over it, and then the
directory before is deleted. Names that have come are linked afterwards, those that are gone are taken away.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path


class Mounted:
    """A projected volume.

    Args:
        place: The directory; made here.

    Attributes:
        place: The same.
    """

    def __init__(self, place: Path, files: Mapping[str, str | bytes]) -> None:
        self.place = place
        self._numbers = itertools.count(1)
        self._names: set[str] = set()
        place.mkdir()
        self.swap(files)

    def swap(self, files: Mapping[str, str | bytes]) -> None:
        """Put other files in the place of all that are there."""
        fresh = self.place / f"..2026_11_29_12_00_00.{next(self._numbers):09}"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content.encode() if isinstance(content, str) else content)
            (fresh / name).chmod(0o440)
        data, temporary = self.place / "..data", self.place / "..data_tmp"
        before = data.resolve() if data.exists() else None
        temporary.symlink_to(fresh.name)
        temporary.replace(data)
        for name in files.keys() - self._names:
            (self.place / name).symlink_to(f"..data/{name}")
        for name in self._names - files.keys():
            (self.place / name).unlink()
        self._names = set(files)
        if before is not None:
            shutil.rmtree(before)
