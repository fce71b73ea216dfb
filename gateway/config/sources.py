"""Which files a configuration path stands for, and what they hold.

A file stands for itself; a directory for its `*.yaml`, `*.yml` and `*.json`
in sorted order, hidden ones left out (a Kubernetes ConfigMap keeps its real
files under `..data`). The `.env` beside them belongs to the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gateway.config.problems import Place, Problem, problem
from gateway.config.regular import open_regular

SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 16 * 2**20


class Source(NamedTuple):
    """One file's text."""

    file: str
    text: str


class Sources(NamedTuple):
    """All that was read for one configuration path.

    Attributes:
        directory: What relative file names in the configuration are relative to.
        variables: From the `.env` file.
        whole: Every file of the directory is read.
    """

    directory: Path
    files: tuple[Source, ...]
    variables: dict[str, str]
    whole: bool = False


def named(configuration: object) -> str | None:
    """Return the name of a configuration, None for one that an application hands over."""
    if not isinstance(configuration, (str, Path)):
        return None
    name = str(configuration)
    return name if in_etcd(name) else str(Path(name))


def in_etcd(name: str | None) -> bool:
    """Whether this is the name of a configuration in etcd (`gateway.discovery.documents`), and not of a file."""
    return name is not None and name.startswith("etcd+")


def gather(path: Path, problems: list[Problem]) -> Sources:
    """Read every file that `path` stands for; what cannot be read is a problem and left out."""
    if path.is_dir():
        directory = path
        names = sorted(
            entry
            for entry in path.iterdir()
            if entry.suffix in SUFFIXES and not entry.name.startswith(".") and not entry.is_dir()
        )
        if not names:
            problems.append(problem(Place(str(path), 1, 1), "", "*.yaml, *.yml or *.json in the directory", "none"))
    else:
        directory, names = path.parent, [path]
    files = []
    for name in names:
        # The one file that was named may be a pipe; what lies in a directory and is one would hold up a reload.
        text = _text(name, problems, open_regular if directory == path else _opened)
        if text is not None:
            files.append(Source(str(name), text))
    variables = _variables(directory / ".env", problems)
    return Sources(directory.absolute(), tuple(files), variables, directory == path)


def _variables(path: Path, problems: list[Problem]) -> dict[str, str]:
    if not path.is_file():
        return {}
    from gateway.config import dotenv  # few have such a file

    text = _text(path, problems)
    return {} if text is None else dotenv.parse(text, str(path), problems)


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _text(path: Path, problems: list[Problem], opened: Callable[[Path], BinaryIO] = open_regular) -> str | None:
    file = str(path)
    try:
        with opened(path) as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problems.append(problem(Place(file, 1, 1), "", "a file that can be read", f"an error: {reason}"))
        return None
    if len(content) > MAX_BYTES:
        problems.append(problem(Place(file, 1, 1), "", f"at most {MAX_BYTES} bytes", "more"))
        return None
    return decoded(content, file, problems)


def decoded(content: bytes, file: str, problems: list[Problem]) -> str | None:
    """Return the text of a file, or of what was sent in place of one; None where it is none."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        problems.append(problem(Place(file, line, column), "", "UTF-8", f"the byte 0x{content[error.start]:02X}"))
        return None
