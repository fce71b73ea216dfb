"""Tell when the configuration has changed on disk.

inotify watches the directories (a file that is replaced has another inode, and
a Kubernetes ConfigMap changes by the swap of a symbolic link); a look every
few seconds at the content catches what inotify cannot see (network file
systems). What counts is the content: the same bytes again are no change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.filepath import FilePath

SETTLE = 0.2
"""Seconds without another change before the content is looked at: editors write in several steps."""
POLL = 5.0
"""Seconds between looks that do not wait for inotify."""

_SUFFIXES = (".yaml", ".yml", ".json")
_log = Logger()


def digest(path: Path) -> bytes:
    """Return a digest of everything that a configuration is read from."""
    digest = hashlib.sha256()
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    directory = path if path.is_dir() else path.parent
    wanted = [file for file in files if file.suffix in _SUFFIXES or file == path]
    for file in [*wanted, directory / ".env"]:
        try:
            content = file.read_bytes()
        except OSError:
            continue
        digest.update(b"%b\0%d\0" % (file.name.encode(), len(content)))
        digest.update(content)
    return digest.digest()


class ConfigWatcher(Service):
    """Calls `changed` when the content of a configuration is another.

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
        self._seen = b""
        self._settling: IDelayedCall | None = None
        self._polling = LoopingCall(self.look)
        self._polling.clock = reactor

    def startService(self) -> None:
        """Begin to watch; what is there now is known."""
        super().startService()
        self._seen = digest(self._path)
        if self._make_notifier is not None:
            try:
                self._notifier = self._make_notifier(self._reactor)
                self._notifier.startReading()
                for directory in self._directories():
                    self._notifier.watch(FilePath(str(directory)), mask=_mask(), callbacks=[self._noticed])
            except Exception as error:  # noqa: BLE001 - Twisted raises what the system call has, in several classes
                # For example the limit on watches of this user; the slower way remains.
                _log.warn("No inotify for {path}: {error}", path=str(self._path), error=error)
        self._polling.start(POLL, now=False)

    def stopService(self) -> None:
        """Watch no more."""
        super().stopService()
        if self._polling.running:
            self._polling.stop()
        if self._settling is not None and self._settling.active():
            self._settling.cancel()
        if self._notifier is not None:
            self._notifier.loseConnection()
            self._notifier = None

    def look(self) -> None:
        """Compare the content with what was seen last."""
        try:
            now = digest(self._path)
        except OSError:
            return  # it is just being exchanged: the next look will see
        if now != self._seen:
            self._seen = now
            self._changed()

    def _directories(self) -> set[Path]:
        directory = self._path if self._path.is_dir() else self._path.parent
        # A ConfigMap mounted file is a link into a directory beside it that is swapped.
        return {directory.absolute(), self._path.resolve().parent if self._path.is_file() else directory.resolve()}

    def _noticed(self, *event: object) -> None:
        if self._settling is not None and self._settling.active():
            self._settling.reset(SETTLE)
        else:
            self._settling = self._clock.callLater(SETTLE, self.look)


def _mask() -> int:
    from twisted.internet import inotify

    mask: int = (
        inotify.IN_CLOSE_WRITE
        | inotify.IN_MOVED_TO
        | inotify.IN_MOVED_FROM
        | inotify.IN_CREATE
        | inotify.IN_DELETE
        | inotify.IN_ATTRIB
    )
    return mask


def inotify_notifier(reactor: Any) -> Any:
    """Make Twisted's inotify reader.

    Raises:
        ImportError: This system has none.
    """
    from twisted.internet.inotify import INotify

    return INotify(reactor)
