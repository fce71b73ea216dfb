"""Makes settings of a large configuration without holding the reactor up.

Asked by `gateway.composition.configured`. Of a small configuration settings are made at once, in some milliseconds; of
a large one in a process of its own (`gateway.config.apart`), which sends back what is not as it is in force. Where
there can be no such process, it is done here all the same, and the log says so.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gateway.composition.slices import LOOK, Slices
from gateway.config import ConfigError, Settings
from gateway.config.apart import Answer, Question, bare, compose_over
from gateway.config.loading import LISTS
from gateway.config.overlays import Overlay
from gateway.config.problems import Place, Problem, problem
from gateway.config.sources import Sources
from gateway.transport.threads import Threads

LARGE: Final = 4 * 1024
"""Octets of files that are read in a process of their own: some 30 routes, which take 8 ms."""

LONGEST: Final = 300.0
"""Seconds that a configuration may take to be read: as long as it does, no other one is."""

PICKLED: Final = 20
"""Work of pickling a thing of the configuration."""

_COMMAND: Final = (sys.executable, "-m", "gateway.config.apart")

_log = Logger()

T = TypeVar("T")


class CannotRead(Exception):
    """The process that was to read the configuration did not answer."""


class Read(NamedTuple):
    """What was read; as of `gateway.config.apart.Answer`."""

    settings: Settings
    doubts: list[Problem]
    held: Mapping[str, frozenset[str]]
    bare: bytes


class Reader(Service):
    """Makes settings of large configurations elsewhere.

    Args:
        threads: Makes threads: how many at most, and what they are called.
        slices: Makes what counts the work.
        large: As `LARGE`.
        command: Runs `gateway.config.apart`.
        longest: As `LONGEST`.
    """

    def __init__(
        self,
        threads: Callable[[int, str], Threads],
        slices: Callable[[], Slices],
        large: int = LARGE,
        command: tuple[str, ...] = _COMMAND,
        longest: float = LONGEST,
    ) -> None:
        self._make = threads
        self._threads: Threads | None = None
        self._slices = slices
        self._large = large
        self._command = command
        self._longest = longest
        self._pickled: dict[int, tuple[Any, bytes]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._given_up = False

    def give_up(self) -> None:
        """Read no more; what is being read is not read to its end."""
        self._given_up = True
        process = self._process
        if process is not None:
            process.kill()

    def stopService(self) -> Deferred[Any] | None:
        """Let the thread go."""
        super().stopService()
        self.give_up()
        threads, self._threads = self._threads, None
        return None if threads is None else threads.stopService()

    def is_large(self, found: Sources) -> bool:
        """Whether what was read had better be made settings of elsewhere."""
        return self.is_large_text(sum(len(source.text) for source in found.files))

    def is_large_text(self, size: int) -> bool:
        """Whether a text of so many characters had better be read elsewhere."""
        return size >= self._large and bool(self._command[0])

    def aside(self, work: Callable[..., T], /, *arguments: Any) -> Deferred[T]:
        """Do some work in the thread that waits for the process."""
        return self._own_threads().call(work, *arguments)

    def _own_threads(self) -> Threads:
        if self._threads is None:
            self._threads = self._make(1, "configuration")
            self._threads.startService()
        return self._threads

    async def compose(self, question: Question, before: Settings) -> Read:
        """Make settings.

        Args:
            question: What of; `known` is filled in here.
            before: The settings in force: what is the same is the same object.

        Raises:
            ConfigError: The configuration cannot be used.
            CannotRead: The gateway is stopping.
        """
        slices = self._slices()
        known = {key: [await self._pickle(thing, slices) for thing in getattr(before, key)] for key in LISTS}
        if self._given_up:
            raise CannotRead("the gateway is stopping")
        try:
            answer = await self._own_threads().call(self._ask, question._replace(known=known))
        except CannotRead as error:
            if self._given_up:
                raise
            words = "The configuration is read in the gateway's own process, which stands still meanwhile: {error}"
            _log.warn(words, error=error)
            loaded = compose_over(
                question.found, question.overlay, question.overlay_path, question.environ, question.problems
            )
            return Read(loaded.settings, loaded.doubts, loaded.held, bare(loaded))
        if isinstance(answer, list):
            raise ConfigError(answer)
        settings: Settings = pickle.loads(answer.settings)  # noqa: S301 - from a process that was started here
        pickled: dict[int, tuple[Any, bytes]] = {}
        for key in LISTS:
            things = getattr(before, key)
            found = []
            for one in answer.things[key]:
                thing = things[one] if isinstance(one, int) else pickle.loads(one)  # noqa: S301 - likewise
                pickled[id(thing)] = thing, known[key][one] if isinstance(one, int) else one
                found.append(thing)
                await slices.did(LOOK if isinstance(one, int) else 5 * PICKLED)
            settings.__dict__[key] = tuple(found)
        self._pickled = pickled  # not those of before, which would be held as long as these are in force
        return Read(settings, list(answer.doubts), answer.held, answer.bare)

    async def _pickle(self, thing: Any, slices: Slices) -> bytes:
        known = self._pickled.get(id(thing))
        if known is None or known[0] is not thing:
            known = self._pickled[id(thing)] = thing, pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)
            await slices.did(PICKLED)
        return known[1]

    def _ask(self, question: Question) -> Answer | list[Problem]:
        """Have a process answer; in a thread, which waits for it.

        Raises:
            CannotRead: It did not.
        """
        sent = question._replace(overlay=_plain(question.overlay), environ=dict(question.environ))
        try:
            process = self._process = subprocess.Popen(  # noqa: S603 - this Python, and a module of ours
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # The modules that this process has, wherever it has found them; no signals of its terminal.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
                start_new_session=True,
            )
        except OSError as error:
            raise CannotRead(f"{self._command[0]} cannot be started: {error}") from None
        try:
            written, said = process.communicate(pickle.dumps(sent, pickle.HIGHEST_PROTOCOL), self._longest)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return [_too_much(question, f"one that took longer than {self._longest:g} s")]
        finally:
            self._process = None
        if process.returncode < 0 and not self._given_up:
            # Most probably for its memory: read here, the configuration would be the end of the gateway.
            return [_too_much(question, f"that the process that read it was ended by signal {-process.returncode}")]
        if process.returncode:
            words = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise CannotRead(f"{' '.join(self._command)} ended with {process.returncode}: {words}")
        answer: Answer | list[Problem] = pickle.loads(written)  # noqa: S301 - from a process that was started here
        return answer


def _too_much(question: Question, found: str) -> Problem:
    files = question.found.files
    place = Place(files[0].file if files else str(question.found.directory), 1, 1)
    return problem(place, "", "a configuration that can be read", found)


def _plain(overlay: Overlay) -> Overlay:
    """Return the same of dictionaries, which can be pickled."""
    objects = {section: dict(nodes) for section, nodes in overlay.objects.items()}
    return replace(overlay, objects=objects, deleted=dict(overlay.deleted))
