"""Makes settings of a configuration in a process of its own: the gateway that asks must not stand still meanwhile.

Run as `python -m gateway.config.apart` by `gateway.composition.reader`: a question on standard input, an answer on
standard output. Reading and validating five thousand routes takes more than a second of Python; a thread would take
turns with the reactor at every system call of a request. What is the same as in force is not sent back: making
objects of it again would take the reactor half as long as the reading.

Tests: `tests/composition/test_reader.py::test_what_is_the_same_is_not_sent_back`.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.config.differences import same
from gateway.config.loading import LISTS, Loaded, compose, without_lists
from gateway.config.overlays import Overlay
from gateway.config.problems import ConfigError, Place, Problem, problem
from gateway.config.sources import Sources

MOST_BARE: Final = 64 * 1024
"""Octets of what a single thing is judged by; with more, judging it would hold the reactor up."""


class Question(NamedTuple):
    """What is to be made a configuration of.

    Attributes:
        found: The files as they were read.
        problems: Those that there were.
        overlay: What is over them.
        overlay_path: Where that is kept.
        environ: The environment.
        known: The things of the long lists that are in force, pickled: they have names, and are sent one by one.
    """

    found: Sources
    problems: Sequence[Problem]
    overlay: Overlay
    overlay_path: Path | None
    environ: Mapping[str, str]
    known: Mapping[str, Sequence[bytes]]


class Answer(NamedTuple):
    """What was read.

    Attributes:
        settings: The settings, pickled, without the lists.
        things: Of each list, in order: the place among those that are in force, or the thing, pickled.
        doubts: What is doubtful.
        held: As of `gateway.config.loading.Loaded`.
        bare: As `bare` makes it.
    """

    settings: bytes
    things: Mapping[str, Sequence[int | bytes]]
    doubts: Sequence[Problem]
    held: Mapping[str, frozenset[str]]
    bare: bytes


def compose_over(
    found: Sources,
    overlay: Overlay,
    overlay_path: Path | None,
    environ: Mapping[str, str],
    problems: Sequence[Problem],
) -> Loaded:
    """Make a configuration of files, and of an overlay that is kept where it is kept already.

    Raises:
        ConfigError: It cannot be used, or says that the overlay is kept somewhere else.
    """

    def find(path: Path | None) -> Overlay:
        if path != overlay_path:
            where = Place(found.files[0].file if found.files else str(found.directory), 1, 1)
            wanted = "the file that it named at the start: where the overlay is kept changes with a restart only"
            raise ConfigError([problem(where, "admin.overlay", wanted, f'"{path}"' if path else "none")])
        return overlay

    return compose(found, environ, find, problems=problems)


def bare(loaded: Loaded) -> bytes:
    """Return what a single thing of the configuration is judged by, pickled; nothing where no thing can be changed."""
    if not loaded.settings.admin.token.get_secret_value():
        return b""
    pickled = pickle.dumps(loaded.bare, pickle.HIGHEST_PROTOCOL)
    return pickled if len(pickled) <= MOST_BARE else b""


def answer(question: Question) -> Answer | list[Problem]:
    """Read a configuration; returns what is wrong where it cannot be used."""
    try:
        loaded = compose_over(
            question.found, question.overlay, question.overlay_path, question.environ, question.problems
        )
    except ConfigError as error:
        return list(error.problems)
    settings = loaded.settings
    things: dict[str, list[int | bytes]] = {}
    for key in LISTS:
        known: dict[str, tuple[int, Any]] = {}
        for place, pickled in enumerate(question.known[key]):
            thing = pickle.loads(pickled)  # noqa: S301 - from the process that has started this one
            known[thing.name] = place, thing
        things[key] = []
        for thing in getattr(settings, key):
            place, was = known.get(thing.name, (-1, None))
            things[key].append(place if same(was, thing) else pickle.dumps(thing, pickle.HIGHEST_PROTOCOL))
    plain = pickle.dumps(without_lists(settings), pickle.HIGHEST_PROTOCOL)
    return Answer(plain, things, loaded.doubts, loaded.held, bare(loaded))


def main() -> None:
    """Answer one question."""
    question: Question = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that has started this one
    pickle.dump(answer(question), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    # By its importable name, so that what is pickled is of the module that the asking process knows.
    from gateway.config import apart

    apart.main()
