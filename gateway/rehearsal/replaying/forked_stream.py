"""A stream that a copy of this process makes, while this one does something else: two gateways on two cores.

Begun by `fork`, as in `gateway.rehearsal.apart`: the copy has all that was built. What it yields comes through a pipe
in bundles; a full pipe holds it up, so that neither runs far ahead of the other, and memory stays bounded.

Tests: `tests/rehearsal/replaying/test_forked_stream.py`.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Final, TypeVar

from gateway.rehearsal.apart import Broken

T = TypeVar("T")

BUNDLE: Final = 256
"""Items that are sent together: what they have in common is sent once."""


class CopyFailed(Exception):
    """The copy came to nothing; the words are its traceback, or how it ended."""


def forked_stream(make: Callable[[], Iterable[T]]) -> Generator[T, None, None]:
    """Yield what `make` yields in a copy of this process, which begins at once.

    Args:
        make: Called in the copy; what it yields is pickled.

    Raises:
        CopyFailed: It ended with an exception, or was ended.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        os.close(reading)
        _copied(make, writing)
    os.close(writing)
    return _received(process, os.fdopen(reading, "rb"))


def _received(process: int, file: BinaryIO) -> Generator[T, None, None]:
    try:
        with file:
            while True:
                try:
                    said = pickle.load(file)  # noqa: S301  # our own copy has said it
                except EOFError:
                    raise CopyFailed("the process beside this one has ended") from None
                if said is None:
                    return
                if isinstance(said, Broken):
                    raise CopyFailed(said.words)
                yield from said
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)  # who stops early leaves nothing running
        # nosemgrep: blocking-process - no reactor runs here, and the copy was ended
        os.waitpid(process, 0)


def _copied(make: Callable[[], Iterable[T]], writing: int) -> None:
    """Make the stream in the copy, which ends with it."""
    try:
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as out:
            try:
                items = iter(make())
                while bundle := list(islice(items, BUNDLE)):
                    pickle.dump(bundle, out)
                pickle.dump(None, out)
            except BrokenPipeError:
                raise
            except Exception:  # noqa: BLE001  # told by the process that waits
                pickle.dump(Broken(traceback.format_exc()), out)
    finally:
        os._exit(0)  # nothing that this process has to do at its end is the copy's to do
