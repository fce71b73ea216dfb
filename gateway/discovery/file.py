"""Members in a file: a list of `{url, weight}`, looked at twice a second.

Looked at, not watched by inotify: what a symbolic link or a network drive changes is seen too, and the whole costs a
system call (D-419).

Tests: `tests/flow/test_discovery.py::test_what_cannot_be_used_changes_nothing`.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, Final

from twisted.internet.task import deferLater

from gateway.config import reading
from gateway.config.nodes import to_data
from gateway.config.problems import Problem
from gateway.discovery.contract import Answer, SourceFault, Tell
from gateway.discovery.members import collect, from_value

INTERVAL: Final = 0.5
"""Seconds between two looks."""
LARGEST: Final = 1024 * 1024
"""Octets."""


class FileSource:
    """Reads a file whenever it has changed (`gateway.discovery.contract.Source`).

    Args:
        path: Of the file, YAML or JSON.
        reactor: Keeps time.
    """

    longest_pause = INTERVAL

    def __init__(self, path: str, reactor: Any) -> None:
        self._path = Path(path)
        self._reactor = reactor

    async def follow(self, tell: Tell) -> None:
        """Tell what is in it, now and after each change; see `Source`."""
        seen: object = None
        while True:
            found, content = self._look(seen)
            if content is not None:
                tell(_read(content))
                seen = found
            await deferLater(self._reactor, INTERVAL)

    def close(self) -> None:
        """Nothing is kept between two looks; see `Source`."""

    def _look(self, seen: object) -> tuple[object, bytes | None]:
        try:
            status = self._path.stat()
            found = (status.st_mtime_ns, status.st_size, status.st_ino)
            if found == seen:
                return found, None
            if not stat.S_ISREG(status.st_mode):
                raise SourceFault("it is not a file")
            with self._path.open("rb") as file:
                content = file.read(LARGEST + 1)
        except OSError as error:
            raise SourceFault(f"the file cannot be read: {error.strerror}") from None
        if len(content) > LARGEST:
            raise SourceFault(f"the file is longer than {LARGEST} octets")
        return found, content


def _read(content: bytes) -> Answer:
    if not content.strip():
        raise SourceFault("the file is empty (`[]` for no members): it is being written")
    said = _parse(content)
    if not isinstance(said, list):
        raise SourceFault("the file is not a list of `{url, weight}`")
    return Answer(*collect(said, from_value))


def _parse(content: bytes) -> object:
    try:
        return json.loads(content)  # in a millisecond for a thousand members; YAML takes fifty
    except (ValueError, RecursionError):
        pass
    problems: list[Problem] = []
    try:
        # The reader of the configuration: libyaml's own ends the process on a file of brackets.
        root = reading.read(content.decode(), "members", problems)
    except UnicodeDecodeError:
        raise SourceFault("the file is not UTF-8") from None
    if root is None or problems:
        raise SourceFault("the file is neither YAML nor JSON")
    return to_data(root)
