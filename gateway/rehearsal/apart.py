"""Work that leaves no trace: each piece is done by a copy of this process, as it is now.

Note [A test starts from the gateway as it was built]

To build a gateway of 1,000 routes takes longer than to ask it 1,000 times, and what has been asked leaves counts,
breakers and kept answers behind. A copy made by `fork` costs milliseconds, starts from exactly what was built, and
ends with all that it has changed; and several run at once (D-318). Nothing here has threads or a reactor that runs.

Tests: `tests/rehearsal/test_apart.py`.
"""

from __future__ import annotations

import gc
import os
import pickle
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Broken:
    """A piece of work that came to nothing.

    Attributes:
        words: The traceback, or how its process ended.
    """

    words: str


@dataclass
class _Copy:
    """A process, and what it has said so far."""

    process: int
    said: list[bytes] = field(default_factory=list)


class Apart(Generic[T, R]):
    """Does pieces of work apart from each other.

    Args:
        work: Does one; what it returns is pickled.
        most: How many are done at once.
    """

    def __init__(self, work: Callable[[T], R], most: int | None = None) -> None:
        self._work = work
        self._most = most or os.cpu_count() or 1
        self._selector = selectors.DefaultSelector()
        self._copies: dict[int, tuple[int, _Copy]] = {}

    def each(self, items: Sequence[T]) -> Iterator[R | Broken]:
        """Yield what becomes of each item, in their order; who stops early leaves nothing running."""
        done: dict[int, R | Broken] = {}
        begun = 0
        gc.freeze()  # what the collector does not touch, the copies need not copy
        try:
            for wanted in range(len(items)):
                while wanted not in done:
                    while begun < len(items) and len(self._copies) < self._most:
                        self._begin(begun, items[begun])
                        begun += 1
                    done.update(self._listen())
                yield done.pop(wanted)
        finally:
            gc.unfreeze()
            for reading, (_, copy) in list(self._copies.items()):
                with suppress(ProcessLookupError):
                    os.kill(copy.process, signal.SIGKILL)
                self._end(reading, copy)

    def _begin(self, number: int, item: T) -> None:
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process == 0:
            os.close(reading)
            self._copied(item, writing)
        os.close(writing)
        self._copies[reading] = number, _Copy(process)
        self._selector.register(reading, selectors.EVENT_READ)

    def _copied(self, item: T, writing: int) -> None:
        """Do a piece of work in the copy, which ends with it."""
        try:
            gc.disable()
            try:
                result: object = self._work(item)
            except Exception:  # noqa: BLE001  # told by the process that waits
                result = Broken(traceback.format_exc())
            with open(writing, "wb") as out:  # a descriptor
                pickle.dump(result, out)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(0)  # nothing that this process has to do at its end is the copy's to do

    def _listen(self) -> Iterator[tuple[int, R | Broken]]:
        for key, _ in self._selector.select():
            number, copy = self._copies[key.fd]
            octets = os.read(key.fd, 1 << 20)
            if octets:
                copy.said.append(octets)
                continue
            status = self._end(key.fd, copy)
            if copy.said:
                yield number, pickle.loads(b"".join(copy.said))  # noqa: S301  # our own copy has said it
            else:
                yield number, Broken(f"its process ended with status {status}")

    def _end(self, reading: int, copy: _Copy) -> int:
        self._selector.unregister(reading)
        os.close(reading)
        del self._copies[reading]
        # nosemgrep: blocking-process - no reactor runs here, and the copy has closed its end
        return os.waitstatus_to_exitcode(os.waitpid(copy.process, 0)[1])
