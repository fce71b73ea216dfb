"""Tell when the configuration, or a file that it names, has changed on disk.

inotify watches directories (a file that is replaced has another inode, and a Kubernetes ConfigMap changes by the swap
of a symbolic link); a look every few seconds at the content catches what inotify cannot see (network file systems).

Note [Nothing is missed between reading and watching]

What is compared with later is fingerprinted before it is read: the configuration before it is loaded, the files that
it names before they are built from. The first look comes after the watch is on. A change at any moment is either in
what was read, or differs from the fingerprint when it is looked at next.

Note [A text that ends in the middle of a line is waited for]

The front half of a YAML file is often a configuration that can be used, with fewer routes. inotify tells when a writer
closes a file, but also when it creates it, and a look of every few seconds finds it at any moment. A writer hands its
text over in blocks, which end in the middle of a line nearly always, and a complete text hardly ever does: so such a
text is taken only if it is still the same `POLL` seconds after it was first seen. What cannot be told apart: a block
that ends with a line, and a writer that stands still for longer. Who wants to be sure writes another file and renames.
The same holds for a file of users: its front half is one with fewer users.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.filepath import FilePath

from gateway.composition.fingerprint import Contents, below, cut_off, directories, files_below, sources
from gateway.transport import inotify

SETTLE = 0.2
"""Seconds without another change before the content is looked at: editors write in several steps."""
POLL = 5.0
"""Seconds between looks that do not wait for inotify."""

_log = Logger()


class ConfigWatcher(Service):
    """Calls `changed` when the content of a configuration, or of a file that it names, is another.

    Made before the configuration is read for the first time.

    Args:
        path: File or directory.
        changed: What to call.
        reactor: Its clock, and its file descriptors for inotify.
        notifier: Makes an inotify reader for a reactor; None where there is no inotify.
    """

    def __init__(
        self,
        path: Path,
        changed: Callable[[], object],
        reactor: Any,
        notifier: Callable[[Any], Any] | None,
    ) -> None:
        self._path = path
        self._changed = changed
        self._reactor = reactor
        self._clock: IReactorTime = reactor
        self._make_notifier = notifier
        self._notifier: Any = None
        self._watched: dict[Path, tuple[int, int]] = {}
        self._named: frozenset[str] = frozenset()
        self._contents, self._contents_named = Contents(), Contents()
        self._seen = b""
        self._seen_named = self._contents_named.digest(())
        self._seen_each: dict[Path, bytes] = {}
        self._lists: tuple[Path, ...] = ()
        self._cut_off: tuple[bytes, float] | None = None
        self._settling: IDelayedCall | None = None
        self._polling = LoopingCall(self.look)
        self._polling.clock = reactor
        self.reading()

    def reading(self) -> None:
        """Remember what the configuration is now: it is about to be read."""
        self._cut_off = None
        try:
            self._seen = self._contents.digest(sources(self._path))
        except OSError:
            self._seen = b""  # it is just being exchanged: whatever comes is a change

    def building(self, named: Iterable[str], lists: Iterable[str] = ()) -> None:
        """Watch the files (and directories) that the configuration names, and remember what they are now.

        Args:
            named: They are about to be read.
            lists: Those among them of which the front half is a good one, with less in it.
        """
        self._named = frozenset(named)
        self._lists = tuple(map(Path, lists))
        if self.running:
            self._watch()
        self._seen_named = self._contents_named.digest(self._files())
        self._seen_each = self._contents_named.last

    def startService(self) -> None:
        """Begin to watch, and look whether anything has changed since it was read."""
        super().startService()
        self._watch()
        self._polling.start(POLL, now=False)
        self._look_in(0)

    def stopService(self) -> None:
        """Watch no more."""
        super().stopService()
        if self._polling.running:
            self._polling.stop()
        if self._settling is not None and self._settling.active():
            self._settling.cancel()
        self._let_go()

    def look(self) -> None:
        """Compare the content with what was seen last."""
        self._watch()
        try:
            files = sources(self._path)
            now, named = self._contents.digest(files), self._contents_named.digest(self._files())
        except OSError:
            return  # it is just being exchanged: the next look will see
        if (now, named) == (self._seen, self._seen_named):
            self._cut_off = None
        elif self._complete(now + named, files if now != self._seen else ()):
            self._seen, self._seen_named, self._cut_off = now, named, None
            self._seen_each = self._contents_named.last
            self._changed()

    def _files(self) -> list[Path]:
        return files_below(self._named, self._contents_named.last)

    def _complete(self, now: bytes, files: Iterable[Path]) -> bool:
        """Tell whether a change may be taken; see Note [A text that ends in the middle of a line is waited for].

        Args:
            now: The digest of the changed configuration, and of the files that it names.
            files: Those that it is read from, where they have changed.
        """
        last, seen = self._contents_named.last, self._seen_each
        changed = [file for file in self._lists if file in last and last[file] != seen.get(file)]
        if (file := cut_off([*files, *changed])) is None:
            return True
        moment = self._clock.seconds()
        if self._cut_off is None or self._cut_off[0] != now:
            self._cut_off = now, moment
            _log.info(
                "{file} ends in the middle of a line, as a file that is still being written: applied in {seconds:g} s"
                " unless it changes",
                file=str(file),
                seconds=POLL,
            )
        left = self._cut_off[1] + POLL - moment
        if left > 0:
            self._look_in(left)
        return left <= 0

    def _watch(self) -> None:
        """Watch the directories that count now, unless they are those that are watched.

        A new reader takes the place of the one before: Twisted's closes itself, with all of its watches, when one of
        its directories is deleted, as the one behind a ConfigMap is at every change.
        """
        wanted = self._directories()
        if self._make_notifier is None or wanted == self._watched:
            return
        self._let_go()
        self._watched = wanted
        try:
            self._notifier = self._make_notifier(self._reactor)
            self._notifier.startReading()
            for directory in wanted:
                self._notifier.watch(FilePath(str(directory)), mask=_mask(), callbacks=[self._noticed])
        except Exception as error:  # noqa: BLE001 - Twisted raises what the system call has, in several classes
            # For example the limit on watches of this user, or a directory that has just gone; the slower way remains.
            _log.warn("No inotify for {path}: {error}", path=str(self._path), error=error)

    def _let_go(self) -> None:
        notifier, self._notifier = self._notifier, None
        self._watched = {}
        if notifier is not None:
            notifier.loseConnection()

    def _directories(self) -> dict[Path, tuple[int, int]]:
        """Return the directories that count, with what tells a directory from another of the same name."""
        found = {}
        named = list(map(Path, self._named))
        environment = (self._path if self._path.is_dir() else self._path.parent) / ".env"
        places = [self._path, environment, *named, *(each for place in named for each in below(place))]
        for directory in {each for place in places for each in directories(place)}:
            try:
                status = directory.stat()
            except OSError:
                continue
            if os.access(directory, os.R_OK, effective_ids=True):  # without that right there is no inotify for it
                found[directory] = (status.st_dev, status.st_ino)
        return found

    def _noticed(self, ignored: object, path: object, mask: int) -> None:
        if mask & _gone():
            self._watched = {}  # another directory may get the number of the one that is gone
        self._look_in(SETTLE)

    def _look_in(self, seconds: float) -> None:
        if self._settling is not None and self._settling.active():
            self._settling.reset(seconds)
        else:
            self._settling = self._clock.callLater(seconds, self.look)


def _mask() -> int:
    flags = inotify.load()
    mask: int = (
        flags.IN_CLOSE_WRITE
        | flags.IN_MOVED_TO
        | flags.IN_MOVED_FROM
        | flags.IN_CREATE
        | flags.IN_DELETE
        | flags.IN_ATTRIB
        | _gone()
    )
    return mask


def _gone() -> int:
    flags = inotify.load()
    gone: int = flags.IN_DELETE_SELF | flags.IN_MOVE_SELF
    return gone


def inotify_notifier(reactor: Any) -> Any:
    """Make Twisted's inotify reader.

    Raises:
        ImportError: This system has none.
    """
    return inotify.load().INotify(reactor)
