"""Files that root has read and this process may not read any more: kept for the processes that it will start.

Made by `gateway.tap`; handed to workers by `gateway.processes.launching`, and to a process that takes over by
`gateway.processes.upgrade`. There they are lent: Note [What root has read] in `gateway.config.lent_files`. What this
process may read itself is not kept: whoever is started reads it.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from gateway.composition.fingerprint import files_below
from gateway.config.lent_files import LentFiles, lent
from gateway.config.regular import read_regular


class HeldFiles:
    """The contents of such files.

    Args:
        named: Returns the files and directories that the configuration in force names.
        theirs: What this process was lent itself.
        content: Returns what a file holds; raises `OSError`.
    """

    def __init__(
        self,
        named: Callable[[], Iterable[str]],
        theirs: LentFiles = lent,
        content: Callable[[Path], bytes] = read_regular,
    ) -> None:
        self._named = named
        self._theirs = theirs
        self._content = content
        self._contents: dict[str, bytes] = {}

    def read(self) -> None:
        """Read all, while this process still has the rights for it."""
        for file in self._files():
            with suppress(OSError):  # told by who needs it
                self._contents[str(file)] = self._content(file)

    def rights_are_gone(self) -> None:
        """Keep what this process may not read from now on."""
        self._contents = {name: content for name, content in self._contents.items() if _is_closed(name)}

    def changed(self) -> None:
        """Forget what the configuration names no more, and hold of the rest what is in force now.

        A configuration came into force, so every file in it that may be read was read; who starts later must not have
        what was there before.
        """
        if not self._contents:
            return
        named = {str(file) for file in self._files()}
        for name in [*self._contents]:
            if name not in named:
                del self._contents[name]
            else:
                with suppress(PermissionError):
                    self._contents[name] = self._content(Path(name))

    def handed_on(self) -> int | None:
        """Write them into memory that a process which is started can read.

        Returns:
            Its descriptor, which is the caller's to close; None where there are no such files.
        """
        if not self._contents:
            return None
        said = {name: b64encode(content).decode() for name, content in self._contents.items()}
        descriptor = os.memfd_create("gateway-files", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(descriptor), "w") as stream:
            json.dump(said, stream)  # not orjson: names of files may be no Unicode
        return descriptor

    def _files(self) -> list[Path]:
        named = [*self._named()]
        closed = (path for name in named for path in self._theirs.below(Path(name)))
        return files_below(named, [*closed, *map(Path, self._contents)])


def borrow(descriptor: int, ours: LentFiles = lent) -> None:
    """Have what another process holds; the descriptor is closed."""
    with os.fdopen(descriptor) as stream:
        stream.seek(0)
        ours.lend({name: b64decode(content) for name, content in json.load(stream).items()})


def _is_closed(name: str) -> bool:
    try:
        os.close(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return isinstance(error, PermissionError)
    return False
