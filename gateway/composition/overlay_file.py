"""The file that keeps what the admin API changes: whole or not at all, and there after the power has gone.

Written beside its place and renamed; the file before the rename and the directory after it are synchronised with the
disk, in a thread: that may take as long as the disk likes.

Note [In its place, and perhaps not for good]

Once the file has its name, who starts next reads it. Where the directory cannot be synchronised after that, the change
is made all the same: refused, it would not be in force, and would be there after the next start. The answer says that
it may be lost with the power. To put the file before back into its place would be another rename, on the same disk.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.config.overlays import NOTHING, Overlay, parse
from gateway.config.sources import Source
from gateway.transport.threads import Threads

MODE = 0o600
"""For the operator's eyes only: secrets that were sent stand in it."""


class NotKept(Exception):
    """The overlay could not be written, so the change was not made; the text says why."""


class OverlayFile(Service):
    """Writes it.

    Args:
        threads: Makes threads: how many at most, and what they are called.
    """

    def __init__(self, threads: Callable[[int, str], Threads]) -> None:
        self._make = threads
        self._threads: Threads | None = None

    def keep(self, path: Path | None, overlay: Overlay) -> Deferred[Kept]:
        """Write an overlay down; nothing is written where it has no file.

        Returns:
            Fires when it is on the disk, with the overlay as it reads back: places in it are those in its own text;
            fails with `NotKept`.
        """
        if self._threads is None:
            self._threads = self._make(1, "overlay")
            self._threads.startService()
        return self._threads.call(settle, path, overlay).addErrback(_not_kept)

    def stopService(self) -> Deferred[object] | None:
        """Let the thread go."""
        super().stopService()
        threads, self._threads = self._threads, None
        return None if threads is None else threads.stopService()


class Kept(NamedTuple):
    """An overlay that was written down.

    Attributes:
        overlay: As it reads back.
        packed: Its text, compressed: versions that are kept take little memory.
        doubt: Why it may be lost with the power; empty where it is not. Note [In its place, and perhaps not for good].
    """

    overlay: Overlay
    packed: bytes
    doubt: str = ""

    @classmethod
    def unpacked(cls, packed: bytes) -> Overlay:
        """Read one again."""
        return parse(Source("overlay", zlib.decompress(packed).decode()))


def settle(path: Path | None, overlay: Overlay) -> Kept:
    """Write an overlay, and read it back.

    Raises:
        OSError: It cannot be written.
    """
    text = overlay.text().encode()
    file = "overlay" if path is None else str(path)
    # Before it is written: nothing may fail once it is in its place.
    kept = Kept(NOTHING if overlay.empty else parse(Source(file, text.decode())), zlib.compress(text))
    return kept if path is None else kept._replace(doubt=write(path, None if overlay.empty else text))


def write(path: Path, content: bytes | None, synchronise: Callable[[int], None] = os.fsync) -> str:
    """Put content into the place of a file, or remove it where there is none.

    Args:
        path: The place.
        content: What is put there.
        synchronise: Waits until the disk has what was written to a descriptor.

    Returns:
        Why it may be lost with the power; empty where it is not.

    Raises:
        OSError: What was there is there still.
    """
    path = Path(os.path.realpath(path))
    if content is None:
        path.unlink(missing_ok=True)
    else:
        beside = path.with_name(f".{path.name}.new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                os.fchmod(stream.fileno(), MODE)  # whatever the umask is
                stream.write(content)
                stream.flush()
                synchronise(stream.fileno())
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
    try:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            synchronise(directory)
        finally:
            os.close(directory)
    except OSError as error:  # Note [In its place, and perhaps not for good]
        return f"its directory cannot be synchronised with the disk: {error.strerror or type(error).__name__}"
    return ""


def _not_kept(failure: Failure) -> Kept:
    failure.trap(OSError)
    error = failure.value
    assert isinstance(error, OSError)  # the only kind that is let through
    raise NotKept(error.strerror or type(error).__name__)
