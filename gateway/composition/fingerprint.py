"""What files hold, in a few octets, and the directories in which a change would show.

Asked by `gateway.composition.watcher`. What counts is the content: the same bytes written again are no change.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from stat import S_ISLNK

from gateway.config.regular import open_regular, read_regular
from gateway.transport.pem import SUFFIXES as CERTIFICATES

SUFFIXES = (".yaml", ".yml", ".json")
"""Files of a directory that are part of the configuration."""

PEM = CERTIFICATES | {".crl"}
"""Files of a directory of certificates that count."""

RACY = 2.0
"""Seconds in which two writes may leave the same times: the coarsest clock of a file system (FAT)."""

SECOND = 1_000_000_000
"""Nanoseconds."""

Status = tuple[int, int, int, int, int]
"""Device, inode, size, time of the last write and of the last change."""

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


def files_below(places: Iterable[str], known: Iterable[Path] = ()) -> list[Path]:
    """Return files as they are, and of directories the certificates and keys below them, in order.

    Args:
        places: Files and directories.
        known: Files that were found before. In a directory that root could list, and this process cannot since it
            became another user, those that are not gone are still found.
    """
    found: list[Path] = []
    before = list(known)
    for place in sorted(places):
        path = Path(place)
        hidden = [each for each in before if path in each.parents and _may_be_there(each)]
        if not hidden and not os.path.isdir(path):  # noqa: PTH112 - where it may not look Path raises
            found.append(path)
            continue
        found.extend(sorted({*(each for each in path.rglob("*") if each.suffix in PEM), *hidden}))
    return found


def _may_be_there(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


class Contents:
    """Digests of some files, which reads a file again only when its status does not vouch for what is in it.

    Note [What vouches for content]

    A write sets the time of the last change (ctime), which no program can set back; so the same file (device, inode)
    of the same size with the same times has the same content, but for two cases, in which it is read at every look:

    - its times are younger than `RACY` when it is read: another write in the same tick of the file system's clock would
      leave them as they are (git calls such an entry racily clean);
    - its times are whole seconds: a file system that counts no finer cannot tell two writes in one second apart.

    The status is asked of the open file: a network file system answers `stat` from memory for up to a minute, and asks
    its server when a file is opened.

    Args:
        wall_clock: Unix seconds, as the times of files are.

    Attributes:
        reads: How often a file was read.
        last: Digest by file, as of the last look.
    """

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self.reads = 0
        self.last: dict[Path, bytes] = {}
        self._wall_clock = wall_clock
        self._known: dict[Path, tuple[Status, bytes]] = {}

    def digest(self, files: Iterable[Path]) -> bytes:
        """Return a digest of the names and contents of files; one that cannot be read is as one that is not there.

        One that may not be read any more is as it was last: root has read it before this process became another user.
        """
        whole = hashlib.sha256()
        before, self._known = self._known, {}
        read_last, self.last = self.last, {}
        for file in files:
            try:
                found = self._content(file, before.get(file))
            except PermissionError:
                if file not in read_last:
                    continue
                found = read_last[file]
            except OSError:
                continue
            self.last[file] = found
            whole.update(b"%b\0%b" % (os.fsencode(file), found))
        return whole.digest()

    def _content(self, file: Path, known: tuple[Status, bytes] | None) -> bytes:
        """Return the digest of what a file holds."""
        with open_regular(file) as stream:
            status = _status(stream.fileno())
            if known is not None and known[0] == status:
                self._known[file] = known
                return known[1]
            now = self._wall_clock()
            self.reads += 1
            found = hashlib.sha256(stream.read()).digest()
            # A file that is written while it is read has other times afterwards, or young ones.
            if _vouches(status, now) and _status(stream.fileno()) == status:
                self._known[file] = status, found
            return found


def _status(descriptor: int) -> Status:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _vouches(status: Status, now: float) -> bool:
    """Tell whether a write after this moment would show in the status; see Note [What vouches for content]."""
    *_, modified, changed = status
    fine = modified % SECOND and changed % SECOND
    return bool(fine) and max(modified, changed) < (now - RACY) * SECOND


def digest(files: Iterable[Path]) -> bytes:
    """Return a digest of the names and contents of files, all of which are read."""
    return Contents().digest(files)


def cut_off(files: Iterable[Path]) -> Path | None:
    """Return the first file whose text ends in the middle of a line, as one does that is still being written.

    A text that ends with a bracket may be complete: JSON is often written without a last newline, and cut off it cannot
    be read. An empty file is refused in any case (`gateway.config.loading`).
    """
    for file in files:
        try:
            text = read_regular(file)
        except OSError:
            continue
        if text and not text.endswith((b"\n", b"\r", b"}", b"]")):
            return file
    return None


def directories(place: Path) -> Iterator[Path]:
    """Return every directory in which a change can make `place` something else.

    Those are the directory that holds the file (or `place` itself, where it is a directory) and the directory of each
    symbolic link on the way: a Kubernetes ConfigMap, and a release that is switched over, change by one link. For a
    path that is missing it is the nearest directory above it that exists.
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
