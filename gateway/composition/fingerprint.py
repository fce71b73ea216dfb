"""What files hold, in a few octets, and the directories in which a change would show.

Asked by `gateway.composition.watcher`. What counts is the content: the same bytes written again are no change.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISLNK

from gateway.listening.certificates import SUFFIXES as CERTIFICATES

SUFFIXES = (".yaml", ".yml", ".json")
"""Files of a directory that are part of the configuration."""

PEM = CERTIFICATES | {".crl"}
"""Files of a directory of certificates that count."""

LINKS = 40
"""Most symbolic links on the way to one file, as in the kernel."""


def sources(path: Path) -> list[Path]:
    """Return the files that a configuration is read from: those that are there, and the `.env` beside them.

    Raises:
        OSError: The directory cannot be read.
    """
    if path.is_dir():
        return [*sorted(file for file in path.iterdir() if file.suffix in SUFFIXES), path / ".env"]
    return [path, path.parent / ".env"]


def files_below(places: Iterable[str]) -> list[Path]:
    """Return files as they are, and of directories the certificates and keys below them, in order."""
    found: list[Path] = []
    for place in sorted(places):
        path = Path(place)
        found.extend(sorted(each for each in path.rglob("*") if each.suffix in PEM) if path.is_dir() else [path])
    return found


def digest(files: Iterable[Path]) -> bytes:
    """Return a digest of the names and contents of files; one that cannot be read is as one that is not there."""
    whole = hashlib.sha256()
    for file in files:
        try:
            content = file.read_bytes()
        except OSError:
            continue
        whole.update(b"%b\0%d\0" % (os.fsencode(file), len(content)))
        whole.update(content)
    return whole.digest()


def directories(place: Path) -> Iterator[Path]:
    """Return every directory in which a change can make `place` something else.

    That is the directory that holds it, or itself where it is one, and the directory of each
    symbolic link on the way: a Kubernetes ConfigMap, and a release that is switched over, change by one link. Of what
    is missing the nearest directory that is there is meant.
    """
    parts = list(place.absolute().parts[1:])
    here, links = Path("/"), 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            here = here.parent
            continue
        entry = here / part
        try:
            mode = entry.lstat().st_mode
        except OSError:
            yield here
            return
        if S_ISLNK(mode) and links < LINKS:
            links += 1
            yield here
            target = entry.readlink()
            here = Path("/") if target.is_absolute() else here
            parts[:0] = [each for each in target.parts if each != "/"]
        elif parts or entry.is_dir():
            here = entry
        else:
            yield here
            return
    yield here


def below(place: Path) -> Iterator[Path]:
    """Return the directories below a directory; none for a file."""
    return (each for each in place.rglob("*") if each.is_dir())
