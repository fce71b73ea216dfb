"""The configuration read again, in a process of its own where it is large."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, execute
from twisted.internet.task import Clock

from gateway import config
from gateway.composition.reader import CannotRead, Read, Reader
from gateway.composition.slices import SLICE, Slices
from gateway.config import ConfigError, Settings, apart, sources
from gateway.config.apart import Answer, Question
from gateway.config.overlays import NOTHING
from gateway.config.problems import Problem

TEXT = """
upstreams: [{name: users, backends: [{url: "http://127.0.0.1:9001"}]}]
circuit_breaker: {timeout: 5s}
routes:
"""


def text(count: int, timeout: str = "30s") -> str:
    """Write a configuration with some routes, and the timeout of the last."""
    routes = [f"- {{name: r{one}, path: /r{one}/*, upstream: users}}" for one in range(count - 1)]
    return TEXT + "\n".join([*routes, f"- {{name: last, path: /last, upstream: users, timeout: {timeout}}}"]) + "\n"


class AtOnce:
    """Threads that do their work at once."""

    def startService(self) -> None: ...

    def stopService(self) -> None: ...

    def call(self, work: Callable[..., Any], /, *arguments: Any) -> Deferred[Any]:
        return execute(work, *arguments)


class Reading:
    """A reader of a file, with its question answered in this process unless it has a command."""

    def __init__(self, path: Path, *, large: int = 0, command: tuple[str, ...] | None = None, **options: Any) -> None:
        self.path = path
        self.clock = Clock()
        self.slices: list[Slices] = []
        self.answers: list[Answer | list[Problem]] = []
        self.settings = config.load(path, {})
        options |= {} if command is None else {"command": command}
        self.reader = Reader(lambda most, name: AtOnce(), self._slices, large, **options)
        if command is None:
            self.reader._ask = self._answer  # type: ignore[method-assign]  # no process

    def _slices(self) -> Slices:
        self.slices.append(Slices(self.clock))
        return self.slices[-1]

    def _answer(self, question: Question) -> Answer | list[Problem]:
        self.answers.append(apart.answer(question))
        return self.answers[-1]

    def read(self, environ: Mapping[str, str] | None = None) -> tuple[Settings, list[Problem]]:
        done: list[Read] = []
        failed: list[Any] = []
        reading = self.reader.compose(asked(self.path, environ or {}), self.settings)
        ensureDeferred(reading).addCallbacks(done.append, failed.append)
        while self.clock.getDelayedCalls():
            self.clock.advance(0)
        if failed:
            failed[0].raiseException()
        return done[0].settings, done[0].doubts


def asked(path: Path, environ: Mapping[str, str]) -> Question:
    """Read a file, and ask for settings."""
    problems: list[Problem] = []
    return Question(sources.gather(path, problems), problems, NOTHING, None, environ, {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with three routes."""
    found = tmp_path / "gateway.yaml"
    found.write_text(text(3))
    return found


def test_what_is_large(path: Path) -> None:
    """All files together; without a Python to start there is no process."""
    found = asked(path, {}).found

    assert Reading(path, large=100).reader.is_large(found)
    assert not Reading(path, large=10_000).reader.is_large(found)
    assert not Reading(path, large=100, command=("", "-m")).reader.is_large(found)


def test_what_is_the_same_is_not_sent_back(path: Path) -> None:
    """It is the object that is in force."""
    reading = Reading(path)
    path.write_text(text(3, "31s").replace("r1", "new"))
    settings, _ = reading.read()
    (answer,) = reading.answers

    assert isinstance(answer, Answer)
    assert answer.things["upstreams"] == [0]
    assert [isinstance(one, bytes) for one in answer.things["routes"]] == [False, True, True]
    assert settings == config.load(path, {})
    assert settings.model_fields_set == config.load(path, {}).model_fields_set
    assert settings.routes[0] is reading.settings.routes[0]
    assert [route.timeout for route in settings.routes] == [30.0, 30.0, 31.0]


def test_what_is_wrong_is_told_with_its_place(path: Path) -> None:
    """As it is by a process that reads for itself."""
    reading = Reading(path)
    path.write_text(text(3, "soon"))

    with pytest.raises(ConfigError, match=r"gateway.yaml:7:55: routes\[2\].timeout: expected a duration"):
        reading.read()


def test_doubts_come_along(path: Path) -> None:
    """They are for the log."""
    reading = Reading(path)
    path.write_text(text(3) + "- {name: again, path: /last, upstream: users}\n")

    assert "no request reaches it" in str(reading.read()[1])


def test_it_goes_in_slices(path: Path) -> None:
    """Thousands of routes are sent, and put together, some at a time; what was pickled once is kept."""
    path.write_text(text(1000))
    reading = Reading(path)
    reading.read()
    first = reading.slices[0].count
    reading.read()

    assert first >= 5
    assert reading.slices[1].count < first
    assert max(slices.longest for slices in reading.slices) < 1.1 * SLICE
    assert len(reading.reader._pickled) == 1001


def test_what_was_in_force_before_is_not_held(path: Path) -> None:
    """Of what changed, that is kept which was read: pickled already, and not twice."""
    reading = Reading(path)
    path.write_text(text(3, "31s"))
    settings, _ = reading.read()
    held = [thing for thing, _ in reading.reader._pickled.values()]

    assert [id(one) for one in held] == [id(one) for one in (*settings.routes, *settings.upstreams)]
    assert pickle.loads(reading.reader._pickled[id(settings.routes[2])][1]) == settings.routes[2]


def test_without_a_process_it_is_read_here(path: Path) -> None:
    """It costs time, and changes nothing else."""
    reading = Reading(path, command=("/there/is/no/such",))

    assert reading.read()[0] == reading.settings


def test_a_process_that_fails_is_no_answer(path: Path) -> None:
    """It is said how it ended."""
    reading = Reading(path, command=(sys.executable, "-c", "import sys; sys.exit('out of memory')"))
    with pytest.raises(CannotRead, match=r"ended with 1: out of memory"):
        reading.reader._ask(asked(path, {}))

    assert reading.read()[0] == reading.settings


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("import os; os.kill(os.getpid(), 9)", "that the process that read it was ended by signal 9"),
        ("import time; time.sleep(600)", "one that took longer than 0.3 s"),
    ],
)
def test_what_is_too_much_for_a_process_is_not_read_here(path: Path, words: str, found: str) -> None:
    """It would be the end of the gateway, or would hold it up for as long; those who come after it are read."""
    reading = Reading(path, command=(sys.executable, "-c", words), longest=0.3 if "time" in words else 60.0)

    with pytest.raises(
        ConfigError, match=f"gateway.yaml:1:1: expected a configuration that can be read, found {found}"
    ):
        reading.read()


def test_a_process_of_its_own(path: Path) -> None:
    """The real one, with its environment."""
    reading = Reading(path, command=(sys.executable, "-m", "gateway.config.apart"))
    path.write_text(text(3, "'${LONG}'"))
    settings, _ = reading.read({"LONG": "40s"})

    before = reading.settings.routes
    assert [one is other for one, other in zip(settings.routes, before, strict=True)] == [True, True, False]
    assert settings.routes[2].timeout == 40.0


def test_who_stops_does_not_wait(path: Path) -> None:
    """The process is ended, and nothing is read in its place."""
    reading = Reading(path, command=(sys.executable, "-c", "import time; time.sleep(60)"))
    ask = subprocess.Popen.communicate

    def stopped(self: Any, *arguments: Any) -> Any:
        reading.reader.give_up()
        return ask(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "communicate", stopped)
        with pytest.raises(CannotRead):
            reading.read()
