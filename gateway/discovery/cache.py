"""What discovery has found, in a file, so that a start does without the registries.

One file for all upstreams, replaced as a whole (a process that is killed leaves the old one or the new one), readable
by its owner only. What is read is checked as what a registry says is: the file is another place that may lie.

Tests: `tests/discovery/test_cache.py`.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger

from gateway.discovery.members import MOST, Member, Refused, collect, from_url

LARGEST: Final = 16 * 1024 * 1024
"""Octets of the file."""
DELAY: Final = 0.5
"""Seconds from a change to its being written, for all that change with it."""

_log = Logger(namespace="gateway.discovery")

Question = tuple[object, ...]


class Cache(Service):
    """Keeps members between two starts.

    Args:
        path: Of the file; its directory must be there.
        reactor: Keeps time.
        work: Does in a thread what waits for the disk.
    """

    def __init__(self, path: str, reactor: Any, work: Callable[..., Deferred[Any]]) -> None:
        self._path = path
        self._reactor = reactor
        self._work = work
        self._entries: dict[str, dict[str, Any]] = {}
        self._later: Any = None
        self._writing: Deferred[Any] = succeed(None)
        self._failing = False
        self._before = _read(path)

    def known(self, upstream: str, question: Question) -> list[Member]:
        """Return what was found for an upstream, where the same was asked."""
        found = self._entries.get(upstream) or self._before.get(upstream)
        if not isinstance(found, dict) or found.get("question") != _plain(question):
            return []
        self._entries[upstream] = found
        said = found.get("members")
        members, _ = collect(said[:MOST] if isinstance(said, list) else (), _member)
        return members

    def keep(self, upstream: str, question: Question, members: Sequence[Member]) -> None:
        """Keep what was found for an upstream."""
        self._entries[upstream] = {"question": _plain(question), "members": [list(member) for member in members]}
        if self._later is None:
            self._later = self._reactor.callLater(DELAY, self._write)

    def stopService(self) -> Deferred[Any]:
        """Write what is not written yet; fires when it is."""
        super().stopService()
        if self._later is not None:
            self._later.cancel()
            self._work = maybeDeferred  # the threads stop too
            self._write()
        return self._writing

    def _write(self) -> None:
        self._later = None
        content = json.dumps({"version": 1, "upstreams": self._entries}, indent=1).encode()
        # One after the other: an older content must not come last.
        self._writing.addCallback(lambda _: self._work(_replace, self._path, content))
        self._writing.addCallbacks(lambda _: self._written(None), lambda failure: self._written(failure.value))

    def _written(self, error: object) -> None:
        if error is not None and not self._failing:
            words = error.strerror if isinstance(error, OSError) else error
            _log.warn("discovery_cache: {path} cannot be written: {words}", path=self._path, words=words)
        self._failing = error is not None


def _replace(path: str, content: bytes) -> None:
    """Put a file with this content in the place of the one that is there."""
    target = Path(os.path.realpath(path))
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: str) -> dict[str, Any]:
    """Return what the file has for each upstream; nothing where it cannot be used."""
    try:
        # Not to wait: a pipe of this name would hold up the start.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError("it is not a file")
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it is longer than {LARGEST} octets")
        said = json.loads(content)
        found = said.get("upstreams") if isinstance(said, dict) and said.get("version") == 1 else None
        if not isinstance(found, dict):
            raise ValueError("it is not one of ours")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        _log.warn("discovery_cache: {path} is not used: {words}", path=path, words=words)
        return {}
    return found


def _member(said: Any) -> Member:
    if not isinstance(said, list) or len(said) != 3:
        raise Refused("expected a member, found something else")
    url, weight, backup = said
    return from_url(url, weight, backup is True)


def _plain(question: Question) -> list[Any]:
    found: list[Any] = json.loads(json.dumps(question))
    return found
