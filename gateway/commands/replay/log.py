"""What `gateway replay`, `plan` and `diff` have in common: a log that is read twice, who called, and how far it is.

Tests: `tests/commands/replay/test_command.py`.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from gateway.commands.reading import COULD_NOT

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.config.loading import Loaded
    from gateway.recorded.log import RecordedLog
    from gateway.recorded.survey import Survey
    from gateway.rehearsal.callers.recorded import Callers
    from gateway.rehearsal.replaying.replay import Replayed


@contextmanager
def opened(path: str, form: str | None, configurations: Sequence[Settings]) -> Iterator[Callable[[], RecordedLog]]:
    """Give what opens a log, as often as it is wanted: standard input is kept in a file meanwhile.

    Args:
        path: Of the log; `-` for standard input.
        form: How it is written; None to find that out.
        configurations: One of them may be whose log it is.
    """
    import shutil
    import tempfile

    from gateway.recorded.forms import of_settings
    from gateway.recorded.log import RecordedLog

    own = [one for settings in configurations for one in of_settings(settings)]
    if path != "-":
        yield lambda: RecordedLog(path, form, own)
        return
    with tempfile.NamedTemporaryFile(prefix="gateway-log-") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield lambda: RecordedLog(file.name, form, own, shown="-")


def surveyed(open_log: Callable[[], RecordedLog]) -> Survey:
    """Look through a log, or say why that cannot be done, and exit with 2."""
    from gateway.recorded.log import NotALog
    from gateway.recorded.survey import survey

    log = open_log()
    try:
        found = survey(log)
    except NotALog as error:
        end(str(error))
    if not found.requests:
        line, why = found.examples[0]
        end(f"{log.path}: no line holds a request; line {line}: {why}")
    return found


def callers_of(survey: Survey, claims: str | None, stranger: str | None) -> Callers:
    """Return who called.

    Args:
        survey: Of the log.
        claims: A file with claims by name.
        stranger: Claims, or a name, of who has none in a log without names.
    """
    from gateway.commands.claims import claims_of
    from gateway.rehearsal.callers.recorded import Callers

    try:
        known = {} if claims is None else _known(Path(claims))
        return Callers(survey.users, known, None if stranger is None else claims_of(stranger))
    except ValueError as error:
        end(str(error))


def _known(file: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(file.read_text())
    except OSError as error:
        raise ValueError(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{file}: expected a JSON object of claims by caller: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ValueError(f'{file}: expected a JSON object of claims by caller: {{"u1": {{"scope": "read"}}}}')
    return {name: {"sub": name, **said} for name, said in found.items()}


def replay(
    open_log: Callable[[], RecordedLog],
    survey: Survey,
    loaded: Sequence[Loaded],
    callers: Callers,
    host: str | None = None,
    ignored: Collection[str] = (),
) -> Replayed:
    """Take a log through a configuration, or say why that cannot be done, and exit with 2.

    Args:
        open_log: Opens it.
        survey: Of the log.
        loaded: The configuration, and the one before where there is one.
        callers: Who made the requests.
        host: Of requests whose log has none.
        ignored: Kinds of differences that are none, as `--ignore` has them.
    """
    from gateway.config import ConfigError
    from gateway.config.written import find_places
    from gateway.recorded.log import NotALog
    from gateway.rehearsal.replaying.answered import KINDS
    from gateway.rehearsal.replaying.destinations import ANY_HOST
    from gateway.rehearsal.replaying.forked_stream import CopyFailed
    from gateway.rehearsal.replaying.replay import replay as replayed

    settings = [one.settings for one in loaded]
    kinds = {kind for kind in KINDS if kind.replace(" ", "-") in ignored}
    progress = Progress(survey.requests)
    gc.freeze()  # what was read stays: looking through it again and again finds nothing
    collects = gc.isenabled()
    gc.enable()  # exchanges without end are garbage without end
    try:
        old = settings[1] if len(settings) > 1 else None
        return replayed(open_log, settings[0], old, callers, host or ANY_HOST, kinds, progress)
    except ConfigError as error:
        for one in loaded:
            find_places(error, one.root, one.settings)
        end("\n".join(map(str, error.problems)))
    except (NotALog, CopyFailed) as error:
        end(str(error))
    finally:
        progress.end()
        if not collects:
            gc.disable()


class Progress:
    """Shows how far it is, where somebody sits at the terminal.

    Args:
        whole: How many requests there are.
    """

    def __init__(self, whole: int) -> None:
        self._whole = whole
        self._shown = sys.stderr.isatty()
        self._percent = -1

    def __call__(self, done: int) -> None:
        """Show it, where it is another percent."""
        percent = done * 100 // self._whole if self._whole else 100
        if self._shown and percent != self._percent:
            self._percent = percent
            click.echo(f"\r{done:,} of {self._whole:,} requests ({percent} %)", err=True, nl=False)

    def end(self) -> None:
        """Take it away."""
        if self._shown and self._percent >= 0:
            click.echo("\r\033[K", err=True, nl=False)


def end(words: str) -> NoReturn:
    """Say why it could not be done, and exit with 2."""
    from gateway.commands.wording import printable

    click.echo("\n".join(printable(line) for line in words.splitlines()), err=True)
    raise SystemExit(COULD_NOT)
